#ifndef MASKBENCH_MASK_DRAWING_H_
#define MASKBENCH_MASK_DRAWING_H_

#include <cstdint>
#include <variant>
#include <vector>

#include "mask/fill.h"
#include "mask/light.h"
#include "mask/style.h"
#include "mask/warp.h"

// A mask that is ready to be drawn: all that is decided of it, so that only pixels are left to do, here or on a device.

namespace maskbench {

// Pixels of one row that lie in one triangle of a template.
struct TemplateSpan {
  WarpSpan mask;
  // The shadow that it casts; of no pixels off the face.
  WarpSpan shadow;
};

struct FlatDrawing {
  Color color;
  // By rows.
  std::vector<PixelSpan> spans;
};

struct TemplateDrawing {
  // By rows; of two that overlap the later counts.
  std::vector<TemplateSpan> spans;
  std::vector<uint32_t> texels;
  int texture_width, texture_height;
  // As the template has it.
  Texture shadow;
  Light light;
  // Levels that are added to the mask, times GrainTile().
  float grain;
};

struct Drawing {
  // Pixels that may change.
  Region region;
  // The first span of each row of it, and the end.
  std::vector<int> rows;
  std::variant<FlatDrawing, TemplateDrawing> mask;
};

// The light, where a mask is near.
inline constexpr float kShadowOfMask = 0.16F / 255;

}  // namespace maskbench

#endif  // MASKBENCH_MASK_DRAWING_H_
