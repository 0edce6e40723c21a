#include "mask/style.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "mask/mesh.h"

namespace maskbench {
namespace {

using Polygon = std::vector<cv::Point>;

cv::Mat View(Image& image) { return {image.height, image.width, CV_8UC3, image.pixels.data()}; }

cv::Scalar Bgr(Color color) {
  return {static_cast<double>(color.blue), static_cast<double>(color.green), static_cast<double>(color.red)};
}

bool IsEllipse(const FlatStyle& style) {
  const char* letter = std::get_if<char>(&style);
  return letter != nullptr && (*letter == 'b' || *letter == 'd' || *letter == 'f');
}

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
      curve.emplace_back(cvRound(blend(a.x, b.x, c.x, d.x)), cvRound(blend(a.y, b.y, c.y, d.y)));
    }
  curve.emplace_back(cvRound(through.back().x), cvRound(through.back().y));
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
      polygon.emplace_back(cvRound(at(i - 1).x + share * (at(i).x - at(i - 1).x)),
                           cvRound(at(i - 1).y + share * (at(i).y - at(i - 1).y)));
    }
    if (down(at(i)) >= line) polygon.emplace_back(points[i].x, points[i].y);
  }
  polygon.emplace_back(cvRound(top.x), cvRound(top.y));
  return polygon;
}

Polygon MakePolygon(const Landmarks& points, char style) {
  Polygon polygon;
  const auto add = [&](int index) { polygon.emplace_back(points[index].x, points[index].y); };
  for (int i = 1; i <= 15; ++i) add(i);
  switch (style) {
    case 'a':
      polygon.emplace_back(points[42].x, points[15].y);
      add(27);
      polygon.emplace_back(points[39].x, points[1].y);
      break;
    case 'c':
      add(29);
      break;
    default:
      for (int i = 35; i >= 31; --i) add(i);
  }
  return polygon;
}

cv::RotatedRect MakeEllipse(const Landmarks& points, char style) {
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
  const cv::Point2f center(static_cast<float>(points[28].x), static_cast<float>(top + height / 2));
  // A face upside down or mirrored would give a negative size, which OpenCV refuses.
  const cv::Size2f size(static_cast<float>(std::max(0, static_cast<int>(0.8 * (points[13].x - points[3].x)))),
                        static_cast<float>(std::max(0, static_cast<int>(height))));
  return {center, size, 0};
}

Polygon PolygonOf(const Landmarks& points, const FlatStyle& style) {
  return std::visit([&](const auto& shape) { return MakePolygon(points, shape); }, style);
}

}  // namespace

void DrawFlat(Image& image, const Landmarks& landmarks, const FlatStyle& style, Color color, std::span<uint8_t> matte) {
  const auto fill = [&](cv::Mat view, const cv::Scalar& value) {
    if (IsEllipse(style))
      cv::ellipse(view, MakeEllipse(landmarks, std::get<char>(style)), value, cv::FILLED);
    else
      cv::fillPoly(view, std::vector<Polygon>{PolygonOf(landmarks, style)}, value, cv::LINE_8);
  };
  fill(View(image), Bgr(color));
  constexpr double kOpaque = 255;
  if (!matte.empty()) fill(cv::Mat(image.height, image.width, CV_8UC1, matte.data()), kOpaque);
}

void DrawOutline(Image& image, const Landmarks& landmarks, const FlatStyle* style, Color color) {
  cv::Mat view = View(image);
  if (style != nullptr && IsEllipse(*style))
    cv::ellipse(view, MakeEllipse(landmarks, std::get<char>(*style)), Bgr(color), 1, cv::LINE_AA);
  else if (style != nullptr)
    cv::polylines(view, PolygonOf(landmarks, *style), true, Bgr(color), 1, cv::LINE_AA);
  const auto [lowest, highest] = std::ranges::minmax(landmarks, {}, [](const Point& point) { return point.x; });
  const int face_width = highest.x - lowest.x;
  const double scale = std::max(0.25, face_width / 800.0);
  for (int i = 0; i < kLandmarks; ++i) {
    const cv::Point at(landmarks[i].x, landmarks[i].y);
    cv::circle(view, at, std::max(1, face_width / 200), Bgr(color), cv::FILLED, cv::LINE_AA);
    cv::putText(view, std::to_string(i), at + cv::Point(2, -2), cv::FONT_HERSHEY_SIMPLEX, scale, Bgr(color), 1,
                cv::LINE_AA);
  }
}

}  // namespace maskbench
