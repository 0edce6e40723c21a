#ifndef MASKBENCH_DEVICE_WALKED_GRID_H_
#define MASKBENCH_DEVICE_WALKED_GRID_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>

#include "device/grid.h"
#include "runtime/host_device.h"

namespace maskbench::device {

// A grid whose threads are walked one after the other on the CPU, and whose memory is the host's: so what runs on a GPU
// can be tested, and looked at by sanitizers, without one. Memory beyond `limit` bytes is refused, as a GPU does.
class WalkedGrid : public Grid {
 public:
  explicit WalkedGrid(uint64_t limit) : left_(limit) {}

  void Enter() override {}

  void* Allocate(size_t bytes) {
    if (bytes > left_) throw DeviceError{"out of memory", true};
    left_ -= bytes;
    auto memory = std::make_unique<uint8_t[]>(bytes);
    void* at = memory.get();
    memory_.emplace(at, std::move(memory));
    return at;
  }
  void Free(void* at, size_t bytes) {
    if (at == nullptr) return;
    memory_.erase(at);
    left_ += bytes;
  }
  static void Upload(void* to, const void* from, size_t bytes) { Copy(to, from, bytes); }
  static void Finish() {}
  static void Download(void* to, const void* from, size_t bytes) { Copy(to, from, bytes); }

  template <class Kernel>
  static void Launch(size_t jobs, size_t threads, const Kernel& kernel) {
    for (size_t job = 0; job < jobs; ++job)
      for (size_t i = 0; i < threads; ++i)
        if constexpr (requires { Kernel::kScratch; }) {
          std::array<float, Kernel::kScratch> scratch;
          kernel(job, i, Scratch{scratch.data(), 1});
        } else {
          kernel(job, i);
        }
  }

 private:
  static void Copy(void* to, const void* from, size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }

  uint64_t left_;
  std::unordered_map<void*, std::unique_ptr<uint8_t[]>> memory_;
};

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_WALKED_GRID_H_
