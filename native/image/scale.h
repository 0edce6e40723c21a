#ifndef MASKBENCH_IMAGE_SCALE_H_
#define MASKBENCH_IMAGE_SCALE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "image/image.h"
#include "runtime/host_device.h"

// Images in another size, as OpenCV's resize gives them (version 4): the paper's program resizes so, and others' models
// are trained on such crops.

namespace maskbench {

// The two columns or rows that one of the result lies between, and their weights of 2048 parts.
struct LinearPlace {
  int first, second;
  int first_weight, second_weight;
};

// Those that it covers, and where their weights begin.
struct AreaPlace {
  int first, count;
  int weights;
};

enum class ScaleKind {
  kLinear,
  // The mean of what a pixel covers: weighted, or of whole pixels.
  kArea,
  kWholeCells,
};

// What each pixel of the result is made of; lies on the host or a device.
struct ScaleTables {
  ScaleKind kind;
  const LinearPlace* linear_columns;
  const LinearPlace* linear_rows;
  const AreaPlace* area_columns;
  const AreaPlace* area_rows;
  const float* weights;
  int cell_width, cell_height;
};

// Between two rows, of a sixteenth of numbers that LinearPlace's weights were given to.
MASKBENCH_HOST_DEVICE inline uint8_t BlendLinear(int upper, int lower, const LinearPlace& row) {
  return static_cast<uint8_t>(((row.first_weight * upper >> 16) + (row.second_weight * lower >> 16) + 2) >> 2);
}

MASKBENCH_HOST_DEVICE inline uint8_t RoundArea(float sum) {
  return static_cast<uint8_t>(std::rint(sum < 255.0F ? sum : 255.0F));
}

// One channel of pixel (x, y) of the result. `pixels`: that channel of the image's first pixel; three bytes lie from
// one pixel to the next, `stride` from row to row.
MASKBENCH_HOST_DEVICE inline uint8_t ScaledChannel(const ScaleTables& tables, const uint8_t* pixels, size_t stride,
                                                   int x, int y) {
  const auto at = [&](int column, int row) {
    return static_cast<int>(pixels[static_cast<size_t>(row) * stride + 3 * static_cast<size_t>(column)]);
  };
  if (tables.kind == ScaleKind::kLinear) {
    const LinearPlace& column = tables.linear_columns[x];
    const LinearPlace& row = tables.linear_rows[y];
    const auto across = [&](int of_row) {
      return (at(column.first, of_row) * column.first_weight + at(column.second, of_row) * column.second_weight) >> 4;
    };
    return BlendLinear(across(row.first), across(row.second), row);
  }
  if (tables.kind == ScaleKind::kWholeCells) {
    int sum = 0;
    for (int row = 0; row < tables.cell_height; ++row)
      for (int column = 0; column < tables.cell_width; ++column)
        sum += at(x * tables.cell_width + column, y * tables.cell_height + row);
    if (tables.cell_width == 2 && tables.cell_height == 2) return static_cast<uint8_t>((sum + 2) >> 2);
    const float share = 1.0F / static_cast<float>(tables.cell_width * tables.cell_height);
    return static_cast<uint8_t>(std::rint(static_cast<float>(sum) * share));
  }
  const AreaPlace& columns = tables.area_columns[x];
  const AreaPlace& rows = tables.area_rows[y];
  float sum = 0;
  for (int row = 0; row < rows.count; ++row) {
    float across = 0;
    for (int column = 0; column < columns.count; ++column)
      across +=
          static_cast<float>(at(columns.first + column, rows.first + row)) * tables.weights[columns.weights + column];
    sum += across * tables.weights[rows.weights + row];
  }
  return RoundArea(sum);
}

// From one size to another: linear, or by what each pixel covers, where `by_area` and both sides shrink.
class ScalePlan {
 public:
  ScalePlan(int from_width, int from_height, int width, int height, bool by_area);

  // They point into the plan.
  ScaleTables tables() const {
    return {kind_,
            linear_columns_.data(),
            linear_rows_.data(),
            area_columns_.data(),
            area_rows_.data(),
            weights_.data(),
            cell_width_,
            cell_height_};
  }
  const std::vector<LinearPlace>& linear_columns() const { return linear_columns_; }
  const std::vector<LinearPlace>& linear_rows() const { return linear_rows_; }
  const std::vector<AreaPlace>& area_columns() const { return area_columns_; }
  const std::vector<AreaPlace>& area_rows() const { return area_rows_; }
  const std::vector<float>& weights() const { return weights_; }

 private:
  ScaleKind kind_;
  int cell_width_ = 0;
  int cell_height_ = 0;
  std::vector<LinearPlace> linear_columns_, linear_rows_;
  std::vector<AreaPlace> area_columns_, area_rows_;
  std::vector<float> weights_;
};

// The whole image, resized, into a part of `to` whose first pixel is (left, top).
void ScaleInto(const ScalePlan& plan, const Image& image, Image& to, int left, int top, int width, int height);

}  // namespace maskbench

#endif  // MASKBENCH_IMAGE_SCALE_H_
