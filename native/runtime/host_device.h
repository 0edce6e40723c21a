#ifndef MASKBENCH_RUNTIME_HOST_DEVICE_H_
#define MASKBENCH_RUNTIME_HOST_DEVICE_H_

// What a kernel's arithmetic is marked with, so that the same function runs over rows here and over a grid on a GPU.
#ifdef __CUDACC__
#define MASKBENCH_HOST_DEVICE __host__ __device__
#else
#define MASKBENCH_HOST_DEVICE
#endif

#endif  // MASKBENCH_RUNTIME_HOST_DEVICE_H_
