#ifndef MASKBENCH_DEVICE_ERROR_H_
#define MASKBENCH_DEVICE_ERROR_H_

#include <string>

namespace maskbench::device {

// Thrown by whatever works on a device: it is not there, busy, out of memory, or lost.
struct __attribute__((visibility("default"))) DeviceError {
  std::string what;
  bool out_of_memory;
};

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_ERROR_H_
