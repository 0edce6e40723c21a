// stages <raw RGB pixels> <width> <height> <shape predictor> <runs>: times the stages of finding faces, ours beside
// dlib's, and beside what this processor could do at best, all in this one process and on one thread. Prints a line a
// stage: name, our milliseconds, dlib's, the bound's (each the least of so many runs), with tabs between. The first
// line names the vector instructions, the second says how many scores we compute in dlib's arithmetic, and of how many.

#include "face/dlib_config.h"

#include <dlib/image_processing/frontal_face_detector.h>
#include <dlib/image_processing/shape_predictor.h>
#include <dlib/image_transforms.h>
#include <hwy/targets.h>
#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "face/detector.h"
#include "face/features.h"
#include "face/frontal_model.h"
#include "face/landmarks.h"
#include "face/planes.h"
#include "face/windows.h"
#include "runtime/cpu.h"

namespace maskbench {
namespace {

using Pixels = dlib::array2d<dlib::rgb_pixel>;
constexpr int kUpsample = 1;

double Milliseconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

// Ours and dlib's in turns, the least of each.
struct Least {
  double ours = std::numeric_limits<double>::infinity();
  double dlib = std::numeric_limits<double>::infinity();
};
Least Compare(int runs, const std::function<void()>& ours, const std::function<void()>& dlib) {
  Least least;
  for (int i = 0; i < runs; ++i) {
    least.dlib = std::min(least.dlib, Milliseconds(dlib));
    // One untimed call, after which the caches are ours again, as in a run over photos.
    ours();
    least.ours = std::min(least.ours, Milliseconds(ours));
  }
  return least;
}

// What this processor does at best, in things a millisecond.
template <class Work>
double Rate(double things, const Work& work) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 20; ++i) least = std::min(least, Milliseconds(work));
  return things / least;
}

__attribute__((target("avx512f"))) float AddProducts512(int rounds) {
  __m512 sums[12];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  __m512 factor = _mm512_set1_ps(1.5F);
  for (int i = 0; i < rounds; ++i) {
    __asm__ volatile("" : "+v"(factor));
    for (auto& sum : sums) sum = _mm512_add_ps(sum, _mm512_mul_ps(factor, factor));
  }
  for (int i = 1; i < 12; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return _mm512_reduce_add_ps(sums[0]);
}

float AddProducts256(int rounds) {
  __m256 sums[12];
  for (auto& sum : sums) sum = _mm256_setzero_ps();
  __m256 factor = _mm256_set1_ps(1.5F);
  for (int i = 0; i < rounds; ++i) {
    __asm__ volatile("" : "+x"(factor));
    for (auto& sum : sums) {
      __m256 product = _mm256_mul_ps(factor, factor);
      __asm__ volatile("" : "+x"(product));
      sum = _mm256_add_ps(sum, product);
    }
  }
  for (int i = 1; i < 12; ++i) sums[0] = _mm256_add_ps(sums[0], sums[i]);
  return sums[0][0];
}

__attribute__((target("avx512f,avx512vnni"))) int DotBytes512(int rounds) {
  __m512i sums[12];
  for (auto& sum : sums) sum = _mm512_setzero_si512();
  __m512i bytes = _mm512_set1_epi8(1);
  for (int i = 0; i < rounds; ++i) {
    __asm__ volatile("" : "+v"(bytes));
    for (auto& sum : sums) sum = _mm512_dpbusd_epi32(sum, bytes, bytes);
  }
  for (int i = 1; i < 12; ++i) sums[0] = _mm512_add_epi32(sums[0], sums[i]);
  return _mm512_reduce_add_epi32(sums[0]);
}

// (GCC 12 keeps these sums in memory unless every loop over them is unrolled.)
int DotBytes256(int rounds) {
  __m256i sums[12];
#pragma GCC unroll 12
  for (auto& sum : sums) sum = _mm256_setzero_si256();
  __m256i bytes = _mm256_set1_epi8(1);
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) {
      __asm__ volatile("" : "+x"(bytes));
      sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(bytes, bytes));
      __asm__ volatile("" : "+x"(sum));
    }
  }
#pragma GCC unroll 12
  for (int i = 1; i < 12; ++i) sums[0] = _mm256_add_epi16(sums[0], sums[i]);
  return _mm256_extract_epi32(sums[0], 0);
}

volatile double sink;

struct Rates {
  // Products added, separately rounded; products of bytes added; votes of four floats; random rows of 544 bytes.
  double products, bytes, votes, rows;
};

// With the vector instructions that ours use: AVX-512 (`wide`) and its products of bytes, or AVX2's.
Rates Measure(bool wide, bool vnni) {
  constexpr int kRounds = 20'000;
  const double lanes = wide ? 16 : 8;
  Rates rates{};
  rates.products = Rate(kRounds * 12 * lanes, [=] { sink = wide ? AddProducts512(kRounds) : AddProducts256(kRounds); });
  rates.bytes =
      Rate(kRounds * 12 * (vnni ? 64.0 : 32.0), [=] { sink = vnni ? DotBytes512(kRounds) : DotBytes256(kRounds); });
  alignas(16) static float bins[256][4];
  rates.votes = Rate(kRounds * 16.0, [] {
    for (int i = 0; i < kRounds; ++i)
      for (int vote = 0; vote < 16; ++vote) {
        float* bin = bins[(i % 16) * 16 + vote];
        _mm_store_ps(bin, _mm_add_ps(_mm_load_ps(bin), _mm_set1_ps(1)));
      }
    __asm__ volatile("" ::: "memory");
  });
  constexpr size_t kRows = 120'000;
  constexpr size_t kStride = 144;
  const std::vector<float> rows(kRows * kStride, 1.0F);
  rates.rows = Rate(7'500, [&] {
    // The same ones every time, as for one face.
    uint64_t state = 1;
    __m256 sum = _mm256_setzero_ps();
    for (int i = 0; i < 7'500; ++i) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      const float* row = rows.data() + (state >> 33U) % kRows * kStride;
      for (size_t at = 0; at < 136; at += 8) sum = _mm256_add_ps(sum, _mm256_loadu_ps(row + at));
    }
    sink = sum[0];
  });
  return rates;
}

void Print(const char* name, const Least& least, double bound) {
  std::printf("%s\t%.4f\t%.4f\t", name, least.ours, least.dlib);
  if (bound > 0) std::printf("%.4f", bound);
  std::printf("\n");
}

void Study(const Image& image, const char* model, int runs, std::string_view simd) {
  const Rates rates = Measure(simd.starts_with("AVX3"), (hwy::SupportedTargets() & HWY_AVX3_DL) != 0);
  // The levels of the pyramid, as dlib makes them and as we do.
  Pixels pixels(image.height, image.width);
  for (int y = 0; y < image.height; ++y)
    std::copy_n(image.row(y), size_t{3} * image.width, reinterpret_cast<uint8_t*>(&pixels[y][0]));
  Pixels enlarged(image.height, image.width);
  dlib::assign_image(enlarged, pixels);
  dlib::pyramid_up(enlarged, dlib::pyramid_down<2>());
  std::vector<Pixels> levels(1);
  dlib::assign_image(levels[0], enlarged);
  const dlib::pyramid_down<6> pyramid;
  const frontal::Model& frontal = frontal::kModel;
  for (;;) {
    dlib::rectangle size = pyramid.rect_down(dlib::get_rect(levels.back()));
    if (static_cast<int>(size.width()) < frontal.min_layer_width ||
        static_cast<int>(size.height()) < frontal.min_layer_height)
      break;
    levels.emplace_back();
    pyramid(levels[levels.size() - 2], levels.back());
  }
  const auto planes_of = [](const Pixels& from) {
    Image copy(static_cast<int>(from.nc()), static_cast<int>(from.nr()));
    for (int y = 0; y < copy.height; ++y)
      std::copy_n(reinterpret_cast<const uint8_t*>(&from[y][0]), size_t{3} * copy.width, copy.row(y));
    Planes planes;
    planes.Assign(copy);
    return planes;
  };
  std::vector<Planes> planes;
  planes.reserve(levels.size());
  for (const Pixels& level : levels) planes.push_back(planes_of(level));
  double level_pixels = 0;
  double windows = 0;
  for (const Planes& level : planes) {
    level_pixels += static_cast<double>(level.width()) * level.height();
    Features features;
    features.SetSize(level.width(), level.height());
    windows += static_cast<double>(features.rows()) * features.columns();
  }
  int scores = 0;
  for (const Planes& level : planes) {
    Features features;
    features.SetSize(level.width(), level.height());
    std::array<std::vector<WindowScore>, kFilters> found;
    ExtractFeatures(level, features, 0, features.rows() == 0 ? 0 : features.height(), [&](int row) {
      if (row >= kWindow - 1) scores += FindWindows(features, row - kWindow + 1, found);
    });
  }
  std::printf("%d\t%.0f\n", scores, windows * kFilters);
  const double first_pixels = static_cast<double>(planes[0].width()) * planes[0].height();

  // Four products added for each of three colours.
  const auto resize_bound = [&](double out) { return out * 3 * 4 / rates.products; };
  const Planes small = planes_of(pixels);
  Resizer doubling;
  Planes out;
  out.SetSize(planes[0].width(), planes[0].height());
  Print("upsample",
        Compare(
            runs,
            [&] {
              doubling.SetSizes(small, out);
              doubling.Run(small, out, 0, out.height());
            },
            [&] { dlib::pyramid_up(pixels, enlarged, dlib::pyramid_down<2>()); }),
        resize_bound(first_pixels));
  std::vector<Resizer> resizers(planes.size());
  Print("pyramid",
        Compare(
            runs,
            [&] {
              for (size_t i = 1; i < planes.size(); ++i) {
                resizers[i].SetSizes(planes[i - 1], planes[i]);
                resizers[i].Run(planes[i - 1], planes[i], 0, planes[i].height());
              }
            },
            [&] {
              for (size_t i = 1; i < levels.size(); ++i) pyramid(levels[i - 1], levels[i]);
            }),
        resize_bound(level_pixels - first_pixels));

  Features features;
  const auto extract = [&](const std::function<void(int)>& done) {
    for (const Planes& level : planes) {
      features.SetSize(level.width(), level.height());
      ExtractFeatures(level, features, 0, features.rows() == 0 ? 0 : features.height(), done);
    }
  };
  dlib::array<dlib::array2d<float>> hog;
  const Least histograms = Compare(
      runs, [&] { extract([](int) {}); },
      [&] {
        for (const Pixels& level : levels) dlib::extract_fhog_features(level, hog, 8, kWindow, kWindow);
      });
  Print("histograms", histograms, level_pixels / rates.votes);

  const dlib::frontal_face_detector detector = dlib::get_frontal_face_detector();
  dlib::scan_fhog_pyramid<dlib::pyramid_down<6>> scanner;
  scanner.copy_configuration(detector.get_scanner());
  scanner.load(enlarged);
  const Least filters = Compare(
      runs,
      [&] {
        std::array<std::vector<WindowScore>, kFilters> found;
        extract([&](int row) {
          if (row >= kWindow - 1) FindWindows(features, row - kWindow + 1, found);
        });
      },
      [&] {
        std::vector<std::pair<double, dlib::rectangle>> found;
        for (unsigned long i = 0; i < detector.num_detectors(); ++i)  // NOLINT(google-runtime-int)
          scanner.detect(detector.get_processed_w(i).get_detect_argument(), found, frontal.filters[i].threshold);
      });
  Print("filters", {filters.ours - histograms.ours, filters.dlib},
        windows * kFilters * kWindow * kWindow * kCellBytes / rates.bytes);

  std::vector<Detection> faces;
  Print("detection, whole",
        Compare(
            runs,
            [&] {
              faces = DetectFaces(image, {DetectorKind::kHog, kUpsample});
            },
            [&] {
              DetectFaces(image, {DetectorKind::kDlib, kUpsample});
            }),
        0);
  if (faces.empty()) return;
  dlib::shape_predictor theirs;
  dlib::deserialize(model) >> theirs;
  const auto ours = LandmarkPredictor::Load(model);
  const Box box = faces[0].box;
  const dlib::rectangle rectangle(box.left, box.top, box.right, box.bottom);
  Print("landmarks of a face",
        Compare(
            10 * runs, [&] { ours->Predict(image, box); }, [&] { theirs(pixels, rectangle); }),
        7'500 / rates.rows);
}

}  // namespace
}  // namespace maskbench

int main(int count, char** arguments) {
  if (count != 6) {
    std::fprintf(stderr, "stages <raw RGB pixels> <width> <height> <shape predictor> <runs>\n");
    return 2;
  }
  const std::string simd(maskbench::LimitSimd());
  std::printf("%s\n", simd.c_str());
  maskbench::Image image(std::atoi(arguments[2]), std::atoi(arguments[3]));
  std::ifstream in(arguments[1], std::ios::binary);
  if (!in.read(reinterpret_cast<char*>(image.pixels.data()), static_cast<std::streamsize>(image.pixels.size()))) {
    std::fprintf(stderr, "%s: too short\n", arguments[1]);
    return 1;
  }
  maskbench::Study(image, arguments[4], std::atoi(arguments[5]), simd);
}
