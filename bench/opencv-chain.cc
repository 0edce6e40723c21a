// What MaskTheFace asks OpenCV to do for one face: a homography by six points, a warp of the whole frame, brightness and
// saturation by HSV, a bitwise blend. Prints the least time of `repeat` runs in milliseconds, and writes the masked photo, the
// mask before its light is changed, and its alpha.
//   opencv-chain photo template out.png unlit.png alpha.png repeat, then six points x y of the template and six of the face
#include <opencv2/calib3d.hpp>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

double MeanOf(const cv::Mat& bgr, int channel) {
  cv::Mat hsv;
  cv::cvtColor(bgr, hsv, cv::COLOR_BGR2HSV);
  return cv::mean(hsv)[channel];
}

void Multiply(cv::Mat& bgr, int channel, double factor) {
  cv::Mat hsv;
  cv::cvtColor(bgr, hsv, cv::COLOR_BGR2HSV);
  std::vector<cv::Mat> planes;
  cv::split(hsv, planes);
  planes[channel].convertTo(planes[channel], CV_8U, factor);
  cv::merge(planes, hsv);
  cv::cvtColor(hsv, bgr, cv::COLOR_HSV2BGR);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kPoints = 6;
  if (argc != 7 + 4 * kPoints) return 2;
  cv::setNumThreads(1);
  const cv::Mat photo = cv::imread(argv[1]);
  const cv::Mat mask = cv::imread(argv[2], cv::IMREAD_UNCHANGED);
  if (photo.empty() || mask.channels() != 4) return 1;
  std::vector<cv::Point2f> points[2];
  for (int i = 0; i < 2 * kPoints; ++i)
    points[i / kPoints].emplace_back(std::strtof(argv[7 + 2 * i], nullptr), std::strtof(argv[8 + 2 * i], nullptr));
  cv::Mat out;
  cv::Mat unlit;
  cv::Mat alpha;
  double least = 1e9;
  for (int run = 0; run < std::atoi(argv[6]); ++run) {
    const auto start = std::chrono::steady_clock::now();
    const cv::Mat homography = cv::findHomography(points[0], points[1]);
    cv::Mat warped;
    cv::warpPerspective(mask, warped, homography, photo.size());
    cv::Mat bgr;
    cv::cvtColor(warped, bgr, cv::COLOR_BGRA2BGR);
    cv::extractChannel(warped, alpha, 3);
    unlit = bgr.clone();
    const double brightness = 1 + (MeanOf(photo, 2) - MeanOf(bgr, 2)) / 255;
    Multiply(bgr, 2, brightness);
    const double saturation = 1 - (MeanOf(photo, 1) - MeanOf(bgr, 1)) / 255;
    Multiply(bgr, 1, saturation);
    cv::Mat inverse;
    cv::bitwise_not(alpha, inverse);
    cv::Mat behind;
    cv::Mat before;
    cv::bitwise_and(photo, photo, behind, inverse);
    cv::bitwise_and(bgr, bgr, before, alpha);
    cv::add(behind, before, out);
    const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
    least = std::min(least, taken.count());
  }
  cv::imwrite(argv[3], out);
  cv::imwrite(argv[4], unlit);
  cv::imwrite(argv[5], alpha);
  std::printf("%.4f\n", least);
}
