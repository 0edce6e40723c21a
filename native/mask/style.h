#ifndef MASKBENCH_MASK_STYLE_H_
#define MASKBENCH_MASK_STYLE_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "face/face.h"
#include "image/image.h"
#include "mask/fill.h"

namespace maskbench {

struct Color {
  uint8_t red;
  uint8_t green;
  uint8_t blue;
};

// The paper's styles: polygons a, c and e, ellipses b, d and f.
inline constexpr std::string_view kSeedStyles = "abcdef";

// After NISTIR 8311, which varies how wide a mask is and how much of the nose it covers. Its reports give no
// coordinates: these are ours.
struct NistStyle {
  // Along the jaw, or a curve below it.
  bool wide;
  // Up to the base, the middle or the root of the nose.
  enum class Coverage { kLow, kMedium, kHigh } coverage;
};

struct Drawing;

// One of kSeedStyles, or one after NIST.
using FlatStyle = std::variant<char, NistStyle>;

// A polygon, or an ellipse.
using FlatShape = std::variant<std::vector<Point>, Ellipse>;

FlatShape ShapeOf(const Landmarks& points, const FlatStyle& style);

// Fills the style's shape with one colour, and in `matte` (a byte a pixel), unless that is empty, with 255.
void DrawFlat(Image& image, const Landmarks& landmarks, const FlatStyle& style, Color color, std::span<uint8_t> matte);

// The same, to be drawn by a device.
Drawing PlanFlat(const Image& image, const Landmarks& landmarks, const FlatStyle& style, Color color);

// Draws the style's outline, if there is one, and the landmarks with their numbers, for looking at what was found.
void DrawOutline(Image& image, const Landmarks& landmarks, const FlatStyle* style, Color color);
// Draws boxes, scores in hundredths, landmarks and key points, likewise.
void DrawFaces(Image& image, std::span<const Face> faces);

}  // namespace maskbench

#endif  // MASKBENCH_MASK_STYLE_H_
