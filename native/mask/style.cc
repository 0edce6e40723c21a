#include "mask/style.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "mask/drawing.h"
#include "mask/mesh.h"
#include "opencv/module.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

using Polygon = std::vector<Point>;

Point Nearest(double x, double y) { return {static_cast<int>(std::lrint(x)), static_cast<int>(std::lrint(y))}; }

// A smooth curve through points (Catmull and Rom, 1974), which begins and ends in straight lines.
Polygon Curve(const std::vector<PointF>& through) {
  constexpr int kSteps = 12;
  Polygon curve;
  const auto at = [&](int i) { return through[std::clamp(i, 0, static_cast<int>(through.size()) - 1)]; };
  for (int i = 0; i + 1 < static_cast<int>(through.size()); ++i)
    for (int step = 0; step < kSteps; ++step) {
      const double t = static_cast<double>(step) / kSteps;
      const auto blend = [&](double a, double b, double c, double d) {
        return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
      };
      const PointF a = at(i - 1);
      const PointF b = at(i);
      const PointF c = at(i + 1);
      const PointF d = at(i + 2);
      curve.push_back(Nearest(blend(a.x, b.x, c.x, d.x), blend(a.y, b.y, c.y, d.y)));
    }
  curve.push_back(Nearest(through.back().x, through.back().y));
  return curve;
}

Polygon MakePolygon(const Landmarks& points, NistStyle style) {
  const auto at = [&](int i) { return PointF{static_cast<double>(points[i].x), static_cast<double>(points[i].y)}; };
  const PointF along = EstimatePose(points).along;
  const auto down = [&](PointF point) { return along.x * point.y - along.y * point.x; };
  PointF top = at(33);
  if (style.coverage == NistStyle::Coverage::kMedium) top = at(29);
  if (style.coverage == NistStyle::Coverage::kHigh) top = {(at(27).x + at(28).x) / 2, (at(27).y + at(28).y) / 2};
  const double line = down(top);
  if (!style.wide) {
    // On the top line, halfway from its middle to above the curve's sides.
    const auto above = [&](PointF side) {
      const double up = down(side) - line;
      return PointF{(side.x + up * along.y + top.x) / 2, (side.y - up * along.x + top.y) / 2};
    };
    return Curve({above(at(3)), at(3), at(8), at(13), above(at(13))});
  }
  Polygon polygon;
  for (int i = 1; i <= 15; ++i) {
    if (i > 1 && (down(at(i - 1)) < line) != (down(at(i)) < line)) {
      const double share = (line - down(at(i - 1))) / (down(at(i)) - down(at(i - 1)));
      polygon.push_back(
          Nearest(at(i - 1).x + share * (at(i).x - at(i - 1).x), at(i - 1).y + share * (at(i).y - at(i - 1).y)));
    }
    if (down(at(i)) >= line) polygon.push_back(points[i]);
  }
  polygon.push_back(Nearest(top.x, top.y));
  return polygon;
}

Polygon MakePolygon(const Landmarks& points, char style) {
  Polygon polygon;
  const auto add = [&](int index) { polygon.push_back(points[index]); };
  for (int i = 1; i <= 15; ++i) add(i);
  switch (style) {
    case 'a':
      polygon.push_back({points[42].x, points[15].y});
      add(27);
      polygon.push_back({points[39].x, points[1].y});
      break;
    case 'c':
      add(29);
      break;
    default:
      for (int i = 35; i >= 31; --i) add(i);
  }
  return polygon;
}

Ellipse MakeEllipse(const Landmarks& points, char style) {
  double top = 0;
  switch (style) {
    case 'b':
      top = points[27].y + (points[28].y - points[27].y) / 2.0;
      break;
    case 'd':
      top = points[29].y;
      break;
    default:
      top = points[29].y + 0.33 * (points[46].x - points[40].x);
  }
  const double height = points[8].y - top;
  // A face upside down or mirrored would give a negative size, which OpenCV refuses.
  return {static_cast<float>(points[28].x), static_cast<float>(top + height / 2),
          std::max(0, static_cast<int>(0.8 * (points[13].x - points[3].x))), std::max(0, static_cast<int>(height))};
}

FlatShape ShapeOf(const Landmarks& points, const FlatStyle& style) {
  if (const auto* nist = std::get_if<NistStyle>(&style)) return MakePolygon(points, *nist);
  const char letter = std::get<char>(style);
  if (letter == 'b' || letter == 'd' || letter == 'f') return MakeEllipse(points, letter);
  return MakePolygon(points, letter);
}

// The pixels that a style colours.
std::vector<PixelSpan> SpansOf(const Landmarks& landmarks, const FlatStyle& style, const Image& image) {
  const FlatShape shape = ShapeOf(landmarks, style);
  if (const auto* ellipse = std::get_if<Ellipse>(&shape)) return FillEllipse(*ellipse, image.width, image.height);
  return FillPolygon(std::get<Polygon>(shape), image.width, image.height);
}

}  // namespace

void DrawFlat(Image& image, const Landmarks& landmarks, const FlatStyle& style, Color color, std::span<uint8_t> matte) {
  constexpr uint8_t kOpaque = 255;
  for (const PixelSpan& span : SpansOf(landmarks, style, image)) {
    uint8_t* pixel = image.row(span.y) + size_t{3} * span.first;
    for (int x = span.first; x <= span.last; ++x, pixel += 3) {
      pixel[0] = color.blue;
      pixel[1] = color.green;
      pixel[2] = color.red;
    }
    if (matte.empty()) continue;
    const auto row = matte.begin() + static_cast<ptrdiff_t>(span.y) * image.width;
    std::fill(row + span.first, row + span.last + 1, kOpaque);
  }
}

Drawing PlanFlat(const Image& image, const Landmarks& landmarks, const FlatStyle& style, Color color) {
  std::vector<PixelSpan> spans = SpansOf(landmarks, style, image);
  if (spans.empty()) return {};
  std::ranges::stable_sort(spans, {}, &PixelSpan::y);
  Region region{image.width, spans.front().y, 0, spans.back().y + 1};
  std::vector<int> rows;
  for (const PixelSpan& span : spans) {
    region.left = std::min(region.left, span.first);
    region.right = std::max(region.right, span.last + 1);
    while (region.top + static_cast<int>(rows.size()) <= span.y) rows.push_back(static_cast<int>(&span - spans.data()));
  }
  rows.push_back(static_cast<int>(spans.size()));
  return {region, std::move(rows), FlatDrawing{color, std::move(spans)}};
}

void DrawOutline(Image& image, const Landmarks& landmarks, const FlatStyle* style, Color color) {
  try {
    const opencv::Functions& functions = opencv::Load();
    if (style == nullptr) return functions.outline(image, nullptr, landmarks, color);
    const FlatShape shape = ShapeOf(landmarks, *style);
    functions.outline(image, &shape, landmarks, color);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kUnavailable, "drawLandmarks",
                std::string("cannot load OpenCV, which draws the landmarks: ") + error.what());
  }
}

}  // namespace maskbench
