#include "device/handle.h"

#include "runtime/error.h"

namespace maskbench::device {

void Accelerator::GiveUp(const DeviceError& error) {
  const std::string name = "cuda:" + std::to_string(options_.number);
  if (!options_.fallback) throw Error(ErrorCode::kUnavailable, name, error.what);
  const std::lock_guard lock(mutex_);
  problem_ = name + ": " + error.what;
}

std::string Accelerator::problem() {
  const std::lock_guard lock(mutex_);
  return problem_;
}

Queue* Accelerator::Open() {
  if (options_.number < 0) return nullptr;
  try {
    const std::lock_guard lock(mutex_);
    if (!problem_.empty()) return nullptr;
    if (queue_ == nullptr) queue_ = open_();
    return queue_.get();
  } catch (const DeviceError& error) {
    GiveUp(error);
    return nullptr;
  }
}

bool Accelerator::Try(const std::function<void(Queue&)>& work) {
  Queue* const queue = Open();
  if (queue == nullptr) return false;
  try {
    work(*queue);
    return true;
  } catch (const DeviceError& error) {
    // What needs too much memory alone is for the CPU; after anything else the device is lost for good.
    if (!error.out_of_memory) GiveUp(error);
    return false;
  }
}

std::optional<std::vector<Face>> Accelerator::Find(const Image& image) {
  std::optional<std::vector<Face>> faces;
  Try([&](Queue& queue) {
    if (queue.Fits(image)) faces = queue.Find(image);
  });
  return faces;
}

bool Accelerator::Draw(Image& image, const std::function<Drawing()>& plan, std::span<uint8_t> matte) {
  return Try([&](Queue& queue) {
    const Drawing drawing = plan();
    queue.Draw({&image, &drawing, matte});
  });
}

}  // namespace maskbench::device
