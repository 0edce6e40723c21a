#ifndef MASKBENCH_MASK_SHADE_H_
#define MASKBENCH_MASK_SHADE_H_

#include <array>
#include <cstddef>

#include "runtime/host_device.h"

namespace maskbench {

// What light does to a mask: factors for blue, green and red on a coarse grid over the photo.
struct GainGrid {
  // [channel][row][column]
  const float* gains;
  // At least 2 each.
  int width;
  int height;
  // Where the first number stands, in pixels, and how many pixels lie between two.
  float left, top, step;
};

struct GridPlace {
  int first;
  float share;
};

// Between which of `size` numbers pixel `at` lies; the middle of a pixel is at 0.5.
MASKBENCH_HOST_DEVICE inline GridPlace PlaceInGrid(int at, float start, float step, int size) {
  const float place = (static_cast<float>(at) + 0.5F - start) / step;
  const float most = static_cast<float>(size) - 1.0625F;
  const float low = place > 0.0F ? place : 0.0F;
  const float inside = low < most ? low : most;
  const int first = static_cast<int>(inside);
  return {first, inside - static_cast<float>(first)};
}

// Bilinear; beyond the grid is what lies at its border.
MASKBENCH_HOST_DEVICE inline void ShadePixel(const GainGrid& grid, int x, int y, float (&gains)[3]) {
  const GridPlace row = PlaceInGrid(y, grid.top, grid.step, grid.height);
  const GridPlace column = PlaceInGrid(x, grid.left, grid.step, grid.width);
  for (int channel = 0; channel < 3; ++channel) {
    const float* upper =
        grid.gains + static_cast<ptrdiff_t>(channel * grid.height + row.first) * grid.width + column.first;
    const float* lower = upper + grid.width;
    const float left = upper[0] + row.share * (lower[0] - upper[0]);
    const float right = upper[1] + row.share * (lower[1] - upper[1]);
    gains[channel] = left + column.share * (right - left);
  }
}

// ShadePixel for `count` pixels of row y from `left`: writes out[channel][i], and up to 15 numbers beyond.
void ShadeRow(const GainGrid& grid, int left, int count, int y, const std::array<float*, 3>& out);

}  // namespace maskbench

#endif  // MASKBENCH_MASK_SHADE_H_
