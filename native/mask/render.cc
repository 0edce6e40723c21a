#include "mask/render.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "mask/blend.h"
#include "mask/jaw.h"
#include "mask/light.h"
#include "mask/mesh.h"
#include "mask/shade.h"
#include "mask/warp.h"

namespace maskbench {
namespace {

// Where a place of the face lies on a mask that is worn otherwise than it should be: between other heights, and as much
// narrower as the face is there.
PointF Worn(PointF place, Wear wear, const TemplateView& view) {
  if (wear == Wear::kCorrect) return place;
  constexpr double kUnderNose = 0.80;
  constexpr double kUnderLips = 1.46;
  // A mask that is pulled down bunches below the chin; one that covers the neck stays there.
  constexpr double kBelowChin = 2.10;
  const double top = wear == Wear::kUnderNose ? kUnderNose : kUnderLips;
  const double bottom = wear == Wear::kUnderNose ? view.bottom : std::max(view.bottom, kBelowChin);
  const double y = view.top + (place.y - top) / (bottom - top) * (view.bottom - view.top);
  return {place.x * JawHalfWidth(y) / JawHalfWidth(place.y), y};
}

PointF Shifted(PointF place, const Shift& shift) {
  // About the middle of a mask.
  constexpr double kMiddle = 1.1;
  const double angle = -shift[2] * std::numbers::pi / 180;
  const double x = place.x - shift[0];
  const double y = place.y - shift[1] - kMiddle;
  const double size = 1 + shift[3];
  return {(x * std::cos(angle) - y * std::sin(angle)) / size,
          (x * std::sin(angle) + y * std::cos(angle)) / size + kMiddle};
}

// A triangle of the mesh: its corners in the photo, top first, and the affine map from there to the picture.
struct Patch {
  std::array<PointF, 3> corners;
  double u, v, u_by_x, v_by_x, u_by_y, v_by_y;
  // Within the jaw line, where a mask's shadow can fall.
  bool on_face;
};

// Where the line between two corners crosses the middle of a row of pixels. The same for both triangles beside it.
double Crossing(PointF a, PointF b, double y) {
  if (a.y > b.y || (a.y == b.y && a.x > b.x)) std::swap(a, b);
  return a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x);
}

// Pixels of a row whose middle lies in a triangle.
bool RowOf(const Patch& patch, int row, int width, int& first, int& end) {
  const double y = row + 0.5;
  const auto& [a, b, c] = patch.corners;
  if (y < a.y || y >= c.y) return false;
  const double one = Crossing(a, c, y);
  const double other = y < b.y ? Crossing(a, b, y) : Crossing(b, c, y);
  const auto pixel = [&](double x) {
    return static_cast<int>(std::clamp(std::ceil(x - 0.5), 0.0, static_cast<double>(width)));
  };
  first = pixel(std::min(one, other));
  end = pixel(std::max(one, other));
  return first < end;
}

// Whether a far ear is out of sight, so that nothing of a view from the front is drawn beyond the jaw there.
bool IsHidden(const Triangle& triangle, double yaw) {
  constexpr double kHidden = 10;
  if (std::abs(yaw) < kHidden) return false;
  const auto vertices = MeshVertices();
  const auto far = [&](int vertex) {
    const int landmark = vertices[vertex].landmark;
    return yaw < 0 ? landmark <= 3 || landmark == 17 : landmark == 26 || (landmark >= 13 && landmark <= 16);
  };
  const bool beyond = vertices[triangle.b].outward != 0 || vertices[triangle.c].outward != 0;
  return beyond && far(triangle.a) && far(triangle.b) && far(triangle.c);
}

struct Corner {
  // On the canonical face, in the photo, and in the picture.
  PointF canonical, photo, picture;
};

PointF Midway(PointF a, PointF b) { return {(a.x + b.x) / 2, (a.y + b.y) / 2}; }

// Adds the part of a mask that lies in a triangle of the mesh, which is split `splits` times in four.
class PatchMaker {
 public:
  PatchMaker(const TemplateView& view, const TemplateLook& look) : view_(view), look_(look) {}

  std::vector<Patch> patches;

  Corner At(PointF canonical, PointF photo) const {
    return {canonical, photo, view_.map.At(Worn(Shifted(canonical, look_.shift), look_.wear, view_))};
  }

  void Add(const std::array<Corner, 3>& corners, bool on_face, int splits) {
    const auto& [a, b, c] = corners;
    if (splits > 0) {
      const auto half = [&](const Corner& p, const Corner& q) {
        return At(Midway(p.canonical, q.canonical), Midway(p.photo, q.photo));
      };
      const Corner ab = half(a, b);
      const Corner bc = half(b, c);
      const Corner ca = half(c, a);
      for (const auto& part : {std::array{a, ab, ca}, {ab, b, bc}, {ca, bc, c}, {ab, bc, ca}})
        Add(part, on_face, splits - 1);
      return;
    }
    const auto [left, right] = std::minmax({a.picture.x, b.picture.x, c.picture.x});
    const auto [top, bottom] = std::minmax({a.picture.y, b.picture.y, c.picture.y});
    if (right <= view_.first.x || bottom <= view_.first.y || left >= view_.last.x || top >= view_.last.y) return;
    const PointF p = a.photo;
    const PointF q{b.photo.x - p.x, b.photo.y - p.y};
    const PointF r{c.photo.x - p.x, c.photo.y - p.y};
    const double area = q.x * r.y - r.x * q.y;
    // A mesh of landmarks that are all over the place may still have triangles that are turned over.
    constexpr double kLeastArea = 1e-3;
    if (area < kLeastArea) return;
    const auto slopes = [&](double along_q, double along_r) {
      return PointF{(along_q * r.y - along_r * q.y) / area, (along_r * q.x - along_q * r.x) / area};
    };
    const PointF u = slopes(b.picture.x - a.picture.x, c.picture.x - a.picture.x);
    const PointF v = slopes(b.picture.y - a.picture.y, c.picture.y - a.picture.y);
    Patch patch{{a.photo, b.photo, c.photo},
                a.picture.x - u.x * p.x - u.y * p.y,
                a.picture.y - v.x * p.x - v.y * p.y,
                u.x,
                v.x,
                u.y,
                v.y,
                on_face};
    std::ranges::sort(patch.corners, {}, [](PointF point) { return point.y; });
    patches.push_back(patch);
  }

 private:
  const TemplateView& view_;
  const TemplateLook& look_;
};

std::vector<Patch> MakePatches(const FaceMesh& mesh, const TemplateView& view, const TemplateLook& look) {
  const auto vertices = MeshVertices();
  // A mask that is worn otherwise is bent within a triangle too.
  const int splits = look.wear == Wear::kCorrect ? 0 : 2;
  PatchMaker maker(view, look);
  std::vector<Corner> corners;
  for (size_t i = 0; i < vertices.size(); ++i)
    corners.push_back(maker.At(CanonicalPlace(vertices[i]), mesh.vertices()[i]));
  for (const Triangle& triangle : MeshTriangles()) {
    if (view.frontal && IsHidden(triangle, mesh.pose().yaw)) continue;
    const bool on_face = vertices[triangle.b].outward == 0 && vertices[triangle.c].outward == 0;
    maker.Add({corners[triangle.a], corners[triangle.b], corners[triangle.c]}, on_face, splits);
  }
  return std::move(maker.patches);
}

// The level whose texels are about as large as pixels, or larger where the photo itself is not sharp.
int ChooseLevel(const std::vector<Patch>& patches, const TemplateView& view, float edge_width) {
  double texels = 0;
  double pixels = 0;
  for (const Patch& patch : patches) {
    const auto& [a, b, c] = patch.corners;
    const double area = std::abs((b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y));
    pixels += area;
    texels += area * std::abs(patch.u_by_x * patch.v_by_y - patch.u_by_y * patch.v_by_x);
  }
  if (pixels == 0) return 0;
  // A sharp photo's edges rise over two to three pixels, as those of a picture at its own level nearly do.
  constexpr double kSharp = 3.5;
  constexpr double kMostBlur = 1;
  const double blur = std::clamp(std::log2(std::max(1.0, edge_width / kSharp)), 0.0, kMostBlur);
  constexpr double kRounding = 0.6;
  const int level = static_cast<int>(std::floor(0.5 * std::log2(texels / pixels) + blur + kRounding));
  return std::clamp(level, 0, static_cast<int>(view.levels.size()) - 1);
}

WarpSpan SpanOf(const Patch& patch, int row, int first, int end, int left, int level) {
  const double x = first + 0.5;
  const double y = row + 0.5;
  // Levels have a border of one texel.
  const double size = std::ldexp(1.0, -level);
  return {first - left,
          end - first,
          static_cast<float>((patch.u + patch.u_by_x * x + patch.u_by_y * y) * size + 1),
          static_cast<float>((patch.v + patch.v_by_x * x + patch.v_by_y * y) * size + 1),
          static_cast<float>(patch.u_by_x * size),
          static_cast<float>(patch.v_by_x * size)};
}

Region RegionOf(const std::vector<Patch>& patches, const Image& image) {
  Region region{image.width, image.height, 0, 0};
  for (const Patch& patch : patches)
    for (const PointF& corner : patch.corners) {
      region.left = std::min(region.left, static_cast<int>(std::floor(std::max(corner.x, 0.0))));
      region.top = std::min(region.top, static_cast<int>(std::floor(std::max(corner.y, 0.0))));
      region.right = std::max(region.right, static_cast<int>(std::ceil(std::min<double>(corner.x, image.width))));
      region.bottom = std::max(region.bottom, static_cast<int>(std::ceil(std::min<double>(corner.y, image.height))));
    }
  return region;
}

// What is drawn on one row of pixels, a number for each.
class Row {
 public:
  explicit Row(int width) : stride_(static_cast<size_t>(width) + kBeyond), numbers_(kPlanes * stride_) {}

  void Clear() { std::fill(numbers_.begin(), numbers_.begin() + static_cast<ptrdiff_t>(5 * stride_), 0.0F); }
  std::array<float*, 4> mask() { return {plane(0), plane(1), plane(2), plane(3)}; }
  // Only the first is of use: that of a shadow's texture.
  std::array<float*, 4> shadow() { return {plane(4), plane(5), plane(6), plane(7)}; }
  std::array<float*, 3> gains(int first) { return {plane(8) + first, plane(9) + first, plane(10) + first}; }

  // `left` is the photo's column of the row's first number.
  void SetGrain(int first, int end, int left, int y, float size) {
    const float* tile = GrainTile().data() + static_cast<ptrdiff_t>(y % kGrainTile) * kGrainTile;
    for (int x = first; x < end;) {
      const int column = (left + x) % kGrainTile;
      const int run = std::min(end - x, kGrainTile - column);
      for (int i = 0; i < run; ++i) plane(11)[x + i] = size * tile[column + i];
      x += run;
    }
  }

  void Blend(int first, int end, uint8_t* pixels) {
    const BlendRow row{{plane(0) + first, plane(1) + first, plane(2) + first, plane(3) + first},
                       {plane(8) + first, plane(9) + first, plane(10) + first},
                       plane(11) + first,
                       plane(4) + first};
    BlendPixels(row, end - first, pixels + static_cast<ptrdiff_t>(3) * first);
  }

 private:
  static constexpr size_t kPlanes = 12;
  // What vectors may read or write beyond a row.
  static constexpr size_t kBeyond = 16;

  float* plane(size_t i) { return numbers_.data() + i * stride_; }

  size_t stride_;
  std::vector<float> numbers_;
};

// All of a mask but its pixels.
struct Prepared {
  std::vector<Patch> patches;
  // Empty where nothing is to be drawn.
  Region region;
  Light light;
  const TemplateView* view;
  int level;
  float grain;

  bool empty() const { return region.left >= region.right || region.top >= region.bottom; }
  Texture shadow() const {
    const TemplateLevel& level_of_shadow = view->levels[view->shadow_level];
    return {view->shadow.data(), level_of_shadow.width, level_of_shadow.height};
  }
  TemplateSpan SpanAt(const Patch& patch, int row, int first, int end) const {
    return {SpanOf(patch, row, first, end, region.left, level),
            patch.on_face ? SpanOf(patch, row, first, end, region.left, view->shadow_level) : WarpSpan{}};
  }
};

Prepared Prepare(const Image& image, const Landmarks& found, const Template& mask, const TemplateLook& look,
                 std::vector<uint32_t>& texels) {
  const Landmarks landmarks = RefineJaw(image, found);
  const FaceMesh mesh(landmarks);
  Prepared prepared{};
  prepared.view = &mask.View(mesh.pose().yaw);
  prepared.patches = MakePatches(mesh, *prepared.view, look);
  prepared.region = RegionOf(prepared.patches, image);
  if (prepared.empty()) return prepared;
  prepared.light = MeasureLight(image, landmarks, mesh.pose(), prepared.region);
  prepared.level = ChooseLevel(prepared.patches, *prepared.view, prepared.light.edge_width);
  // A share of the cheeks' grain, some of which is the skin's own.
  constexpr float kGrain = 0.9F;
  prepared.grain = kGrain * prepared.light.grain;
  Tint tint = look.tint;
  tint.saturation *= prepared.light.saturation;
  TintLevel(prepared.view->levels[prepared.level], tint, prepared.level, texels);
  return prepared;
}

}  // namespace

void DrawTemplate(Image& image, const Landmarks& found, const Template& mask, const TemplateLook& look,
                  std::span<uint8_t> matte) {
  thread_local std::vector<uint32_t> texels;
  const Prepared prepared = Prepare(image, found, mask, look, texels);
  if (prepared.empty()) return;
  const Region& region = prepared.region;
  const TemplateLevel& level = prepared.view->levels[prepared.level];
  const Texture texture{texels.data(), level.width, level.height};
  const Texture shadow = prepared.shadow();
  const int width = region.right - region.left;
  Row row(width);
  for (int y = region.top; y < region.bottom; ++y) {
    row.Clear();
    int from = width;
    int to = 0;
    for (const Patch& patch : prepared.patches) {
      int first = 0;
      int end = 0;
      if (!RowOf(patch, y, image.width, first, end)) continue;
      const TemplateSpan span = prepared.SpanAt(patch, y, first, end);
      WarpRow(texture, span.mask, row.mask());
      if (span.shadow.count > 0) WarpRow(shadow, span.shadow, row.shadow());
      from = std::min(from, first - region.left);
      to = std::max(to, end - region.left);
    }
    if (from >= to) continue;
    float* const darkness = row.shadow()[0];
    for (int x = from; x < to; ++x) darkness[x] *= kShadowOfMask;
    ShadeRow(prepared.light.grid, region.left + from, to - from, y, row.gains(from));
    row.SetGrain(from, to, region.left, y, prepared.grain);
    row.Blend(from, to, image.row(y) + size_t{3} * region.left);
    if (matte.empty()) continue;
    const float* const alpha = row.mask()[3];
    uint8_t* const out = matte.data() + size_t{1} * y * image.width + region.left;
    for (int x = from; x < to; ++x) out[x] = std::max(out[x], static_cast<uint8_t>(std::lround(alpha[x])));
  }
}

Drawing PlanTemplate(const Image& image, const Landmarks& found, const Template& mask, const TemplateLook& look) {
  TemplateDrawing drawing{};
  Prepared prepared = Prepare(image, found, mask, look, drawing.texels);
  std::vector<int> rows;
  if (prepared.empty()) return {{}, {}, std::move(drawing)};
  for (int y = prepared.region.top; y < prepared.region.bottom; ++y) {
    rows.push_back(static_cast<int>(drawing.spans.size()));
    for (const Patch& patch : prepared.patches) {
      int first = 0;
      int end = 0;
      if (RowOf(patch, y, image.width, first, end)) drawing.spans.push_back(prepared.SpanAt(patch, y, first, end));
    }
  }
  rows.push_back(static_cast<int>(drawing.spans.size()));
  const TemplateLevel& level = prepared.view->levels[prepared.level];
  drawing.texture_width = level.width;
  drawing.texture_height = level.height;
  drawing.shadow = prepared.shadow();
  drawing.grain = prepared.grain;
  drawing.light = std::move(prepared.light);
  return {prepared.region, std::move(rows), std::move(drawing)};
}

}  // namespace maskbench
