#include "mask/style.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

namespace maskbench {
namespace {

using Polygon = std::vector<cv::Point>;

cv::Mat View(Image& image) { return {image.height, image.width, CV_8UC3, image.pixels.data()}; }

cv::Scalar Bgr(Color color) {
  return {static_cast<double>(color.blue), static_cast<double>(color.green), static_cast<double>(color.red)};
}

bool IsPolygon(char style) { return style == 'a' || style == 'c' || style == 'e'; }

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

}  // namespace

void DrawMask(Image& image, const Landmarks& landmarks, char style, Color color) {
  cv::Mat view = View(image);
  if (IsPolygon(style))
    cv::fillPoly(view, std::vector<Polygon>{MakePolygon(landmarks, style)}, Bgr(color), cv::LINE_8);
  else
    cv::ellipse(view, MakeEllipse(landmarks, style), Bgr(color), cv::FILLED);
}

void DrawOutline(Image& image, const Landmarks& landmarks, char style, Color color) {
  cv::Mat view = View(image);
  if (IsPolygon(style))
    cv::polylines(view, MakePolygon(landmarks, style), true, Bgr(color), 1, cv::LINE_AA);
  else
    cv::ellipse(view, MakeEllipse(landmarks, style), Bgr(color), 1, cv::LINE_AA);
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
