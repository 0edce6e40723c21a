#ifndef MASKBENCH_FACE_FACE_H_
#define MASKBENCH_FACE_FACE_H_

#include <array>
#include <cstdint>
#include <vector>

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
  // The HOG detector's confidence above its threshold, 0 and more; a network's from 0 to 1.
  double score;
  Landmarks landmarks;
  // The key points that a network gave with the box, in its order.
  std::vector<Point> points = {};
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_FACE_H_
