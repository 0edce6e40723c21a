#include "open_device/open.h"

#include <dlfcn.h>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "runtime/library.h"

namespace maskbench {
namespace {

using device::DeviceError;

struct Module {
  DevicesFunction devices;
  OpenFunction open;
};

const Module& Cuda() {
  try {
    static const Module module = [] {
      void* library = LoadBeside("maskbench_cuda.so");
      return Module{reinterpret_cast<DevicesFunction>(dlsym(library, kDevicesFunction)),
                    reinterpret_cast<OpenFunction>(dlsym(library, kOpenFunction))};
    }();
    return module;
  } catch (const std::exception& error) {
    throw DeviceError{
        std::string("the CUDA module (built where nvcc 12.8 or later is found) cannot be loaded: ") + error.what(),
        false};
  }
}

}  // namespace

std::vector<DeviceInfo> CudaDevices() {
  std::vector<DeviceInfo> devices;
  Cuda().devices(devices);
  return devices;
}

std::unique_ptr<device::Queue> OpenDevice(const device::DeviceOptions& options, uint64_t streams) {
  const std::vector<DeviceInfo> devices = CudaDevices();
  const auto number = static_cast<size_t>(options.number);
  if (number >= devices.size())
    throw DeviceError{
        devices.empty() ? "found no CUDA device" : "found only " + std::to_string(devices.size()) + " CUDA devices",
        false};
  constexpr uint64_t kUsual = uint64_t{8} << 30U;
  const uint64_t memory = options.memory > 0 ? options.memory : std::min(kUsual, devices[number].memory / 2);
  const uint64_t each = memory / streams;
  const DeviceModels models = MakeDeviceModels();
  std::vector<std::unique_ptr<device::Stream>> opened;
  for (uint64_t i = 0; i < streams; ++i) {
    Programs programs;
    Cuda().open(options.number, each, models, programs);
    opened.push_back(MakeStream(std::move(programs)));
  }
  return std::make_unique<device::Queue>(std::move(opened), each);
}

std::shared_ptr<device::Handle> MakeHandle(const device::DeviceOptions& options, uint64_t streams) {
  return std::make_shared<device::Handle>(options, [options, streams] { return OpenDevice(options, streams); });
}

}  // namespace maskbench
