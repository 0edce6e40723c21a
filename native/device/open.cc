#include "device/open.h"

#include <dlfcn.h>

#include <algorithm>
#include <exception>
#include <string>

#include "runtime/library.h"

namespace maskbench::device {
namespace {

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

std::vector<DeviceInfo> Devices() {
  std::vector<DeviceInfo> devices;
  Cuda().devices(devices);
  return devices;
}

std::unique_ptr<Queue> OpenQueue(const DeviceOptions& options, int upsample, std::span<const uint8_t> trees) {
  const std::vector<DeviceInfo> devices = Devices();
  const auto number = static_cast<size_t>(options.number);
  if (number >= devices.size())
    throw DeviceError{
        devices.empty() ? "found no CUDA device" : "found only " + std::to_string(devices.size()) + " CUDA devices",
        false};
  constexpr uint64_t kUsual = uint64_t{8} << 30U;
  const uint64_t memory = options.memory > 0 ? options.memory : std::min(kUsual, devices[number].memory / 2);
  // Two, so that one's copies and the CPU's part of a batch overlap with the other's kernels.
  constexpr uint64_t kBackends = 2;
  const Models models = ModelsOf(trees);
  std::vector<std::unique_ptr<Backend>> backends;
  for (uint64_t i = 0; i < kBackends; ++i)
    backends.emplace_back(Cuda().open(options.number, memory / kBackends, models));
  const uint64_t each = memory / kBackends;
  return std::make_unique<Queue>(std::move(backends), upsample, each - std::min(each, models.trees.size()));
}

}  // namespace maskbench::device
