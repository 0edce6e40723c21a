#ifndef MASKBENCH_DEVICE_HANDLE_H_
#define MASKBENCH_DEVICE_HANDLE_H_

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "open_device/open.h"
#include "device/queue.h"

namespace maskbench::device {

// The device that somebody asked for, if anybody did: opened when it is needed, and given up where it is lost. What its
// calls don't do is for the CPU. They throw UNAVAILABLE, unless the options say that the CPU is to go on then. Safe to
// use from many threads at once.
class Accelerator {
 public:
  // `open` gives the device's queue, or throws DeviceError.
  using Opener = std::function<std::unique_ptr<Queue>()>;
  Accelerator(const DeviceOptions& options, Opener open) : options_(options), open_(std::move(open)) {}

  // Nothing where there is none.
  Queue* Open();
  // Why the CPU does what was left to a device; empty: it does not.
  std::string problem();

  std::optional<std::vector<Face>> Find(const Image& image);
  // Gives whether it was drawn. `plan` is called only where there is a device.
  bool Draw(Image& image, const std::function<Drawing()>& plan, std::span<uint8_t> matte);
  // Gives whether `work` was done.
  bool Try(const std::function<void(Queue&)>& work);

 private:
  void GiveUp(const DeviceError& error);

  const DeviceOptions options_;
  const Opener open_;
  std::mutex mutex_;
  std::unique_ptr<Queue> queue_;
  std::string problem_;
};

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_HANDLE_H_
