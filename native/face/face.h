#ifndef MASKBENCH_FACE_FACE_H_
#define MASKBENCH_FACE_FACE_H_

#include <array>
#include <cstdint>

namespace maskbench {

struct Point {
  int x;
  int y;
};

// Inclusive pixels.
struct Box {
  int left;
  int top;
  int right;
  int bottom;

  int64_t Area() const { return int64_t{right - left + 1} * (bottom - top + 1); }
};

inline constexpr int kLandmarks = 68;
// iBUG order, indices from 0.
using Landmarks = std::array<Point, kLandmarks>;

struct Face {
  Box box;
  // The detector's confidence above its threshold.
  double score;
  Landmarks landmarks;
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_FACE_H_
