#include "opencv/module.h"

#include <algorithm>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <variant>
#include <vector>

namespace maskbench::opencv {
namespace {

cv::Mat View(const Image& image) {
  return {image.height, image.width, CV_8UC3, const_cast<uint8_t*>(image.pixels.data())};
}

bool Decode(std::span<const uint8_t> file, Image& image) {
  const cv::Mat data(1, static_cast<int>(file.size()), CV_8U, const_cast<uint8_t*>(file.data()));
  const cv::Mat pixels = cv::imdecode(data, cv::IMREAD_COLOR);
  if (pixels.empty()) return false;
  image = Image(pixels.cols, pixels.rows);
  pixels.copyTo(View(image));
  return true;
}

bool Encode(const Image& image, const std::string& extension, int webp_quality, Bytes& file) {
  std::vector<int> parameters;
  if (webp_quality > 0) parameters = {cv::IMWRITE_WEBP_QUALITY, webp_quality};
  return cv::imencode(extension, View(image), file, parameters);
}

void DrawOutline(Image& image, const FlatShape* shape, const Landmarks& landmarks, Color color) {
  const cv::Scalar value(color.blue, color.green, color.red);
  cv::Mat view = View(image);
  if (shape != nullptr) {
    if (const auto* ellipse = std::get_if<Ellipse>(shape)) {
      const cv::Size2f size(static_cast<float>(ellipse->width), static_cast<float>(ellipse->height));
      cv::ellipse(view, {{ellipse->center_x, ellipse->center_y}, size, 0}, value, 1, cv::LINE_AA);
    } else {
      std::vector<cv::Point> corners;
      for (const Point& corner : std::get<std::vector<Point>>(*shape)) corners.emplace_back(corner.x, corner.y);
      cv::polylines(view, corners, true, value, 1, cv::LINE_AA);
    }
  }
  const auto [lowest, highest] = std::ranges::minmax(landmarks, {}, [](const Point& point) { return point.x; });
  const int face_width = highest.x - lowest.x;
  const double scale = std::max(0.25, face_width / 800.0);
  for (int i = 0; i < kLandmarks; ++i) {
    const cv::Point at(landmarks[i].x, landmarks[i].y);
    cv::circle(view, at, std::max(1, face_width / 200), value, cv::FILLED, cv::LINE_AA);
    cv::putText(view, std::to_string(i), at + cv::Point(2, -2), cv::FONT_HERSHEY_SIMPLEX, scale, value, 1, cv::LINE_AA);
  }
}

}  // namespace
}  // namespace maskbench::opencv

extern "C" void MaskbenchOpenCv(maskbench::opencv::Functions& functions) {
  cv::setNumThreads(1);  // the pool's threads are the only ones
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  functions = {maskbench::opencv::Decode, maskbench::opencv::Encode, maskbench::opencv::DrawOutline};
}
