#ifndef MASKBENCH_MASK_BLEND_H_
#define MASKBENCH_MASK_BLEND_H_

#include <cstdint>

#include "runtime/host_device.h"

namespace maskbench {

// What lies over a row of pixels, a number for each.
struct BlendRow {
  // Blue, green, red times alpha, and alpha, 0 to 255.
  const float* mask[4];
  const float* gains[3];
  // Levels that are added to an opaque mask.
  const float* grain;
  // How much of the photo's light is taken away where no mask is, 0 to 1.
  const float* shadow;
};

// One channel of a pixel.
MASKBENCH_HOST_DEVICE inline uint8_t BlendChannel(uint8_t photo, float mask, float alpha, float gain, float grain,
                                                  float shadow) {
  const float cover = alpha * (1.0F / 255.0F);
  const float behind = static_cast<float>(static_cast<int32_t>(photo)) * ((1.0F - cover) * (1.0F - shadow));
  const float before = mask * gain + grain * cover;
  const float sum = behind + before + 0.5F;
  const float low = sum > 0.0F ? sum : 0.0F;
  return static_cast<uint8_t>(static_cast<int32_t>(low < 255.0F ? low : 255.0F));
}

MASKBENCH_HOST_DEVICE inline void BlendPixel(const BlendRow& row, int i, uint8_t* pixel) {
  for (int channel = 0; channel < 3; ++channel)
    pixel[channel] = BlendChannel(pixel[channel], row.mask[channel][i], row.mask[3][i], row.gains[channel][i],
                                  row.grain[i], row.shadow[i]);
}

// BlendPixel for `count` pixels B, G, R; up to 15 numbers beyond the last are read.
void BlendPixels(const BlendRow& row, int count, uint8_t* pixels);

}  // namespace maskbench

#endif  // MASKBENCH_MASK_BLEND_H_
