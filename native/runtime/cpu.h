#ifndef MASKBENCH_RUNTIME_CPU_H_
#define MASKBENCH_RUNTIME_CPU_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace maskbench {

// Processors this process may use: its affinity mask, cut by the cgroup's CPU quota; at least 1.
int AvailableProcessors();

// Bytes of memory this process may use: the machine's, cut by the cgroup's limit.
uint64_t AvailableMemory();

// The instruction sets of this processor that matter to the kernels ("avx2", …).
std::vector<std::string> CpuFeatures();

// Leaves the vector instructions unused that are better than those the environment's MASKBENCH_SIMD names (AVX2, say),
// so that results on other processors can be compared. To be called before any kernel runs; gives the name of the best
// that are used.
std::string_view LimitSimd();

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_CPU_H_
