#include "mask/shade.h"

#include <cstddef>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mask/shade_cpu.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace maskbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// `row` holds the numbers of one row of pixels, [channel][column].
void ShadeAlong(const GainGrid& grid, const float* row, int left, int count, float* const* out) {
  const hn::CappedTag<float, 16> d;
  const hn::RebindToSigned<decltype(d)> di;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const auto most = hn::Set(d, static_cast<float>(grid.width) - 1.0625F);
  for (int i = 0; i < count; i += lanes) {
    const auto at = hn::ConvertTo(d, hn::Iota(di, left + i));
    const auto place = hn::Div(hn::Sub(hn::Add(at, hn::Set(d, 0.5F)), hn::Set(d, grid.left)), hn::Set(d, grid.step));
    const auto inside = hn::Min(hn::Max(place, hn::Zero(d)), most);
    const auto column = hn::ConvertTo(di, inside);
    const auto share = hn::Sub(inside, hn::ConvertTo(d, column));
    for (int channel = 0; channel < 3; ++channel) {
      const float* numbers = row + static_cast<ptrdiff_t>(channel) * grid.width;
      const auto before = hn::GatherIndex(d, numbers, column);
      const auto after = hn::GatherIndex(d, numbers, hn::Add(column, hn::Set(di, 1)));
      hn::StoreU(hn::Add(before, hn::Mul(share, hn::Sub(after, before))), d, out[channel] + i);
    }
  }
}

}  // namespace maskbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace maskbench {

HWY_EXPORT(ShadeAlong);

void ShadeRow(const GainGrid& grid, int left, int count, int y, const std::array<float*, 3>& out) {
  thread_local std::vector<float> row;
  row.resize(size_t{3} * grid.width);
  const auto [above, share] = PlaceInGrid(y, grid.top, grid.step, grid.height);
  for (int channel = 0; channel < 3; ++channel) {
    const float* upper = grid.gains + (static_cast<ptrdiff_t>(channel) * grid.height + above) * grid.width;
    const float* lower = upper + grid.width;
    float* to = row.data() + static_cast<ptrdiff_t>(channel) * grid.width;
    for (int x = 0; x < grid.width; ++x) to[x] = upper[x] + share * (lower[x] - upper[x]);
  }
  HWY_DYNAMIC_DISPATCH(ShadeAlong)(grid, row.data(), left, count, out.data());
}

}  // namespace maskbench
#endif  // HWY_ONCE
