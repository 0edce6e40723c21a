#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "face/face.h"
#include "mask/mesh.h"
#include "mask/style.h"
#include "runtime/length.h"

namespace maskbench {
namespace {

// A line of a round pen, its edge smoothed over a pixel; a dot where it ends as it begins.
void DrawLine(Image& image, PointF from, PointF to, double radius, Color color) {
  const auto bound = [&](double value, int size) { return static_cast<int>(std::clamp(value, 0.0, size * 1.0)); };
  const int left = bound(std::min(from.x, to.x) - radius, image.width);
  const int right = bound(std::max(from.x, to.x) + radius + 2, image.width);
  const int top = bound(std::min(from.y, to.y) - radius, image.height);
  const int bottom = bound(std::max(from.y, to.y) + radius + 2, image.height);
  const PointF along = {to.x - from.x, to.y - from.y};
  const double square = along.x * along.x + along.y * along.y;
  const std::array<uint8_t, 3> bgr = {color.blue, color.green, color.red};
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) {
      const double share =
          square == 0 ? 0 : std::clamp(((x - from.x) * along.x + (y - from.y) * along.y) / square, 0.0, 1.0);
      const double distance = Length(x - from.x - share * along.x, y - from.y - share * along.y);
      const double ink = std::clamp(radius + 0.5 - distance, 0.0, 1.0);
      uint8_t* pixel = image.row(y) + ptrdiff_t{3} * x;
      for (size_t channel = 0; channel < bgr.size(); ++channel)
        pixel[channel] = static_cast<uint8_t>(std::lround(pixel[channel] + ink * (bgr[channel] - pixel[channel])));
    }
}

// Digits of seven strokes, on a grid of 1 by 2.
void DrawNumber(Image& image, int number, PointF at, double height, Color color) {
  struct Stroke {
    PointF from, to;
  };
  constexpr std::array<Stroke, 7> kStrokes = {{{{0, 0}, {1, 0}},
                                               {{1, 0}, {1, 1}},
                                               {{1, 1}, {1, 2}},
                                               {{0, 2}, {1, 2}},
                                               {{0, 1}, {0, 2}},
                                               {{0, 0}, {0, 1}},
                                               {{0, 1}, {1, 1}}}};
  constexpr std::array<unsigned, 10> kDigits = {0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F};
  const double unit = height / 2;
  for (const char digit : std::to_string(number)) {
    for (size_t i = 0; i < kStrokes.size(); ++i) {
      if ((kDigits[digit - '0'] >> i & 1) == 0) continue;
      const auto place = [&](PointF point) { return PointF{at.x + unit * point.x, at.y + unit * (point.y - 2)}; };
      DrawLine(image, place(kStrokes[i].from), place(kStrokes[i].to), 0.5, color);
    }
    at.x += 1.7 * unit;
  }
}

PointF Exactly(const Point& point) { return {static_cast<double>(point.x), static_cast<double>(point.y)}; }

std::vector<PointF> CornersOf(const FlatShape& shape) {
  std::vector<PointF> corners;
  if (const auto* ellipse = std::get_if<Ellipse>(&shape)) {
    constexpr int kCorners = 180;
    for (int i = 0; i < kCorners; ++i) {
      const double angle = 2 * std::numbers::pi * i / kCorners;
      corners.push_back({ellipse->center_x + ellipse->width / 2.0 * std::cos(angle),
                         ellipse->center_y + ellipse->height / 2.0 * std::sin(angle)});
    }
  } else {
    for (const Point& corner : std::get<std::vector<Point>>(shape)) corners.push_back(Exactly(corner));
  }
  return corners;
}

}  // namespace

void DrawOutline(Image& image, const Landmarks& landmarks, const FlatStyle* style, Color color) {
  if (style != nullptr) {
    const std::vector<PointF> corners = CornersOf(ShapeOf(landmarks, *style));
    for (size_t i = 0; i < corners.size(); ++i)
      DrawLine(image, corners[i], corners[(i + 1) % corners.size()], 0.5, color);
  }
  const auto [lowest, highest] = std::ranges::minmax(landmarks, {}, [](const Point& point) { return point.x; });
  const double face_width = highest.x - lowest.x;
  const double height = std::max(6.0, face_width / 36);
  for (int i = 0; i < kLandmarks; ++i) {
    const PointF at = Exactly(landmarks[i]);
    DrawLine(image, at, at, std::max(1.0, std::floor(face_width / 200)), color);
    DrawNumber(image, i, {at.x + 2, at.y - 2}, height, color);
  }
}

void DrawFaces(Image& image, std::span<const Face> faces) {
  constexpr Color kBox{255, 64, 64};
  constexpr Color kLandmark{64, 255, 64};
  constexpr Color kPoint{64, 160, 255};
  constexpr int kHundredths = 100;
  for (const Face& face : faces) {
    const auto [left, top, right, bottom] = face.box;
    const double pen = std::max(0.5, (right - left) / 150.0);
    const std::array<PointF, 4> corners = {Exactly({left, top}), Exactly({right, top}), Exactly({right, bottom}),
                                           Exactly({left, bottom})};
    for (size_t i = 0; i < corners.size(); ++i) DrawLine(image, corners[i], corners[(i + 1) % 4], pen, kBox);
    const double height = std::max(8.0, (right - left) / 12.0);
    DrawNumber(image, static_cast<int>(std::lround(face.score * kHundredths)), {left + height / 2, top - 3.0}, height,
               kBox);
    for (const Point& landmark : face.landmarks) DrawLine(image, Exactly(landmark), Exactly(landmark), pen, kLandmark);
    for (const Point& point : face.points) DrawLine(image, Exactly(point), Exactly(point), 2 * pen, kPoint);
  }
}

}  // namespace maskbench
