#ifndef MASKBENCH_FACE_DETECTORS_PASSES_H_
#define MASKBENCH_FACE_DETECTORS_PASSES_H_

#include <cstdint>
#include <vector>

#include "face/detectors/description.h"

namespace maskbench {

struct TilePlace {
  int left;
  int top;
};

// One search of the whole photo at one scale, in tiles that the network takes.
struct Pass {
  // The photo's size at this scale, and where its corner lies in the tiled plane, whose rest is padding.
  int width, height;
  int left, top;
  // In the tiled plane; all of one size.
  std::vector<TilePlace> tiles;
  int tile_width, tile_height;
  int plane_width, plane_height;
  // Boxes with longer sides, in pixels of the input, are left to the pass before: here they may be parts of a face.
  double largest;
};

// The scales at which a photo is searched, the coarsest first: the first holds the photo with a border of `pad` (a
// share of the longer side) in one tile, the last shows faces of `min_face` pixels as large as the network needs them.
// A face is whole in a tile of at least one pass.
std::vector<Pass> PlanPasses(const DetectorDescription& network, int width, int height, int min_face, double pad);

// The pixels of the largest tile.
int64_t LargestTile(const DetectorDescription& network);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_DETECTORS_PASSES_H_
