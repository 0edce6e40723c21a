#ifndef MASKBENCH_EMBED_TENSOR_GRID_H_
#define MASKBENCH_EMBED_TENSOR_GRID_H_

#include <cstddef>
#include <cstdint>

#include "embed/crop.h"
#include "embed/scale.h"
#include "runtime/host_device.h"

// Crops of images as a model's input, as embed/cut.cc makes them on the CPU.

namespace maskbench::device {

// All pointers are the device's.
struct CropJob {
  // B, G, R bytes of the whole image.
  const uint8_t* pixels;
  int width, height;
  // Resized into a part of the crop; otherwise by the map.
  bool resized;
  ScaleTables tables;
  int left, top, resized_width, resized_height;
  Affine map;
  float* tensor;
};

// A thread a pixel of the crop.
struct MakeTensorPixel {
  const CropJob* jobs;
  TensorLayout layout;

  MASKBENCH_HOST_DEVICE void operator()(size_t number, size_t i) const {
    if (i >= static_cast<size_t>(layout.width) * layout.height) return;
    const CropJob& job = jobs[number];
    const auto x = static_cast<int>(i % layout.width);
    const auto y = static_cast<int>(i / layout.width);
    uint8_t pixel[3] = {};
    if (!job.resized) {
      CropPixel(job.pixels, job.width, job.height, job.map, x, y, pixel);
    } else if (x >= job.left && y >= job.top && x < job.left + job.resized_width && y < job.top + job.resized_height) {
      for (int color = 0; color < 3; ++color)
        pixel[color] = ScaledChannel(job.tables, job.pixels + color, static_cast<size_t>(job.width) * 3, x - job.left,
                                     y - job.top);
    }
    for (int channel = 0; channel < 3; ++channel)
      job.tensor[layout.PlaceOf(channel, i)] = layout.NumberOf(channel, pixel[layout.ColorOf(channel)]);
  }
};

}  // namespace maskbench::device

#endif  // MASKBENCH_EMBED_TENSOR_GRID_H_
