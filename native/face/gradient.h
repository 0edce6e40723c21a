#ifndef MASKBENCH_FACE_GRADIENT_H_
#define MASKBENCH_FACE_GRADIENT_H_

#include "runtime/host_device.h"

namespace maskbench {

// Orientations that tell dark-to-light from light-to-dark.
inline constexpr int kOrientations = 18;
// Pixels across and down a cell.
inline constexpr int kCell = 8;

// Which of the directions 20 degrees apart is nearest to a gradient: beyond {a, b} lies what has along x b > across x
// a. dlib's directions are rounded to four digits, and so are the borders between them: in whole numbers the two sides
// are never equal but where a component is 0.
inline constexpr int kBorders[4][2] = {{603, 3420}, {1737, 3008}, {2660, 2232}, {3264, 1188}};

MASKBENCH_HOST_DEVICE inline int OrientationOf(int across, int along) {
  constexpr int kHalf = kOrientations / 2;
  constexpr int kBeyond[4][2] = {{kBorders[0][0], kBorders[0][1]},
                                 {kBorders[1][0], kBorders[1][1]},
                                 {kBorders[2][0], kBorders[2][1]},
                                 {kBorders[3][0], kBorders[3][1]}};
  const int x = across < 0 ? -across : across;
  const int y = along < 0 ? -along : along;
  int orientation = 0;
  for (const auto& border : kBeyond) orientation += y * border[1] > x * border[0] ? 1 : 0;
  if (along < 0 ? across > 0 : across < 0) orientation = kHalf - orientation;
  return along < 0 ? (orientation + kHalf) % kOrientations : orientation;
}

// Where the votes of pixel `at` of a row or column go: to the cell `first` and the next one, counted from one before
// the image, in shares of 1/16.
struct Share {
  int first;
  float here, next;
};
MASKBENCH_HOST_DEVICE constexpr Share ShareOf(int at) {
  const int sixteenths = 2 * at + 1 + kCell;
  const auto next = static_cast<float>(sixteenths % 16) / 16;
  return {sixteenths / 16, 1 - next, next};
}

// How an image is cut into cells and votes, as dlib 19.24 does it.
struct CellGrid {
  int cells_down, cells_across;
  // Pixels whose gradient is looked at: from 1 to below these. The first `blocks` times eight of a row are votes in
  // dlib's vector arithmetic, the rest in its scalar one.
  int visible_rows, visible_columns, blocks;
};
MASKBENCH_HOST_DEVICE inline CellGrid CellsOf(int width, int height) {
  CellGrid grid{};
  grid.cells_down = (height + kCell / 2) / kCell;
  grid.cells_across = (width + kCell / 2) / kCell;
  const int down = grid.cells_down * kCell;
  const int across = grid.cells_across * kCell;
  grid.visible_rows = (down < height ? down : height) - 1;
  grid.visible_columns = (across < width ? across : width) - 1;
  grid.blocks = grid.visible_columns > 1 ? (grid.visible_columns - 1) / kCell : 0;
  return grid;
}

}  // namespace maskbench

#endif  // MASKBENCH_FACE_GRADIENT_H_
