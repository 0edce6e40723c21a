#ifndef MASKBENCH_BINDINGS_DEVICE_H_
#define MASKBENCH_BINDINGS_DEVICE_H_

#include <napi.h>

#include <cstdint>
#include <memory>

#include "open_device/open.h"

namespace maskbench {

// `device` (NativeDevice), null where it is absent: the CPU.
std::shared_ptr<device::Handle> ParseDevice(const Napi::Object& object, uint64_t streams = 2);
// `deviceProblem`: undefined while there is none.
Napi::Value DeviceProblemValue(Napi::Env env, const std::shared_ptr<device::Handle>& device);

// Defines the export `cudaDevices`.
void ExportDevices(Napi::Env env, Napi::Object exports);

}  // namespace maskbench

#endif  // MASKBENCH_BINDINGS_DEVICE_H_
