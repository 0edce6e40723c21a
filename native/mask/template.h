#ifndef MASKBENCH_MASK_TEMPLATE_H_
#define MASKBENCH_MASK_TEMPLATE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mask/canonical.h"
#include "mask/style.h"
#include "mask/warp.h"
#include "runtime/file.h"

namespace maskbench {

// A picture that belongs to a template: a PNG with an alpha channel.
struct TemplatePart {
  // What errors call it; read from there where `file` is empty.
  std::string path;
  Bytes file;
  // Takes the mask's colour or texture.
  bool tinted;
};

// A point of the picture, in pixels, that belongs on a landmark, or between two (28.5).
struct TemplateAnchor {
  double landmark;
  PointF at;
};

// How a mask looks from one side: its parts, lowest first, all of one size.
struct TemplateViewSource {
  std::vector<TemplatePart> parts;
  std::vector<TemplateAnchor> anchors;
};

struct TemplateSource {
  std::string name;
  TemplateViewSource front;
  // For faces turned to the left or right of the photo; where absent the front is bent to fit.
  std::optional<TemplateViewSource> left, right;
};

// The map from canonical places to places of a picture: a thin-plate spline through the anchors (Bookstein, "Principal
// Warps", PAMI 1989).
class TemplateMap {
 public:
  // Throws INVALID_ARGUMENT where the anchors lie on a line.
  explicit TemplateMap(const std::vector<TemplateAnchor>& anchors);
  PointF At(PointF canonical) const;

 private:
  std::vector<PointF> centers_;
  // A weight for each center, then for 1, x, y.
  std::vector<PointF> weights_;
};

// A picture at one resolution, half that of the level before.
struct TemplateLevel {
  int width, height;  // with a transparent border of 1
  std::vector<uint32_t> texels;
  // How much of a texel's colour is tinted, 0 to 255; empty where nothing is.
  std::vector<uint8_t> tint;

  Texture View() const { return {texels.data(), width, height}; }
};

struct TemplateView {
  TemplateMap map;
  std::vector<TemplateLevel> levels;
  // The shadow that the mask casts around it, in the first channel, and the level whose places it has.
  std::vector<uint32_t> shadow;
  int shadow_level;
  // Where the mask begins and ends on the middle line of a canonical face.
  double top, bottom;
  // The part of the picture that is not empty, with its shadow.
  PointF first, last;
  bool frontal;
};

// A mask that is bent to a face. Immutable.
class Template {
 public:
  // Throws INVALID_ARGUMENT, NOT_FOUND, UNREADABLE or TOO_LARGE, naming the picture.
  explicit Template(const TemplateSource& source);

  const std::string& name() const { return name_; }
  // For a face turned by `yaw` degrees.
  const TemplateView& View(double yaw) const;

 private:
  std::string name_;
  TemplateView front_;
  std::optional<TemplateView> left_, right_;
};

// A pattern that a template's tinted parts can be filled with, repeated in both directions.
struct TextureTile {
  std::string path;
  int width, height;
  // B, G, R.
  std::vector<uint8_t> pixels;
};

// Throws NOT_FOUND, UNREADABLE or TOO_LARGE.
TextureTile LoadTile(const std::string& path);

// What a template's colours are changed to.
struct Tint {
  std::optional<Color> color;
  const TextureTile* tile;
  // How much of its own colour a tinted part loses, 0 to 1.
  float weight;
  // 1 keeps colours, 0 makes them grey.
  float saturation;
};

// The texels of a level with a tint.
void TintLevel(const TemplateLevel& level, const Tint& tint, int level_number, std::vector<uint32_t>& texels);

}  // namespace maskbench

#endif  // MASKBENCH_MASK_TEMPLATE_H_
