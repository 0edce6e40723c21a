// The CUDA module: loaded when a device is asked for, and knows nothing of dlib, OpenCV or Node.

#include <cuda_runtime.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "device/cuda_grid.h"
#include "open_device/programs.h"

extern "C" {

void MaskbenchDevices(std::vector<maskbench::DeviceInfo>& devices) {
  using maskbench::device::Check;
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorNoDevice) return;
  if (status == cudaErrorInsufficientDriver)
    throw maskbench::device::DeviceError{"NVIDIA's driver is missing, or too old for this build", false};
  Check(status, "looking for devices");
  for (int device = 0; device < count; ++device) {
    cudaDeviceProp properties{};
    Check(cudaGetDeviceProperties(&properties, device), "asking for a device's properties");
    maskbench::DeviceInfo& info = devices.emplace_back();
    info.name = properties.name;
    info.memory = properties.totalGlobalMem;
    info.major = properties.major;
    info.minor = properties.minor;
    Check(cudaDriverGetVersion(&info.driver), "asking for the driver's version");
  }
}

void MaskbenchOpenDevice(int device, uint64_t memory, const maskbench::DeviceModels& models,
                         maskbench::Programs& programs) {
  programs = maskbench::MakePrograms(std::make_unique<maskbench::device::CudaGrid>(device, memory), models);
}
}
