#ifndef MASKBENCH_OPEN_DEVICE_OPEN_H_
#define MASKBENCH_OPEN_DEVICE_OPEN_H_

#include <memory>
#include <vector>

#include "device/handle.h"
#include "open_device/programs.h"

namespace maskbench {

// The CUDA module is loaded by the first of these calls that needs it. All throw DeviceError, a handle as it says.
std::vector<DeviceInfo> CudaDevices();
std::unique_ptr<device::Queue> OpenDevice(const device::DeviceOptions& options, uint64_t streams);
// Opens the device when it is needed. Two streams, so that one's copies and the CPU's part of a batch overlap with the
// other's kernels; four for who lends two of them and gives batches to the others meanwhile.
std::shared_ptr<device::Handle> MakeHandle(const device::DeviceOptions& options, uint64_t streams = 2);

}  // namespace maskbench

#endif  // MASKBENCH_OPEN_DEVICE_OPEN_H_
