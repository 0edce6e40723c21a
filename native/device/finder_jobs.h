#ifndef MASKBENCH_DEVICE_FINDER_JOBS_H_
#define MASKBENCH_DEVICE_FINDER_JOBS_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "face/gradient.h"
#include "face/resize_plan.h"
#include "runtime/host_device.h"

// What the kernels of finder_kernels.h are given. All pointers are the device's.

namespace maskbench::device {

inline constexpr int kDeviceFeatures = 31;
inline constexpr int kDeviceFilters = 5;
// Cells across and down the detector's window, and zeros before and after an image's features.
inline constexpr int kDeviceWindow = 10;
inline constexpr int kZeros = 4;
inline constexpr int kZerosAround = kDeviceWindow - 1;

struct PhotoJob {
  // B, G, R bytes, row-major.
  const uint8_t* pixels;
  int width, height;
  // [color][row][column]
  uint8_t* planes;
};

// One resizing of a photo; nothing to do where the width is 0.
struct ResizeJob {
  const uint8_t* in;
  uint8_t* out;
  int in_width, in_height, width, height;
  const ResizeRowPlace* rows;
  // Columns before `single` are in single precision.
  const int* left;
  const float* right_weight;
  const ResizeLastColumn* last;
  int single;
};

// One level of a photo's pyramid; nothing to do where it has no rows of features.
struct LevelJob {
  const uint8_t* planes;
  int width, height;
  CellGrid grid;
  // Of each pixel's gradient.
  float* lengths;
  uint8_t* orientations;
  // [row][column][orientation] of cells, counted from one before the image; and [row][column].
  float* votes;
  float* energies;
  // Of features, without the zeros around; [feature][row][column] with them.
  int rows, columns;
  float* features;

  MASKBENCH_HOST_DEVICE int padded_columns() const { return columns + kZerosAround; }
  MASKBENCH_HOST_DEVICE size_t padded() const { return static_cast<size_t>(padded_columns()) * (rows + kZerosAround); }
};

struct FilterComponent {
  int plane;
  float column[kDeviceWindow];
  float row[kDeviceWindow];
};

struct FilterModel {
  const FilterComponent* components;
  // Where the components of each filter begin, and where the last end.
  int first[kDeviceFilters + 1];
  double thresholds[kDeviceFilters];
};

struct FoundWindow {
  int photo, level, filter, row, column;
  float score;
};

struct FaceJob {
  const uint8_t* pixels;
  int width, height;
  // From a box's own coordinates to pixels: x' = m[0] x + m[1] y + b[0] and so on.
  double m[4], b[2];
  // 68 points x, y, in the box's coordinates.
  float* shape;
  float* turn;
  float* values;
  uint32_t* leaves;

  // The pixel that a place in the box's coordinates falls on.
  MASKBENCH_HOST_DEVICE void PixelAt(float x, float y, int& column, int& row) const {
    column = static_cast<int>(std::floor((m[0] * static_cast<double>(x) + m[1] * static_cast<double>(y)) + b[0] + 0.5));
    row = static_cast<int>(std::floor((m[2] * static_cast<double>(x) + m[3] * static_cast<double>(y)) + b[1] + 0.5));
  }
};

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_FINDER_JOBS_H_
