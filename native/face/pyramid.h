#ifndef MASKBENCH_FACE_PYRAMID_H_
#define MASKBENCH_FACE_PYRAMID_H_

#include <array>
#include <vector>

#include "face/detector.h"
#include "face/windows.h"

namespace maskbench {

struct ImageSize {
  int width, height;
};

// The sizes that an image is searched at, as dlib makes them.
struct PyramidSizes {
  // After each doubling.
  std::vector<ImageSize> doublings;
  // The sizes of the levels from the second on; the first is the last doubling.
  std::vector<ImageSize> levels;
};
PyramidSizes SizesOf(ImageSize image, int upsample);

// The side of the boxes that a level's windows stand for, in pixels of the image before it was enlarged.
int BoxSizeOf(int level, int upsample);

// Windows of each filter, level by level, each level's by row and column.
struct LevelWindow {
  int level;
  WindowScore window;
};
using LevelWindows = std::array<std::vector<LevelWindow>, kFilters>;

// The faces that they stand for, those that overlap a better one left out; in pixels of the image before it was
// enlarged.
std::vector<Detection> FacesOf(const LevelWindows& windows, int upsample);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_PYRAMID_H_
