#include "mask/blend.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mask/blend_cpu.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace maskbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void BlendSome(const BlendRow& row, int count, uint8_t* pixels) {
  const hn::FixedTag<uint8_t, 16> d8;
  const hn::CappedTag<float, 16> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<uint8_t, decltype(d)> part8;
  constexpr int kPixels = 16;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const auto one = hn::Set(d, 1.0F);
  for (int i = 0; i < count; i += kPixels) {
    // The last pixels of a row are done in a place of their own.
    uint8_t rest[3 * kPixels] = {};
    const bool whole = i + kPixels <= count;
    uint8_t* at = whole ? pixels + static_cast<ptrdiff_t>(3) * i : rest;
    if (!whole) std::memcpy(rest, pixels + static_cast<ptrdiff_t>(3) * i, static_cast<size_t>(3) * (count - i));
    hn::Vec<decltype(d8)> channels[3];
    hn::LoadInterleaved3(d8, at, channels[0], channels[1], channels[2]);
    alignas(16) uint8_t planes[3][kPixels];
    for (int channel = 0; channel < 3; ++channel) hn::Store(channels[channel], d8, planes[channel]);
    for (int part = 0; part < kPixels; part += lanes) {
      const int place = i + part;
      const auto cover = hn::Mul(hn::LoadU(d, row.mask[3] + place), hn::Set(d, 1.0F / 255.0F));
      const auto light = hn::Mul(hn::Sub(one, cover), hn::Sub(one, hn::LoadU(d, row.shadow + place)));
      const auto grain = hn::Mul(hn::LoadU(d, row.grain + place), cover);
      for (int channel = 0; channel < 3; ++channel) {
        const auto photo = hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(part8, planes[channel] + part)));
        const auto before =
            hn::Add(hn::Mul(hn::LoadU(d, row.mask[channel] + place), hn::LoadU(d, row.gains[channel] + place)), grain);
        const auto sum = hn::Add(hn::Add(hn::Mul(photo, light), before), hn::Set(d, 0.5F));
        const auto inside = hn::Min(hn::Max(sum, hn::Zero(d)), hn::Set(d, 255.0F));
        hn::StoreU(hn::DemoteTo(part8, hn::ConvertTo(di, inside)), part8, planes[channel] + part);
      }
    }
    for (int channel = 0; channel < 3; ++channel) channels[channel] = hn::Load(d8, planes[channel]);
    hn::StoreInterleaved3(channels[0], channels[1], channels[2], d8, at);
    if (!whole) std::memcpy(pixels + static_cast<ptrdiff_t>(3) * i, rest, static_cast<size_t>(3) * (count - i));
  }
}

}  // namespace maskbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace maskbench {

HWY_EXPORT(BlendSome);

void BlendPixels(const BlendRow& row, int count, uint8_t* pixels) {
  HWY_DYNAMIC_DISPATCH(BlendSome)(row, count, pixels);
}

}  // namespace maskbench
#endif  // HWY_ONCE
