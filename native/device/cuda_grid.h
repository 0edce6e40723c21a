#ifndef MASKBENCH_DEVICE_CUDA_GRID_H_
#define MASKBENCH_DEVICE_CUDA_GRID_H_

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "device/grid.h"
#include "runtime/host_device.h"

// For nvcc alone.

namespace maskbench::device {

inline void Check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  // Errors that stick are not reported by what comes next.
  cudaGetLastError();
  throw DeviceError{std::string(what) + ": " + cudaGetErrorString(status), status == cudaErrorMemoryAllocation};
}

constexpr int kBlock = 128;

template <class Kernel>
__global__ void Run(Kernel kernel, size_t first_job, size_t threads) {
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < threads) kernel(first_job + blockIdx.y, i);
}

template <class Kernel>
__global__ void RunWithScratch(Kernel kernel, size_t first_job, size_t threads) {
  __shared__ float scratch[Kernel::kScratch * kBlock];
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < threads) kernel(first_job + blockIdx.y, i, Scratch{scratch + threadIdx.x, kBlock});
}

// One stream. What is uploaded passes through pinned memory, so that copies do not wait for kernels; memory is bounded.
class CudaGrid : public Grid {
 public:
  CudaGrid(int device, uint64_t limit) : device_(device), left_(limit) {
    CudaGrid::Enter();
    Check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
    const cudaError_t status = cudaMallocHost(&staging_, kStaging);
    if (status != cudaSuccess) cudaStreamDestroy(stream_);
    Check(status, "pinning memory");
  }
  ~CudaGrid() override {
    cudaSetDevice(device_);
    cudaStreamSynchronize(stream_);
    cudaFreeHost(staging_);
    cudaStreamDestroy(stream_);
  }
  CudaGrid(const CudaGrid&) = delete;
  CudaGrid& operator=(const CudaGrid&) = delete;

  // CUDA keeps the device by thread.
  void Enter() override { Check(cudaSetDevice(device_), "choosing the device"); }

  void* Allocate(size_t bytes) {
    if (bytes > left_) throw DeviceError{"the memory that it may take is used up", true};
    void* at = nullptr;
    Check(cudaMalloc(&at, bytes), "allocating memory");
    left_ -= bytes;
    return at;
  }
  void Free(void* at, size_t bytes) {
    if (at == nullptr) return;
    cudaFree(at);
    left_ += bytes;
  }

  void Upload(void* to, const void* from, size_t bytes) {
    for (size_t done = 0; done < bytes;) {
      if (staged_ == kStaging) Finish();
      const size_t part = std::min(bytes - done, kStaging - staged_);
      uint8_t* staging = static_cast<uint8_t*>(staging_) + staged_;
      std::memcpy(staging, static_cast<const uint8_t*>(from) + done, part);
      Check(cudaMemcpyAsync(static_cast<uint8_t*>(to) + done, staging, part, cudaMemcpyHostToDevice, stream_),
            "copying to the device");
      staged_ += part;
      done += part;
    }
  }
  void Download(void* to, const void* from, size_t bytes) {
    if (bytes > 0) Check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "copying from the device");
    Finish();
  }
  void Finish() {
    Check(cudaStreamSynchronize(stream_), "working on the device");
    staged_ = 0;
  }

  template <class Kernel>
  void Launch(size_t jobs, size_t threads, const Kernel& kernel) {
    if (threads == 0) return;
    constexpr size_t kMostJobs = 65'535;
    for (size_t first = 0; first < jobs; first += kMostJobs) {
      const dim3 grid(static_cast<unsigned>((threads + kBlock - 1) / kBlock),
                      static_cast<unsigned>(std::min(kMostJobs, jobs - first)));
      if constexpr (requires { Kernel::kScratch; })
        RunWithScratch<<<grid, kBlock, 0, stream_>>>(kernel, first, threads);
      else
        Run<<<grid, kBlock, 0, stream_>>>(kernel, first, threads);
    }
    Check(cudaGetLastError(), "starting a kernel");
  }

 private:
  static constexpr size_t kStaging = size_t{32} << 20U;

  const int device_;
  uint64_t left_;
  cudaStream_t stream_ = nullptr;
  void* staging_ = nullptr;
  size_t staged_ = 0;
};

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_CUDA_GRID_H_
