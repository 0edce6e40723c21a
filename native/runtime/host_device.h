#ifndef MASKBENCH_RUNTIME_HOST_DEVICE_H_
#define MASKBENCH_RUNTIME_HOST_DEVICE_H_

// What a kernel's arithmetic is marked with, so that the same function runs over rows here and over a grid on a GPU.
#ifdef __CUDACC__
#define MASKBENCH_HOST_DEVICE __host__ __device__
#else
#define MASKBENCH_HOST_DEVICE
#endif
// For loops over arrays that must stay in registers: a device cannot index registers at run time.
#ifdef __CUDA_ARCH__
#define MASKBENCH_UNROLL _Pragma("unroll")
#else
#define MASKBENCH_UNROLL
#endif

namespace maskbench {

// The number that a counter had, which is then one more.
MASKBENCH_HOST_DEVICE inline unsigned TakeNext(unsigned* counter) {
#ifdef __CUDA_ARCH__
  return atomicAdd(counter, 1U);
#else
  return (*counter)++;
#endif
}

// A thread's own numbers, indexed at run time: next to those of its neighbours, so that a device can read them at once.
struct Scratch {
  float* first;
  int stride;

  // In 32 bits, which a device multiplies faster. NOLINTNEXTLINE(bugprone-implicit-widening-of-multiplication-result)
  MASKBENCH_HOST_DEVICE float& operator[](int i) const { return first[i * stride]; }
};

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_HOST_DEVICE_H_
