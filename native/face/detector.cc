#include "face/detector.h"

#include "face/dlib_config.h"

#include <dlib/image_processing/scan_fhog_pyramid.h>
#include <dlib/image_transforms/image_pyramid.h>

#include <algorithm>
#include <utility>

#include "face/dlib_detector.h"
#include "face/features.h"
#include "face/frontal_model.h"
#include "face/planes.h"
#include "face/suppression.h"
#include "face/windows.h"

namespace maskbench {
namespace {

using Pyramid = dlib::pyramid_down<6>;

// Kept from photo to photo, one for each thread.
struct Scratch {
  Planes image, next;
  Features features;
  // By the number of the resizing.
  std::vector<Resizer> resizers;
};

void Resize(Resizer& resizer, Planes& image, Planes& next) {
  resizer.SetWidths(image.width(), next.width());
  resizer.Run(image, next);
  std::swap(image, next);
}

void Enlarge(Resizer& resizer, Planes& image, Planes& next) {
  const dlib::rectangle size(0, 0, image.width() - 1, image.height() - 1);
  const dlib::rectangle enlarged = dlib::pyramid_down<2>().rect_up(size);
  next.SetSize(static_cast<int>(enlarged.right()) + 1, static_cast<int>(enlarged.bottom()) + 1);
  Resize(resizer, image, next);
}

void Shrink(Resizer& resizer, Planes& image, Planes& next) {
  next.SetSize(5 * image.width() / 6, 5 * image.height() / 6);
  Resize(resizer, image, next);
}

int LevelsOf(const Planes& image) {
  const frontal::Model& model = frontal::kModel;
  const Pyramid pyramid;
  dlib::rectangle size(0, 0, image.width() - 1, image.height() - 1);
  int levels = 0;
  do {
    size = pyramid.rect_down(size);
    ++levels;
  } while (static_cast<int>(size.width()) >= model.min_layer_width &&
           static_cast<int>(size.height()) >= model.min_layer_height && levels < model.max_levels);
  return levels;
}

std::vector<Detection> DetectFast(const Image& image, int upsample) {
  thread_local Scratch scratch;
  auto& [planes, next, features, resizers] = scratch;
  planes.Assign(image);
  size_t resizings = 0;
  const auto resizer = [&]() -> Resizer& {
    if (resizings == resizers.size()) resizers.emplace_back();
    return resizers[resizings++];
  };
  for (int i = 0; i < upsample; ++i) Enlarge(resizer(), planes, next);
  std::vector<ScoredWindows> windows(kFilters);
  const int levels = LevelsOf(planes);
  for (int level = 0; level < levels; ++level) {
    if (level > 0) Shrink(resizer(), planes, next);
    features.SetSize(planes.width(), planes.height());
    std::vector<WindowScore> found[kFilters];
    ExtractFeatures(planes, features, [&](int row) {
      if (row >= kWindow - 1) FindWindows(features, row - kWindow + 1, found);
    });
    for (int filter = 0; filter < kFilters; ++filter)
      for (const auto& [row, column, score] : found[filter]) {
        const dlib::point center(column + kWindow / 2, row + kWindow / 2);
        const dlib::rectangle window = dlib::fhog_to_image(dlib::centered_rect(center, kWindow, kWindow),
                                                           frontal::kModel.cell_size, kWindow, kWindow);
        windows[filter].emplace_back(score, Pyramid().rect_up(window, level));
      }
  }
  // As dlib sorts them, so that ties fall the same way.
  for (ScoredWindows& found : windows)
    std::sort(found.rbegin(), found.rend(), [](const auto& a, const auto& b) { return a.first < b.first; });
  // A large photo's memory is not kept.
  constexpr size_t kKept = 96U << 20U;
  if (planes.bytes() + next.bytes() > kKept) scratch = {};
  return SuppressOverlaps(windows, upsample);
}

}  // namespace

std::vector<Detection> DetectFaces(const Image& image, int upsample, DetectorKind kind) {
  return kind == DetectorKind::kFast ? DetectFast(image, upsample) : DetectWithDlib(image, upsample);
}

int64_t DetectionBytes(int64_t pixels, int upsample) {
  // The enlarged pixels and the pyramid's next level.
  constexpr int64_t kBytesPerPixel = 6;
  return (pixels << (2 * upsample)) * kBytesPerPixel;
}

}  // namespace maskbench
