#ifndef MASKBENCH_MASK_LIGHT_H_
#define MASKBENCH_MASK_LIGHT_H_

#include <vector>

#include "face/face.h"
#include "image/image.h"
#include "mask/mesh.h"
#include "mask/shade.h"

namespace maskbench {

// Pixels; right and bottom are not inside.
struct Region {
  int left, top, right, bottom;
};

// The light that falls on a face, and what the camera made of it.
struct Light {
  // The light of the skin that a mask covers: its low frequencies over their mean, times what the photo's brightness
  // and colour cast make of white. [channel][row][column] as in `grid`.
  std::vector<float> gains;
  GainGrid grid;
  // The median absolute deviation of the Laplacian of bare cheeks, in levels.
  float grain;
  // Pixels over which the photo's sharpest edges near the eyes rise.
  float edge_width;
  // 1 where skin has its usual colour, 0 in a photo without colours.
  float saturation;
};

// `region` is where gains are wanted.
Light MeasureLight(const Image& image, const Landmarks& landmarks, const Pose& pose, const Region& region);

// Noise that is equal everywhere and on every machine: a tile of kGrainTile x kGrainTile numbers to be repeated, whose
// Laplacian has a median absolute deviation of 1.
inline constexpr int kGrainTile = 128;
const std::vector<float>& GrainTile();

}  // namespace maskbench

#endif  // MASKBENCH_MASK_LIGHT_H_
