#ifndef MASKBENCH_DEVICE_HANDLE_H_
#define MASKBENCH_DEVICE_HANDLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "device/queue.h"

namespace maskbench::device {

struct DeviceOptions {
  // A CUDA device.
  int number = 0;
  // Bytes of it that may be taken; 0: half of what it has, 8 GiB at most.
  uint64_t memory = 0;
  // Where the device is not there or is lost, the CPU does the work.
  bool fallback = false;
};

// Why the CPU does what was left to a device.
struct DeviceProblem {
  std::string device;
  std::string reason;
};

// The device that somebody asked for: opened when it is needed, and given up where it is lost. What its calls don't do
// is for the CPU. They throw UNAVAILABLE, unless the options allow the CPU. Safe to use from many threads at once.
class Handle {
 public:
  // `open` gives the device's queue, or throws DeviceError.
  using Opener = std::function<std::unique_ptr<Queue>()>;
  Handle(const DeviceOptions& options, Opener open) : options_(options), open_(std::move(open)) {}

  int number() const { return options_.number; }
  // Whether the device is there.
  bool Open() { return OpenQueue() != nullptr; }
  // Nothing while the device does its work.
  std::optional<DeviceProblem> problem();
  // Leaves the device to others from now on, or throws UNAVAILABLE.
  void GiveUp(const std::string& reason);

  // Gives whether the request was done (device/queue.h).
  template <class Request>
  bool Do(Request& request) {
    Queue* const queue = OpenQueue();
    if (queue == nullptr || !queue->Fits(request)) return false;
    return Try([&] { queue->Do(request); });
  }
  // Gives whether `work` was done, on a stream of its own.
  bool Lend(const std::function<void(Stream&)>& work);

 private:
  Queue* OpenQueue();
  bool Try(const std::function<void()>& work);

  const DeviceOptions options_;
  const Opener open_;
  std::mutex mutex_;
  std::unique_ptr<Queue> queue_;
  std::optional<DeviceProblem> problem_;
};

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_HANDLE_H_
