#ifndef MASKBENCH_EMBED_CROP_H_
#define MASKBENCH_EMBED_CROP_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "runtime/host_device.h"

namespace maskbench {

// Where a pixel of the crop lies in the image: (xx * x + xy * y + x0, yx * x + yy * y + y0).
struct Affine {
  double xx, xy, x0;
  double yx, yy, y0;
};

// Pixel (x, y) of a crop, bilinear with weights of 11 bits; left as it is where the image has none.
MASKBENCH_HOST_DEVICE inline void CropPixel(const uint8_t* pixels, int width, int height, const Affine& map, int x,
                                            int y, uint8_t* out) {
  constexpr int kOne = 1 << 11;
  const double u = map.xx * x + map.xy * y + map.x0;
  const double v = map.yx * x + map.yy * y + map.y0;
  const int left = static_cast<int>(std::floor(u));
  const int top = static_cast<int>(std::floor(v));
  if (left < 0 || top < 0 || left + 1 >= width || top + 1 >= height) return;
  const int right_weight = static_cast<int>((u - left) * kOne);
  const int bottom_weight = static_cast<int>((v - top) * kOne);
  const uint8_t* upper = pixels + 3 * (static_cast<size_t>(top) * width + left);
  const uint8_t* lower = upper + size_t{3} * width;
  for (int c = 0; c < 3; ++c) {
    const int above = upper[c] * (kOne - right_weight) + upper[c + 3] * right_weight;
    const int below = lower[c] * (kOne - right_weight) + lower[c + 3] * right_weight;
    out[c] = static_cast<uint8_t>((above * (kOne - bottom_weight) + below * bottom_weight + (1 << 21)) >> 22);
  }
}

// How a crop's pixels become numbers of a tensor.
struct TensorLayout {
  int width, height;
  bool channels_first, blue_first;
  float mean[3];
  float scale[3];

  // Which of B, G, R the tensor's `channel` is, and where its number for pixel `i` goes.
  MASKBENCH_HOST_DEVICE int ColorOf(int channel) const { return blue_first ? channel : 2 - channel; }
  MASKBENCH_HOST_DEVICE size_t PlaceOf(int channel, size_t i) const {
    return channels_first ? static_cast<size_t>(channel) * width * height + i : 3 * i + channel;
  }
  MASKBENCH_HOST_DEVICE float NumberOf(int channel, uint8_t value) const {
    return (static_cast<float>(value) - mean[channel]) * scale[channel];
  }
};

}  // namespace maskbench

#endif  // MASKBENCH_EMBED_CROP_H_
