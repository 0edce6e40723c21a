// Times resizing on one thread, ours and OpenCV's in turns, and prints for each case: sizes, method, milliseconds of
// processor time of both. Ends with 1 where the pixels differ.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <limits>
#include <opencv2/imgproc.hpp>

#include "image/image.h"
#include "image/scale.h"
#include "runtime/random.h"

namespace maskbench {
namespace {

constexpr int kRounds = 15;

double Milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

template <class Work>
void TakeLeast(double& least, int times, const Work& work) {
  const double start = Milliseconds();
  for (int i = 0; i < times; ++i) work();
  least = std::min(least, (Milliseconds() - start) / times);
}

bool Compare(cv::Size from, cv::Size to, bool by_area) {
  constexpr int kPixelsInRound = 10'000'000;
  Image image(from.width, from.height);
  NamedRandom random(1, "resizing", 0);
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(random.Below(256));
  Image ours(to.width, to.height);
  const cv::Mat source(from.height, from.width, CV_8UC3, image.pixels.data());
  cv::Mat theirs;
  double our_time = std::numeric_limits<double>::infinity();
  double their_time = our_time;
  for (int round = 0; round < kRounds; ++round) {
    const int times = std::max(1, kPixelsInRound / from.area());
    TakeLeast(our_time, times, [&] {
      ScaleInto(ScalePlan(from.width, from.height, to.width, to.height, by_area), image, ours, 0, 0, to.width,
                to.height);
    });
    TakeLeast(their_time, times,
              [&] { cv::resize(source, theirs, to, 0, 0, by_area ? cv::INTER_AREA : cv::INTER_LINEAR); });
  }
  std::printf("%d×%d\t%d×%d\t%s\t%.4f\t%.4f\n", from.width, from.height, to.width, to.height,
              by_area ? "by area" : "linear", our_time, their_time);
  return std::equal(ours.pixels.begin(), ours.pixels.end(), theirs.datastart);
}

int Main() {
  cv::setNumThreads(1);
  struct Case {
    cv::Size from, to;
    bool by_area;
  };
  const std::array cases = {Case{{250, 250}, {150, 150}, false}, Case{{250, 250}, {112, 112}, false},
                            Case{{112, 112}, {150, 150}, false}, Case{{1920, 1280}, {640, 427}, false},
                            Case{{250, 250}, {150, 150}, true},  Case{{250, 250}, {112, 112}, true},
                            Case{{1920, 1280}, {640, 427}, true}};
  bool same = true;
  for (const auto& [from, to, by_area] : cases) same = Compare(from, to, by_area) && same;
  return same ? 0 : 1;
}

}  // namespace
}  // namespace maskbench

int main() { return maskbench::Main(); }
