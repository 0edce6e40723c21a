#ifndef MASKBENCH_MASK_STYLE_H_
#define MASKBENCH_MASK_STYLE_H_

#include <cstdint>
#include <string_view>

#include "face/face.h"
#include "image/image.h"

namespace maskbench {

struct Color {
  uint8_t red;
  uint8_t green;
  uint8_t blue;
};

// The paper's styles: polygons a, c and e, ellipses b, d and f.
inline constexpr std::string_view kStyles = "abcdef";

// Fills the style's shape with one colour; `style` is one of kStyles.
void DrawMask(Image& image, const Landmarks& landmarks, char style, Color color);

// Draws the style's outline, and the landmarks with their numbers, for looking at what was found.
void DrawOutline(Image& image, const Landmarks& landmarks, char style, Color color);

}  // namespace maskbench

#endif  // MASKBENCH_MASK_STYLE_H_
