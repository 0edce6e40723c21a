#ifndef MASKBENCH_FACE_WINDOW_SEARCHER_H_
#define MASKBENCH_FACE_WINDOW_SEARCHER_H_

#include <cstddef>
#include <cstdint>

#include "face/frontal_model.h"
#include "face/gradient.h"
#include "face/landmarks.h"
#include "face/resize_plan.h"
#include "face/windows.h"
#include "runtime/host_device.h"

// What the kernels of finder_kernels.h are given. All pointers are the device's.

namespace maskbench::device {

inline constexpr int kZerosAround = kZerosBefore + kZerosAfter;

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
  // [component][row of features with the zeros around][column without]: each component's row filter.
  float* filtered;

  // With those around.
  MASKBENCH_HOST_DEVICE size_t cells() const {
    return static_cast<size_t>(grid.cells_across + 2) * (grid.cells_down + 2);
  }
  MASKBENCH_HOST_DEVICE int padded_columns() const { return columns + kZerosAround; }
  MASKBENCH_HOST_DEVICE size_t padded() const { return static_cast<size_t>(padded_columns()) * (rows + kZerosAround); }
  MASKBENCH_HOST_DEVICE size_t windows() const { return static_cast<size_t>(rows) * columns; }
  // Of one component.
  MASKBENCH_HOST_DEVICE size_t filtered_size() const { return static_cast<size_t>(columns) * (rows + kZerosAround); }
};

struct FilterModel {
  const frontal::Component* components;
  // Where the components of each filter begin, and where the last end.
  int first[kFilters + 1];
  double thresholds[kFilters];
};

struct FoundWindow {
  int photo, level, filter, row, column;
  float score;
};

struct FaceJob {
  const uint8_t* pixels;
  int width, height;
  BoxToPixels place;
  // 68 points x, y, in the box's coordinates.
  float* shape;
  float* turn;
  float* values;
  uint32_t* leaves;
};

}  // namespace maskbench::device

#endif  // MASKBENCH_FACE_WINDOW_SEARCHER_H_
