#include "mask/warp.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mask/warp_cpu.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace maskbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void WarpSpanRow(const Texture& texture, const WarpSpan& span, float* const* out) {
  const hn::CappedTag<float, 16> d;
  const hn::RebindToSigned<decltype(d)> di;
  using Floats = hn::Vec<decltype(d)>;
  using Ints = hn::Vec<decltype(di)>;
  const auto* texels = reinterpret_cast<const int32_t*>(texture.texels);
  const int lanes = static_cast<int>(hn::Lanes(d));
  const Floats half = hn::Set(d, 0.5F);
  const Floats zero = hn::Zero(d);
  const Floats most_x = hn::Set(d, static_cast<float>(texture.width) - 1.0625F);
  const Floats most_y = hn::Set(d, static_cast<float>(texture.height) - 1.0625F);
  const Ints stride = hn::Set(di, texture.width);
  const Ints one = hn::Set(di, 1);
  const Ints byte = hn::Set(di, 0xFF);
  for (int i = 0; i < span.count; i += lanes) {
    const Floats step = hn::ConvertTo(d, hn::Iota(di, i));
    const auto inside = [&](float from, float by, Floats most) HWY_ATTR {
      const Floats at = hn::Add(hn::Set(d, from), hn::Mul(step, hn::Set(d, by)));
      return hn::Min(hn::Max(hn::Sub(at, half), zero), most);
    };
    const Floats x = inside(span.u, span.du, most_x);
    const Floats y = inside(span.v, span.dv, most_y);
    const Ints left = hn::ConvertTo(di, x);
    const Ints top = hn::ConvertTo(di, y);
    const Floats right_share = hn::Sub(x, hn::ConvertTo(d, left));
    const Floats bottom_share = hn::Sub(y, hn::ConvertTo(d, top));
    const Ints at = hn::Add(hn::Mul(top, stride), left);
    const Ints below = hn::Add(at, stride);
    const Ints corners[4] = {hn::GatherIndex(di, texels, at), hn::GatherIndex(di, texels, hn::Add(at, one)),
                             hn::GatherIndex(di, texels, below), hn::GatherIndex(di, texels, hn::Add(below, one))};
    const auto blend = [&](const Floats(&value)[4]) HWY_ATTR {
      const Floats upper = hn::Add(value[0], hn::Mul(right_share, hn::Sub(value[1], value[0])));
      const Floats lower = hn::Add(value[2], hn::Mul(right_share, hn::Sub(value[3], value[2])));
      return hn::Add(upper, hn::Mul(bottom_share, hn::Sub(lower, upper)));
    };
    Floats value[4];
    const auto mine = hn::FirstN(d, static_cast<size_t>(span.count - i));
    const auto store = [&](int channel) HWY_ATTR {
      float* to = out[channel] + span.first + i;
      if (i + lanes <= span.count)
        hn::StoreU(blend(value), d, to);
      else
        hn::BlendedStore(blend(value), mine, d, to);
    };
    for (int c = 0; c < 4; ++c) value[c] = hn::ConvertTo(d, hn::And(corners[c], byte));
    store(0);
    for (int c = 0; c < 4; ++c) value[c] = hn::ConvertTo(d, hn::And(hn::ShiftRight<8>(corners[c]), byte));
    store(1);
    for (int c = 0; c < 4; ++c) value[c] = hn::ConvertTo(d, hn::And(hn::ShiftRight<16>(corners[c]), byte));
    store(2);
    for (int c = 0; c < 4; ++c) value[c] = hn::ConvertTo(d, hn::And(hn::ShiftRight<24>(corners[c]), byte));
    store(3);
  }
}

}  // namespace maskbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace maskbench {

HWY_EXPORT(WarpSpanRow);

void WarpRow(const Texture& texture, const WarpSpan& span, const std::array<float*, 4>& out) {
  HWY_DYNAMIC_DISPATCH(WarpSpanRow)(texture, span, out.data());
}

}  // namespace maskbench
#endif  // HWY_ONCE
