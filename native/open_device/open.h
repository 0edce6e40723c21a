#ifndef MASKBENCH_OPEN_DEVICE_OPEN_H_
#define MASKBENCH_OPEN_DEVICE_OPEN_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "device/queue.h"

namespace maskbench::device {

struct DeviceOptions {
  // A CUDA device; -1: the CPU.
  int number = -1;
  // Bytes of it that may be taken; 0: half of what it has, 8 GiB at most.
  uint64_t memory = 0;
  // Where the device is not there or is lost, go on on the CPU.
  bool fallback = false;
};

// The CUDA module is loaded here, for the first time. Both throw DeviceError.
std::vector<DeviceInfo> Devices();
std::unique_ptr<Queue> OpenQueue(const DeviceOptions& options, int upsample, std::span<const uint8_t> trees);

}  // namespace maskbench::device

#endif  // MASKBENCH_OPEN_DEVICE_OPEN_H_
