#include "runtime/cpu.h"

#include <hwy/targets.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string_view>

namespace maskbench {
namespace {

// The folders of this process's cgroup (version 2), from its own up to the root.
std::vector<std::string> CgroupFolders() {
  std::ifstream in("/proc/self/cgroup");
  std::vector<std::string> folders;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("0::")) continue;
    for (std::string path = line.substr(3);; path.erase(path.rfind('/'))) {
      folders.push_back("/sys/fs/cgroup" + path);
      if (path.find('/') == std::string::npos) break;
    }
  }
  return folders;
}

}  // namespace

int AvailableProcessors() {
  cpu_set_t set;
  double count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
  for (const std::string& folder : CgroupFolders()) {
    std::ifstream in(folder + "/cpu.max");
    std::string quota;
    double period = 0;
    // ("max", no quota, is not a number.)
    const double processors = in >> quota >> period ? std::strtod(quota.c_str(), nullptr) / period : 0;
    if (processors > 0) count = std::min(count, std::ceil(processors));
  }
  return std::max(1, static_cast<int>(count));
}

uint64_t AvailableMemory() {
  uint64_t bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  for (const std::string& folder : CgroupFolders()) {
    std::ifstream in(folder + "/memory.max");
    uint64_t limit = 0;
    if (in >> limit) bytes = std::min(bytes, limit);
  }
  return bytes;
}

std::vector<std::string> CpuFeatures() {
  std::vector<std::string> features;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) features.emplace_back("sse4.2");
  if (__builtin_cpu_supports("avx")) features.emplace_back("avx");
  if (__builtin_cpu_supports("avx2")) features.emplace_back("avx2");
  if (__builtin_cpu_supports("fma")) features.emplace_back("fma");
  if (__builtin_cpu_supports("avx512f")) features.emplace_back("avx512f");
  if (__builtin_cpu_supports("avx512bw")) features.emplace_back("avx512bw");
  if (__builtin_cpu_supports("avx512vnni")) features.emplace_back("avx512vnni");
#elif defined(__aarch64__)
  features.emplace_back("neon");
#endif
  return features;
}

std::string_view LimitSimd() {
  static const std::string_view used = [] {
    const char* wanted = std::getenv("MASKBENCH_SIMD");
    // Highway numbers targets from the best on. (It also names those that kernels are not compiled for.)
    const int64_t supported = hwy::SupportedTargets() & HWY_TARGETS;
    for (int64_t targets = supported; wanted != nullptr && targets != 0; targets &= targets - 1) {
      const int64_t target = targets & -targets;
      if (hwy::TargetName(target) != std::string_view(wanted)) continue;
      // (After hwy::DisableTargets whoever asks for the supported targets chooses the best again.)
      hwy::SetSupportedTargetsForTest(supported & -target);
      return hwy::TargetName(target);
    }
    return hwy::TargetName(supported & -supported);
  }();
  return used;
}

}  // namespace maskbench
