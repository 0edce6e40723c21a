// The module that other.cc loads: OpenCV's imgcodecs behind two functions.

#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>

#include "image/formats_module.h"

namespace {

cv::Mat View(const maskbench::Image& image) {
  return {image.height, image.width, CV_8UC3, const_cast<uint8_t*>(image.pixels.data())};
}

}  // namespace

extern "C" void MaskbenchOpenFormats() {
  cv::setNumThreads(1);
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
}

extern "C" bool MaskbenchDecode(std::span<const uint8_t> file, maskbench::Image& image) {
  const cv::Mat data(1, static_cast<int>(file.size()), CV_8U, const_cast<uint8_t*>(file.data()));
  const cv::Mat pixels = cv::imdecode(data, cv::IMREAD_COLOR);
  if (pixels.empty()) return false;
  image = maskbench::Image(pixels.cols, pixels.rows);
  pixels.copyTo(View(image));
  return true;
}

extern "C" bool MaskbenchEncode(const maskbench::Image& image, const char* extension, int webp_quality,
                                maskbench::Bytes& file) {
  std::vector<int> parameters;
  if (webp_quality > 0) parameters = {cv::IMWRITE_WEBP_QUALITY, webp_quality};
  return cv::imencode(extension, View(image), file, parameters);
}
