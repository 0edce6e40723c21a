#include "all_pairs/product.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "all_pairs/product_cpu.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace maskbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A row of a panel is one and a half of the widest registers.
#if HWY_MAX_BYTES == 64
constexpr hn::FixedTag<float, 16> kWide;
constexpr size_t kWides = 1;
constexpr hn::FixedTag<float, 8> kRest;
#else
constexpr hn::CappedTag<float, 8> kWide;
constexpr size_t kWides = kPanel / hn::MaxLanes(kWide);
#endif

// Rows whose sums stay in registers.
#if HWY_MAX_BYTES == 64
constexpr size_t kRows = 8;
#elif HWY_MAX_BYTES == 32 || HWY_ARCH_ARM
constexpr size_t kRows = 4;
#else
constexpr size_t kRows = 2;
#endif

// One row's sums, or a row of numbers.
struct Row {
  hn::Vec<decltype(kWide)> wide[kWides];
#if HWY_MAX_BYTES == 64
  hn::Vec<decltype(kRest)> rest;
#endif
};

HWY_INLINE Row Load(const float* numbers) {
  Row row;
#pragma GCC unroll 6
  for (size_t i = 0; i < kWides; ++i) row.wide[i] = hn::LoadU(kWide, numbers + i * hn::MaxLanes(kWide));
#if HWY_MAX_BYTES == 64
  row.rest = hn::LoadU(kRest, numbers + 16);
#endif
  return row;
}

HWY_INLINE void Store(const Row& row, float* numbers) {
#pragma GCC unroll 6
  for (size_t i = 0; i < kWides; ++i) hn::StoreU(row.wide[i], kWide, numbers + i * hn::MaxLanes(kWide));
#if HWY_MAX_BYTES == 64
  hn::StoreU(row.rest, kRest, numbers + 16);
#endif
}

HWY_INLINE void AddTimes(Row& sums, float number, const Row& row) {
  const auto same = hn::Set(kWide, number);
#pragma GCC unroll 6
  for (size_t i = 0; i < kWides; ++i) sums.wide[i] = hn::MulAdd(same, row.wide[i], sums.wide[i]);
#if HWY_MAX_BYTES == 64
  sums.rest = hn::MulAdd(hn::LowerHalf(kRest, same), row.rest, sums.rest);
#endif
}

void MultiplyPanels(const float* a, const float* b, size_t dimensions, float* products) {
  for (size_t first = 0; first < kPanel; first += kRows) {
    float* const out = products + first * kPanel;
    Row sums[kRows];
#pragma GCC unroll 8
    for (size_t i = 0; i < kRows; ++i) sums[i] = Load(out + i * kPanel);
    for (size_t k = 0; k < dimensions; ++k) {
      const Row row = Load(b + k * kPanel);
      const float* const column = a + k * kPanel + first;
#pragma GCC unroll 8
      for (size_t i = 0; i < kRows; ++i) AddTimes(sums[i], column[i], row);
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < kRows; ++i) Store(sums[i], out + i * kPanel);
  }
}

void ScoreTile(Metric metric, const Binning& binning, const float* products, const TileSides& sides, TileScores& out) {
  constexpr hn::CappedTag<float, 8> kFloats;
  constexpr hn::RebindToSigned<decltype(kFloats)> kInts;
  const auto low = hn::Set(kFloats, binning.low);
  const auto factor = hn::Set(kFloats, binning.factor);
  const auto last = hn::Set(kInts, binning.last);
  const auto one = hn::Set(kFloats, 1.0F);
  for (size_t i = 0; i < kTileRows; ++i) {
    const auto row_square = hn::Set(kFloats, sides.row_squares[i]);
    const auto row_limit = hn::Set(kFloats, sides.row_limits[i]);
    uint32_t reaching = 0;
    for (size_t j = 0; j < kPanel; j += hn::MaxLanes(kFloats)) {
      const size_t at = i * kPanel + j;
      auto score = hn::LoadU(kFloats, products + at);
      if (metric != Metric::kCosine) {
        const auto sum = hn::Add(row_square, hn::LoadU(kFloats, sides.column_squares + j));
        const auto square = hn::Sub(sum, hn::Add(score, score));
        const auto distance = hn::Sqrt(hn::Max(square, hn::Zero(kFloats)));
        score = metric == Metric::kL2 ? hn::Sub(hn::Zero(kFloats), distance) : hn::Div(one, hn::Add(one, distance));
      }
      hn::Store(score, kFloats, out.scores.data() + at);
      const auto bin = hn::ConvertTo(kInts, hn::Mul(hn::Sub(score, low), factor));
      hn::Store(hn::Min(hn::Max(bin, hn::Zero(kInts)), last), kInts, out.bins.data() + at);
      const auto limit = hn::Min(row_limit, hn::LoadU(kFloats, sides.column_limits + j));
      uint8_t bits[8];
      hn::StoreMaskBits(kFloats, hn::Ge(score, limit), bits);
      reaching |= uint32_t{bits[0]} << j;
    }
    out.reaching[i] = reaching;
  }
}

}  // namespace maskbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace maskbench {

HWY_EXPORT(MultiplyPanels);
HWY_EXPORT(ScoreTile);

void MultiplyPanels(const float* a, const float* b, size_t dimensions, float* products) {
  HWY_DYNAMIC_DISPATCH(MultiplyPanels)(a, b, dimensions, products);
}

void ScoreTile(Metric metric, const Binning& binning, const float* products, const TileSides& sides, TileScores& out) {
  HWY_DYNAMIC_DISPATCH(ScoreTile)(metric, binning, products, sides, out);
}

}  // namespace maskbench
#endif  // HWY_ONCE
