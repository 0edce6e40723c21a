#ifndef MASKBENCH_FACE_FEATURES_H_
#define MASKBENCH_FACE_FEATURES_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "face/gradient.h"
#include "face/planes.h"
#include "runtime/buffer.h"

namespace maskbench {

// Orientations that tell dark-to-light from light-to-dark, those that do not, and texture.
inline constexpr int kFeatures = 31;
// One byte a feature, and one of nothing.
inline constexpr int kCellBytes = 32;
// The window of the detector, in cells; as many as it is wide are zeros around an image, but one.
inline constexpr int kWindow = 10;
inline constexpr int kZerosBefore = 4;
inline constexpr int kZerosAfter = 5;

// A feature as a byte is round(feature x kByteSteps / its range), at most kByteSteps. Orientations reach 0.4 by their
// definition, texture seldom 0.6: where it is more, the cell's energy says kBeyondRange.
inline constexpr int kByteSteps = 63;
inline constexpr float kBeyondRange = 1e12F;
inline constexpr float FeatureRange(int feature) { return feature < 27 ? 0.4F : 0.6F; }

// Felzenszwalb's features ("Object Detection with Discriminatively Trained Part-Based Models", PAMI 2010) of cells of
// 8 x 8 pixels, with zeros around them. Only the last kRowsKept rows are kept, so that they stay in the cache.
class Features {
 public:
  // Cells that have features: rows and columns without the zeros around.
  int rows() const { return rows_; }
  int columns() const { return columns_; }
  // Rows and columns here count the zeros.
  const float* row(int feature, int y) const { return numbers_.data() + Offset(feature, y); }
  float* row(int feature, int y) { return numbers_.data() + Offset(feature, y); }
  const uint8_t* cells(int y) const { return bytes_.data() + Kept(y) * width_ * kCellBytes; }
  uint8_t* cells(int y) { return bytes_.data() + Kept(y) * width_ * kCellBytes; }
  // Sums of squares of a cell's bytes.
  const float* energy(int y) const { return energy_.data() + Kept(y) * stride_; }
  float* energy(int y) { return energy_.data() + Kept(y) * stride_; }
  int height() const { return rows_ + kZerosBefore + kZerosAfter; }
  int width() const { return static_cast<int>(width_); }
  // No rows or columns where the image is too small to have any. No row is set.
  void SetSize(int image_width, int image_height);
  // Makes a row all zeros.
  void ClearRow(int y);

 private:
  // A power of two above kWindow.
  static constexpr int kRowsKept = 16;

  static size_t Kept(int y) { return static_cast<size_t>(y % kRowsKept); }
  size_t Offset(int feature, int y) const { return (static_cast<size_t>(feature) * kRowsKept + Kept(y)) * stride_; }

  int rows_ = 0;
  int columns_ = 0;
  size_t width_ = 0;
  // Vectors may be written beyond the last column.
  size_t stride_ = 0;
  Buffer<float> numbers_, energy_;
  Buffer<uint8_t> bytes_;
};

// Rows `first` to `end` - 1, the zeros around too, of the features of an image, `features` having its size: equal to
// those of dlib 19.24 (extract_fhog_features with AVX), every float. Calls `done` for each row once it is set; it may
// look at that row and the nine before it.
void ExtractFeatures(const Planes& image, Features& features, int first, int end, const std::function<void(int)>& done);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_FEATURES_H_
