#ifndef MASKBENCH_FACE_RESIZE_PLAN_H_
#define MASKBENCH_FACE_RESIZE_PLAN_H_

#include <cstdint>
#include <vector>

#include "runtime/host_device.h"

namespace maskbench {

// Where the bilinear resizing of dlib 19.24 (resize_image of two RGB images) looks: in single precision, but for the
// last columns, which it does in double precision.

struct ResizeRowPlace {
  int top, bottom;
  double bottom_weight;
};

struct ResizeLastColumn {
  int left, right;
  double right_weight;
};

struct ResizeColumns {
  // In single precision; the right neighbour is the next column.
  std::vector<int> left;
  std::vector<float> right_weight;
  // The columns after those.
  std::vector<ResizeLastColumn> last;
};

std::vector<ResizeRowPlace> PlanRows(int in, int out);
ResizeColumns PlanColumns(int in, int out);

// A pixel in single precision.
MASKBENCH_HOST_DEVICE inline uint8_t BlendSingle(const uint8_t (&corners)[4], double bottom_weight,
                                                 float right_weight) {
  const auto bottom = static_cast<float>(bottom_weight);
  const auto top = static_cast<float>(1 - bottom_weight);
  const float left_weight = 1 - right_weight;
  return static_cast<uint8_t>(
      ((top * left_weight) * corners[0] + (top * right_weight) * corners[1] + (bottom * left_weight) * corners[2]) +
      (bottom * right_weight) * corners[3]);
}

// A pixel in double precision. Corners: upper left, upper right, lower left, lower right.
MASKBENCH_HOST_DEVICE inline uint8_t BlendDouble(const uint8_t (&corners)[4], double bottom_weight,
                                                 double right_weight) {
  return static_cast<uint8_t>((1 - bottom_weight) * ((1 - right_weight) * corners[0] + right_weight * corners[1]) +
                              bottom_weight * ((1 - right_weight) * corners[2] + right_weight * corners[3]));
}

}  // namespace maskbench

#endif  // MASKBENCH_FACE_RESIZE_PLAN_H_
