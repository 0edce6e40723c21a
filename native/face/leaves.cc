#include "face/leaves.h"

#include "face/tree_model.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "face/leaves.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace maskbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void SumLeaves(std::span<const float* const> leaves, float* shape) {
  const hn::CappedTag<float, 16> d;
  constexpr size_t kLanes = hn::MaxLanes(d);
  // So many sums stay in registers, and a leaf is a whole number of them.
  constexpr size_t kVectors = 9;
  static_assert(kLeafStride % (kVectors * kLanes) == 0);
  for (size_t from = 0; from < kLeafStride; from += kVectors * kLanes) {
    hn::Vec<decltype(d)> sums[kVectors];
    for (size_t i = 0; i < kVectors; ++i) sums[i] = hn::LoadU(d, shape + from + i * kLanes);
    for (const float* leaf : leaves)
      for (size_t i = 0; i < kVectors; ++i) sums[i] = hn::Add(sums[i], hn::LoadU(d, leaf + from + i * kLanes));
    for (size_t i = 0; i < kVectors; ++i) hn::StoreU(sums[i], d, shape + from + i * kLanes);
  }
}

}  // namespace maskbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace maskbench {

HWY_EXPORT(SumLeaves);

void SumLeaves(std::span<const float* const> leaves, float* shape) { HWY_DYNAMIC_DISPATCH(SumLeaves)(leaves, shape); }

}  // namespace maskbench
#endif
