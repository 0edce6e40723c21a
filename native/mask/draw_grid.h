#ifndef MASKBENCH_MASK_DRAW_GRID_H_
#define MASKBENCH_MASK_DRAW_GRID_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "mask/blend.h"
#include "mask/drawing.h"
#include "mask/shade.h"
#include "mask/warp.h"
#include "runtime/host_device.h"

// Masks over photos, as mask/render.cc and mask/style.cc draw them on the CPU.

namespace maskbench::device {

// A mask on the part of a photo that it may change. All pointers are the device's.
struct DrawJob {
  // B, G, R of that part alone, and, unless it is null, its matte.
  uint8_t* pixels;
  uint8_t* matte;
  Region region;
  const int* rows;
  // A flat mask, where there are any.
  const PixelSpan* fill;
  uint8_t color[3];
  // A template.
  const TemplateSpan* spans;
  Texture texture, shadow;
  GainGrid grid;
  const float* grain_tile;
  float grain;
};

// A thread a pixel.
struct DrawPixel {
  const DrawJob* jobs;

  MASKBENCH_HOST_DEVICE void operator()(size_t number, size_t i) const {
    const DrawJob& job = jobs[number];
    const int width = job.region.right - job.region.left;
    if (i >= static_cast<size_t>(width) * (job.region.bottom - job.region.top)) return;
    const auto x = static_cast<int>(i % width);
    const auto row = static_cast<int>(i / width);
    uint8_t* pixel = job.pixels + 3 * i;
    if (job.fill != nullptr)
      Fill(job, row, job.region.left + x, pixel, i);
    else
      Template(job, row, x, pixel, i);
  }

 private:
  MASKBENCH_HOST_DEVICE static void Fill(const DrawJob& job, int row, int column, uint8_t* pixel, size_t i) {
    for (int span = job.rows[row]; span < job.rows[row + 1]; ++span) {
      if (column < job.fill[span].first || column > job.fill[span].last) continue;
      for (int channel = 0; channel < 3; ++channel) pixel[channel] = job.color[channel];
      if (job.matte != nullptr) job.matte[i] = 255;
      return;
    }
  }

  MASKBENCH_HOST_DEVICE static void Template(const DrawJob& job, int row, int x, uint8_t* pixel, size_t i) {
    float mask[4] = {};
    float darkness[4] = {};
    const auto covers = [&](const WarpSpan& span) { return x >= span.first && x < span.first + span.count; };
    for (int span = job.rows[row]; span < job.rows[row + 1]; ++span) {
      const TemplateSpan& at = job.spans[span];
      if (covers(at.mask)) WarpPixel(job.texture, at.mask, x - at.mask.first, mask);
      if (covers(at.shadow)) WarpPixel(job.shadow, at.shadow, x - at.shadow.first, darkness);
    }
    const int photo_x = job.region.left + x;
    const int photo_y = job.region.top + row;
    float gains[3];
    ShadePixel(job.grid, photo_x, photo_y, gains);
    const float grain = job.grain * job.grain_tile[photo_y % kGrainTile * kGrainTile + photo_x % kGrainTile];
    for (int channel = 0; channel < 3; ++channel)
      pixel[channel] =
          BlendChannel(pixel[channel], mask[channel], mask[3], gains[channel], grain, darkness[0] * kShadowOfMask);
    if (job.matte != nullptr) job.matte[i] = static_cast<uint8_t>(std::lround(mask[3]));
  }
};

}  // namespace maskbench::device

#endif  // MASKBENCH_MASK_DRAW_GRID_H_
