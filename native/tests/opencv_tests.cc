// Holds the shapes that we fill and the images that we resize to OpenCV's, on random ones. Prints what differs and ends
// with 1, or says how many were compared.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "embed/scale.h"
#include "image/image.h"
#include "mask/fill.h"
#include "runtime/random.h"

namespace maskbench {
namespace {

int Between(NamedRandom& random, int low, int high) {
  return low + static_cast<int>(random.Below(static_cast<uint64_t>(high - low) + 1));
}

bool SamePixels(const cv::Mat& expected, const std::vector<PixelSpan>& spans) {
  cv::Mat ours = cv::Mat::zeros(expected.size(), CV_8UC1);
  for (const PixelSpan& span : spans)
    ours.row(span.y).colRange(span.first, span.last + 1).setTo(std::numeric_limits<uint8_t>::max());
  return cv::countNonZero(ours != expected) == 0;
}

// Inside the image, or far over its border.
bool TestPolygon(NamedRandom& random) {
  const int width = Between(random, 1, 60);
  const int height = Between(random, 1, 60);
  const int beyond = random.Below(3) == 0 ? 40 : 0;
  std::vector<Point> corners(static_cast<size_t>(Between(random, 1, 18)));
  std::vector<cv::Point> same;
  for (Point& corner : corners) {
    corner = {Between(random, -beyond, width - 1 + beyond), Between(random, -beyond, height - 1 + beyond)};
    same.emplace_back(corner.x, corner.y);
  }
  cv::Mat expected = cv::Mat::zeros(height, width, CV_8UC1);
  cv::fillPoly(expected, std::vector{same}, 255, cv::LINE_8);
  return SamePixels(expected, FillPolygon(corners, width, height));
}

bool TestEllipse(NamedRandom& random) {
  const int width = Between(random, 1, 60);
  const int height = Between(random, 1, 60);
  const int beyond = random.Below(3) == 0 ? 40 : 0;
  const int most = random.Below(2) == 0 ? 20 : 120;
  const Ellipse ellipse{static_cast<float>(Between(random, -beyond, width + beyond)),
                        static_cast<float>(Between(random, -100 * beyond, 100 * (height + beyond))) / 100,
                        Between(random, 0, most), Between(random, 0, most)};
  cv::Mat expected = cv::Mat::zeros(height, width, CV_8UC1);
  const cv::Size2f size(static_cast<float>(ellipse.width), static_cast<float>(ellipse.height));
  cv::ellipse(expected, {{ellipse.center_x, ellipse.center_y}, size, 0}, 255, cv::FILLED);
  return SamePixels(expected, FillEllipse(ellipse, width, height));
}

bool TestScale(NamedRandom& random) {
  const int width = Between(random, 1, 80);
  const int height = Between(random, 1, 80);
  // Now and then by whole numbers.
  const bool whole = random.Below(4) == 0;
  Image image(whole ? width * Between(random, 1, 4) : Between(random, 1, 80),
              whole ? height * Between(random, 1, 4) : Between(random, 1, 80));
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(random.Below(256));
  const bool by_area = image.width > width && image.height > height && random.Below(2) == 0;
  Image ours(width, height);
  ScaleInto(ScalePlan(image.width, image.height, width, height, by_area), image, ours, 0, 0, width, height);
  cv::Mat expected;
  cv::resize(cv::Mat(image.height, image.width, CV_8UC3, image.pixels.data()), expected, {width, height}, 0, 0,
             by_area ? cv::INTER_AREA : cv::INTER_LINEAR);
  return std::equal(ours.pixels.begin(), ours.pixels.end(), expected.datastart);
}

int Main() {
  struct Comparison {
    const char* name;
    bool (*same)(NamedRandom&);
  };
  constexpr int kCases = 20'000;
  int wrong = 0;
  for (const auto& [name, same] :
       {Comparison{"polygons", TestPolygon}, {"ellipses", TestEllipse}, {"sizes", TestScale}}) {
    int differ = 0;
    for (int i = 0; i < kCases; ++i) {
      NamedRandom random(1, name, static_cast<uint64_t>(i));
      differ += same(random) ? 0 : 1;
    }
    std::printf("%d of %d %s differ\n", differ, kCases, name);
    wrong += differ;
  }
  return wrong > 0 ? 1 : 0;
}

}  // namespace
}  // namespace maskbench

int main() { return maskbench::Main(); }
