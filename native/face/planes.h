#ifndef MASKBENCH_FACE_PLANES_H_
#define MASKBENCH_FACE_PLANES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "face/resize_plan.h"
#include "image/image.h"
#include "runtime/buffer.h"

namespace maskbench {

inline constexpr int kColors = 3;

// A photo with its colours apart. Vectors may be read and written beyond the end of a row.
class Planes {
 public:
  int width() const { return width_; }
  int height() const { return height_; }
  const uint8_t* row(int color, int y) const { return bytes_.data() + Offset(color, y); }
  uint8_t* row(int color, int y) { return bytes_.data() + Offset(color, y); }
  size_t bytes() const { return bytes_.bytes(); }

  void SetSize(int width, int height);
  void Assign(const Image& image);

 private:
  // What a vector may reach beyond the last pixel of a row.
  static constexpr int kBeyond = 64;

  size_t Offset(int color, int y) const {
    return (static_cast<size_t>(color) * static_cast<size_t>(height_) + static_cast<size_t>(y)) * stride_;
  }

  int width_ = 0;
  int height_ = 0;
  size_t stride_ = 0;
  Buffer<uint8_t> bytes_;
};

// Makes `out` half as wide and high, each pixel the mean of four; an odd last row or column is left out, unless it is
// the only one.
void Halve(const Planes& in, Planes& out);

// Columns that a resizing does at once.
inline constexpr int kResizeGroup = 16;

// One row of a resizing, for the kernel.
struct ResizeRow {
  // For each group of columns their left pixels and then their right ones.
  const float* top[kColors];
  const float* bottom[kColors];
  uint8_t* out[kColors];
  float top_weight, bottom_weight;
  const float* right_weight;
};

// The bilinear resizing of dlib 19.24 (resize_image of two RGB images), every pixel equal: in single precision, but for
// the last columns, which it does in double precision.
class Resizer {
 public:
  // Makes ready for images of these sizes; nothing to do for those of the last call.
  void SetSizes(const Planes& in, const Planes& out);
  // Makes rows `first` to `end` - 1 of `out`.
  void Run(const Planes& in, Planes& out, int first, int end) const;

 private:
  std::array<int, 4> sizes_ = {};
  std::vector<ResizeRowPlace> rows_;
  ResizeColumns columns_;
  // For columns_ in single precision, in whole groups: weights, and for each eight columns the first pixel that they
  // read. Beyond that, where the bytes of a group's left pixels and then of its right ones are, as 32-bit numbers.
  std::vector<float> right_weight_;
  std::vector<int> first_;
  Buffer<uint8_t> places_;
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_PLANES_H_
