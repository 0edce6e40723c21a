#ifndef MASKBENCH_EMBED_TENSOR_GRID_H_
#define MASKBENCH_EMBED_TENSOR_GRID_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "device/grid.h"
#include "embed/crop.h"
#include "embed/cut.h"
#include "image/scale.h"
#include "embed/tensor_maker.h"
#include "runtime/host_device.h"

// Crops of images as a model's input, as embed/cut.cc makes them on the CPU.

namespace maskbench {

// All pointers are the device's.
struct CropJob {
  // B, G, R bytes of the whole image.
  const uint8_t* pixels;
  int width, height;
  // Resized into a part of the crop; otherwise by the map.
  bool resized;
  bool mirrored;
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
    const auto column = static_cast<int>(i % layout.width);
    const int x = job.mirrored ? layout.width - 1 - column : column;
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

template <class Grid>
class TensorGrid : public TensorMaker {
 public:
  explicit TensorGrid(Grid& grid) : grid_(grid) {}

  float* MakeTensor(std::span<const CropPlan* const> crops, const TensorLayout& layout) override {
    // What all crops need, one after the other.
    size_t bytes = 0;
    std::vector<LinearPlace> linear;
    std::vector<AreaPlace> area;
    std::vector<float> weights;
    for (const CropPlan* crop : crops) {
      bytes += crop->image->pixels.size();
      if (const auto* resized = std::get_if<CropPlan::Resized>(&crop->way)) {
        const ScalePlan& plan = resized->plan;
        device::Append(linear, plan.linear_columns());
        device::Append(linear, plan.linear_rows());
        device::Append(area, plan.area_columns());
        device::Append(area, plan.area_rows());
        device::Append(weights, plan.weights());
      }
    }
    uint8_t* pixels = pixels_.Reserve(bytes);
    const LinearPlace* linear_at = linear_.Upload(linear);
    const AreaPlace* area_at = area_.Upload(area);
    const float* weights_at = weights_.Upload(weights);
    const size_t size = 3 * static_cast<size_t>(layout.width) * layout.height;
    float* const tensor = tensor_.Reserve(crops.size() * size);
    std::vector<CropJob> jobs;
    for (const CropPlan* crop : crops) {
      const Image& image = *crop->image;
      grid_.Upload(pixels, image.pixels.data(), image.pixels.size());
      CropJob job{};
      job.pixels = pixels;
      job.width = image.width;
      job.height = image.height;
      job.tensor = tensor + jobs.size() * size;
      job.mirrored = crop->mirrored;
      pixels += image.pixels.size();
      if (const auto* resized = std::get_if<CropPlan::Resized>(&crop->way)) {
        const ScalePlan& plan = resized->plan;
        job.resized = true;
        job.left = resized->left;
        job.top = resized->top;
        job.resized_width = resized->width;
        job.resized_height = resized->height;
        job.tables = plan.tables();
        job.tables.linear_columns = device::Next(linear_at, plan.linear_columns());
        job.tables.linear_rows = device::Next(linear_at, plan.linear_rows());
        job.tables.area_columns = device::Next(area_at, plan.area_columns());
        job.tables.area_rows = device::Next(area_at, plan.area_rows());
        job.tables.weights = device::Next(weights_at, plan.weights());
      } else {
        job.map = std::get<Affine>(crop->way);
      }
      jobs.push_back(job);
    }
    grid_.Launch(jobs.size(), size / 3, MakeTensorPixel{jobs_.Upload(jobs), layout});
    grid_.Finish();
    return tensor;
  }

  void Read(const float* tensor, std::span<float> numbers) override {
    grid_.Download(numbers.data(), tensor, numbers.size_bytes());
  }

 private:
  Grid& grid_;

  device::GridBuffer<Grid, uint8_t> pixels_{grid_};
  device::GridBuffer<Grid, LinearPlace> linear_{grid_};
  device::GridBuffer<Grid, AreaPlace> area_{grid_};
  device::GridBuffer<Grid, float> weights_{grid_};
  device::GridBuffer<Grid, CropJob> jobs_{grid_};
  device::GridBuffer<Grid, float> tensor_{grid_};
};

}  // namespace maskbench

#endif  // MASKBENCH_EMBED_TENSOR_GRID_H_
