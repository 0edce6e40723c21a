#ifndef MASKBENCH_MASK_DRAW_GRID_H_
#define MASKBENCH_MASK_DRAW_GRID_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "device/grid.h"
#include "mask/blend.h"
#include "mask/drawer.h"
#include "mask/drawing.h"
#include "mask/shade.h"
#include "mask/warp.h"
#include "runtime/host_device.h"

// Masks over photos, as mask/render.cc and mask/style.cc draw them on the CPU.

namespace maskbench {

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

template <class Grid>
class DrawGrid : public MaskDrawer {
 public:
  // `grain_tile`: GrainTile().
  DrawGrid(Grid& grid, std::span<const float> grain_tile) : grid_(grid) { grain_tile_.Upload(grain_tile); }

  void Draw(std::span<const DrawInput> masks) override {
    // What all masks need, one after the other.
    std::vector<uint8_t> pixels;
    std::vector<int> rows;
    std::vector<PixelSpan> fill;
    std::vector<TemplateSpan> spans;
    std::vector<uint32_t> texels;
    std::vector<float> gains;
    size_t most = 0;
    for (const DrawInput& mask : masks) {
      const Drawing& drawing = *mask.drawing;
      const size_t width = 3 * Width(drawing.region);
      for (int y = drawing.region.top; y < drawing.region.bottom; ++y) {
        const uint8_t* row = mask.image->row(y) + size_t{3} * drawing.region.left;
        pixels.insert(pixels.end(), row, row + width);
      }
      most = std::max(most, Area(drawing.region));
      device::Append(rows, drawing.rows);
      if (const auto* flat = std::get_if<FlatDrawing>(&drawing.mask)) {
        device::Append(fill, flat->spans);
        continue;
      }
      const auto& worn = std::get<TemplateDrawing>(drawing.mask);
      device::Append(spans, worn.spans);
      device::Append(texels, worn.texels);
      const auto shadow = static_cast<size_t>(worn.shadow.width) * worn.shadow.height;
      texels.insert(texels.end(), worn.shadow.texels, worn.shadow.texels + shadow);
      device::Append(gains, worn.light.gains);
    }
    std::vector<uint8_t> mattes(pixels.size() / 3);
    uint8_t* pixel = pixels_.Upload(pixels);
    uint8_t* matte = mattes_.Upload(mattes);
    const int* row = rows_.Upload(rows);
    const PixelSpan* fill_at = fill_.Upload(fill);
    const TemplateSpan* span = spans_.Upload(spans);
    const uint32_t* texel = texels_.Upload(texels);
    const float* gain = gains_.Upload(gains);
    std::vector<DrawJob> jobs;
    for (const DrawInput& mask : masks) {
      const Drawing& drawing = *mask.drawing;
      DrawJob job{};
      job.pixels = pixel;
      job.matte = mask.matte.empty() ? nullptr : matte;
      job.region = drawing.region;
      job.rows = row;
      pixel += 3 * Area(drawing.region);
      matte += Area(drawing.region);
      row += drawing.rows.size();
      if (const auto* flat = std::get_if<FlatDrawing>(&drawing.mask)) {
        job.fill = fill_at;
        job.color[0] = flat->color.blue;
        job.color[1] = flat->color.green;
        job.color[2] = flat->color.red;
        fill_at += flat->spans.size();
      } else {
        const auto& worn = std::get<TemplateDrawing>(drawing.mask);
        job.spans = span;
        job.texture = {texel, worn.texture_width, worn.texture_height};
        texel += worn.texels.size();
        job.shadow = {texel, worn.shadow.width, worn.shadow.height};
        texel += static_cast<size_t>(worn.shadow.width) * worn.shadow.height;
        job.grid = worn.light.grid;
        job.grid.gains = gain;
        gain += worn.light.gains.size();
        job.grain_tile = grain_tile_.data();
        job.grain = worn.grain;
        span += worn.spans.size();
      }
      jobs.push_back(job);
    }
    grid_.Launch(jobs.size(), most, DrawPixel{jobs_.Upload(jobs)});
    grid_.Download(pixels.data(), pixels_.data(), pixels.size());
    grid_.Download(mattes.data(), mattes_.data(), mattes.size());
    const uint8_t* drawn = pixels.data();
    const uint8_t* opacity = mattes.data();
    for (const DrawInput& mask : masks) {
      const Region& region = mask.drawing->region;
      const size_t width = Width(region);
      for (int y = region.top; y < region.bottom; ++y, drawn += 3 * width, opacity += width) {
        std::copy(drawn, drawn + 3 * width, mask.image->row(y) + size_t{3} * region.left);
        if (mask.matte.empty()) continue;
        uint8_t* out = mask.matte.data() + static_cast<size_t>(y) * mask.image->width + region.left;
        for (size_t x = 0; x < width; ++x) out[x] = std::max(out[x], opacity[x]);
      }
    }
  }

 private:
  static size_t Width(const Region& region) { return static_cast<size_t>(region.right - region.left); }
  static size_t Area(const Region& region) { return Width(region) * static_cast<size_t>(region.bottom - region.top); }

  Grid& grid_;

  device::GridBuffer<Grid, float> grain_tile_{grid_};
  device::GridBuffer<Grid, uint8_t> pixels_{grid_};
  device::GridBuffer<Grid, uint8_t> mattes_{grid_};
  device::GridBuffer<Grid, int> rows_{grid_};
  device::GridBuffer<Grid, PixelSpan> fill_{grid_};
  device::GridBuffer<Grid, TemplateSpan> spans_{grid_};
  device::GridBuffer<Grid, uint32_t> texels_{grid_};
  device::GridBuffer<Grid, float> gains_{grid_};
  device::GridBuffer<Grid, DrawJob> jobs_{grid_};
};

}  // namespace maskbench

#endif  // MASKBENCH_MASK_DRAW_GRID_H_
