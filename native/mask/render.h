#ifndef MASKBENCH_MASK_RENDER_H_
#define MASKBENCH_MASK_RENDER_H_

#include <array>
#include <span>

#include "face/face.h"
#include "image/image.h"
#include "mask/drawing.h"
#include "mask/template.h"

namespace maskbench {

// How a mask is worn.
enum class Wear { kCorrect, kUnderNose, kOnChin };

// How far a mask sits from its place on the canonical face: to the right and down in distances between the eyes, turned
// clockwise in degrees, and its size less 1.
using Shift = std::array<double, 4>;

struct TemplateLook {
  Tint tint;
  Wear wear;
  Shift shift;
};

// Draws a mask on a face: bent over its mesh, in the photo's light, with its grain. Adds the mask's matte (0 to 255, a
// byte a pixel) to `matte`, unless that is empty.
void DrawTemplate(Image& image, const Landmarks& found, const Template& mask, const TemplateLook& look,
                  std::span<uint8_t> matte);
// The same, to be drawn by a device. It looks at the template until then.
Drawing PlanTemplate(const Image& image, const Landmarks& found, const Template& mask, const TemplateLook& look);

}  // namespace maskbench

#endif  // MASKBENCH_MASK_RENDER_H_
