#ifndef MASKBENCH_MASK_FILL_H_
#define MASKBENCH_MASK_FILL_H_

#include <span>
#include <vector>

#include "face/face.h"

namespace maskbench {

// Pixels of one row, from the first to the last, both in the image.
struct PixelSpan {
  int y, first, last;
};

// With sides along the image's, its middle on a pixel's middle where that is whole.
struct Ellipse {
  float center_x, center_y;
  // Whole, from 0 on.
  int width, height;
};

// The pixels of a shape in an image of that size, some of them perhaps twice: those that OpenCV's fillPoly (corners
// that are pixels) and ellipse (filled) colour, which the paper's program calls, both with lines of 8 neighbours.
std::vector<PixelSpan> FillPolygon(std::span<const Point> corners, int width, int height);
std::vector<PixelSpan> FillEllipse(const Ellipse& ellipse, int width, int height);

}  // namespace maskbench

#endif  // MASKBENCH_MASK_FILL_H_
