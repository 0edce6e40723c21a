#ifndef MASKBENCH_MASK_WARP_H_
#define MASKBENCH_MASK_WARP_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/host_device.h"

namespace maskbench {

// Texels of four bytes: blue, green, red, alpha, colours multiplied by alpha. All around lies one transparent texel.
struct Texture {
  const uint32_t* texels;
  // At least 2 each.
  int width;
  int height;
};

// Pixels of one row that lie in one triangle: pixel `first + i` shows the texture's place u + i du, v + i dv (in
// texels; the middle of the first is 0.5, 0.5).
struct WarpSpan {
  int first;
  int count;
  float u, v, du, dv;
};

// Bilinear; beyond the texture is what lies at its border. `out` is blue, green, red, alpha, 0 to 255.
MASKBENCH_HOST_DEVICE inline void WarpPixel(const Texture& texture, const WarpSpan& span, int i, float (&out)[4]) {
  const auto step = static_cast<float>(i);
  const auto inside = [](float at, int size) {
    const float most = static_cast<float>(size) - 1.0625F;
    const float place = at - 0.5F;
    const float low = place > 0.0F ? place : 0.0F;
    return low < most ? low : most;
  };
  const float x = inside(span.u + step * span.du, texture.width);
  const float y = inside(span.v + step * span.dv, texture.height);
  const int left = static_cast<int>(x);
  const int top = static_cast<int>(y);
  const float right_share = x - static_cast<float>(left);
  const float bottom_share = y - static_cast<float>(top);
  const uint32_t* at = texture.texels + static_cast<ptrdiff_t>(top) * texture.width + left;
  const uint32_t corners[4] = {at[0], at[1], at[texture.width], at[texture.width + 1]};
  for (int channel = 0; channel < 4; ++channel) {
    const auto value = [&](int corner) {
      return static_cast<float>(static_cast<int32_t>((corners[corner] >> (8 * channel)) & 0xFFU));
    };
    const float upper = value(0) + right_share * (value(1) - value(0));
    const float lower = value(2) + right_share * (value(3) - value(2));
    out[channel] = upper + bottom_share * (lower - upper);
  }
}

// WarpPixel over a span: writes out[channel][span.first + i].
void WarpRow(const Texture& texture, const WarpSpan& span, const std::array<float*, 4>& out);

}  // namespace maskbench

#endif  // MASKBENCH_MASK_WARP_H_
