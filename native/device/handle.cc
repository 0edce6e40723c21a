#include "device/handle.h"

#include "runtime/error.h"

namespace maskbench::device {

void Handle::GiveUp(const std::string& reason) {
  const std::string device = "cuda:" + std::to_string(options_.number);
  if (!options_.fallback) throw Error(ErrorCode::kUnavailable, device, reason);
  const std::lock_guard lock(mutex_);
  problem_ = {device, reason};
}

std::optional<DeviceProblem> Handle::problem() {
  const std::lock_guard lock(mutex_);
  return problem_;
}

Queue* Handle::OpenQueue() {
  try {
    const std::lock_guard lock(mutex_);
    if (problem_) return nullptr;
    if (queue_ == nullptr) queue_ = open_();
    return queue_.get();
  } catch (const DeviceError& error) {
    GiveUp(error.what);
    return nullptr;
  }
}

bool Handle::Try(const std::function<void()>& work) {
  try {
    work();
    return true;
  } catch (const DeviceError& error) {
    // Work that needs too much memory goes to the CPU. After any other error the device is not used again.
    if (!error.out_of_memory) GiveUp(error.what);
    return false;
  }
}

bool Handle::Lend(const std::function<void(Stream&)>& work) {
  Queue* const queue = OpenQueue();
  return queue != nullptr && Try([&] { queue->Lend(work); });
}

}  // namespace maskbench::device
