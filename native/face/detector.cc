#include "face/detector.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "face/dlib_detector.h"
#include "face/features.h"
#include "face/planes.h"
#include "face/pyramid.h"
#include "face/windows.h"
#include "runtime/thread_pool.h"

namespace maskbench {
namespace {

// Kept from photo to photo, one for each thread.
struct Scratch {
  Planes image, next;
  // By the number of the resizing.
  std::vector<Resizer> resizers;
};

// Into how many bands an image is cut, for this thread and those that are idle to work on: each should be worth waking
// one.
int BandsOf(const Planes& image) {
  constexpr int64_t kPixels = 250'000;
  const int64_t most = int64_t{image.width()} * image.height() / kPixels;
  return most < 2 ? 1 : static_cast<int>(std::min<int64_t>(most, 1 + ThreadPool::Shared().Idle()));
}

// Calls work(first, end) for bands of `rows` rows.
void RunInBands(int bands, int rows, const std::function<void(int, int)>& work) {
  if (bands == 1) return work(0, rows);
  RunTogether(bands, [&](int band) {
    work(static_cast<int>(int64_t{rows} * band / bands), static_cast<int>(int64_t{rows} * (band + 1) / bands));
  });
}

void Resize(ImageSize size, Resizer& resizer, Planes& image, Planes& next) {
  next.SetSize(size.width, size.height);
  resizer.SetSizes(image, next);
  RunInBands(BandsOf(next), next.height(), [&](int first, int end) { resizer.Run(image, next, first, end); });
  std::swap(image, next);
}

// By filter, in the order of their rows.
using Found = std::array<std::vector<WindowScore>, kFilters>;

Found FindInLevel(const Planes& image, const Cancellation& cancellation) {
  thread_local Features features;
  features.SetSize(image.width(), image.height());
  const int rows = features.rows();
  std::map<int, Found> bands;
  std::mutex mutex;
  RunInBands(BandsOf(image), rows, [&](int first, int end) {
    features.SetSize(image.width(), image.height());
    Found found;
    ExtractFeatures(image, features, first, end + kWindow - 1, [&](int row) {
      cancellation.ThrowIfCancelled();
      if (row >= first + kWindow - 1) FindWindows(features, row - kWindow + 1, found);
    });
    const std::lock_guard lock(mutex);
    bands.emplace(first, std::move(found));
  });
  Found all;
  for (auto& [first, found] : bands)
    for (int filter = 0; filter < kFilters; ++filter)
      all[filter].insert(all[filter].end(), found[filter].begin(), found[filter].end());
  return all;
}

// Makes the image smaller until no side is longer than `max_size`. Means of four pixels come first: so no pixel is left
// out by the bilinear steps.
void ShrinkTo(int max_size, const std::function<Resizer&()>& resizer, Planes& image, Planes& next) {
  const auto longer = [&] { return std::max(image.width(), image.height()); };
  while (longer() >= 2 * max_size) {
    Halve(image, next);
    std::swap(image, next);
  }
  if (longer() <= max_size) return;
  const double scale = static_cast<double>(max_size) / longer();
  const auto scaled = [&](int size) { return std::max(1, static_cast<int>(std::lround(size * scale))); };
  Resize({scaled(image.width()), scaled(image.height())}, resizer(), image, next);
}

// As pixels of an image that is so many times as wide and high.
Box Enlarged(const Box& box, double across, double down) {
  const auto scaled = [](int edge, double times) { return static_cast<int>(std::lround(edge * times)); };
  return {scaled(box.left, across), scaled(box.top, down), scaled(box.right + 1, across) - 1,
          scaled(box.bottom + 1, down) - 1};
}

std::vector<Detection> DetectFast(const Image& image, const SearchOptions& options, const Cancellation& cancellation) {
  thread_local Scratch scratch;
  Planes& planes = scratch.image;
  Planes& next = scratch.next;
  std::vector<Resizer>& resizers = scratch.resizers;
  planes.Assign(image);
  size_t resizings = 0;
  const auto resizer = [&]() -> Resizer& {
    if (resizings == resizers.size()) resizers.emplace_back();
    return resizers[resizings++];
  };
  if (options.max_size > 0) ShrinkTo(options.max_size, resizer, planes, next);
  const double across = static_cast<double>(image.width) / planes.width();
  const double down = static_cast<double>(image.height) / planes.height();
  const PyramidSizes sizes = SizesOf({planes.width(), planes.height()}, options.upsample);
  for (const ImageSize& size : sizes.doublings) Resize(size, resizer(), planes, next);
  LevelWindows windows;
  for (int level = 0; level <= static_cast<int>(sizes.levels.size()); ++level) {
    if (level > 0) Resize(sizes.levels[level - 1], resizer(), planes, next);
    if (BoxSizeOf(level, options.upsample) * std::min(across, down) < options.min_face) continue;
    const Found found = FindInLevel(planes, cancellation);
    for (int filter = 0; filter < kFilters; ++filter)
      for (const WindowScore& window : found[filter]) windows[filter].push_back({level, window});
  }
  // A large photo's memory is not kept.
  constexpr size_t kKept = 96U << 20U;
  if (planes.bytes() + next.bytes() > kKept) scratch = {};
  std::vector<Detection> faces = FacesOf(windows, options.upsample);
  if (across != 1 || down != 1)
    for (Detection& face : faces) face.box = Enlarged(face.box, across, down);
  return faces;
}

}  // namespace

std::vector<Detection> DetectFaces(const Image& image, const SearchOptions& options, const Cancellation& cancellation) {
  return options.kind == DetectorKind::kHog ? DetectFast(image, options, cancellation)
                                            : DetectWithDlib(image, options.upsample);
}

int64_t DetectionBytes(int64_t pixels, const SearchOptions& options) {
  // The enlarged pixels and the pyramid's next level.
  constexpr int64_t kBytesPerPixel = 6;
  const int64_t most = options.max_size == 0 ? pixels : int64_t{options.max_size} * options.max_size;
  return std::max(pixels, std::min(pixels, most) << (2 * options.upsample)) * kBytesPerPixel;
}

}  // namespace maskbench
