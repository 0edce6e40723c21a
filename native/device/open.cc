#include "device/open.h"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <string>

namespace maskbench::device {
namespace {

// Lies beside the addon; kept for the life of the process.
struct Module {
  DevicesFunction devices = nullptr;
  OpenFunction open = nullptr;
  std::string problem;

  Module() {
    Dl_info self{};
    dladdr(reinterpret_cast<void*>(&OpenQueue), &self);
    const auto path = std::filesystem::path(self.dli_fname).parent_path() / "maskbench_cuda.so";
    if (!std::filesystem::exists(path)) {
      problem = "maskbench was built without CUDA: nvcc 12.8 or later was not found";
      return;
    }
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      problem = dlerror();
      return;
    }
    devices = reinterpret_cast<DevicesFunction>(dlsym(library, kDevicesFunction));
    open = reinterpret_cast<OpenFunction>(dlsym(library, kOpenFunction));
  }
};

const Module& Cuda() {
  static const Module module;
  if (!module.problem.empty()) throw DeviceError{module.problem, false};
  return module;
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
    throw DeviceError{devices.empty() ? "there is no CUDA device"
                                      : "there are only " + std::to_string(devices.size()) + " CUDA devices",
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
