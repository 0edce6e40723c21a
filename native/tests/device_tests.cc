// device_tests [--cuda <device>] <crops> <shape predictor> {<raw RGB pixels> <width> <height>}...: what runs on a GPU,
// on grids that are walked on the CPU, or on a device itself: faces of mixed batches of crops and odd sizes must be
// those of the CPU, boxes, scores and landmarks.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "device/finder.h"
#include "device/grid_backend.h"
#include "device/open.h"
#include "device/walked_grid.h"
#include "face/detector.h"
#include "face/landmarks.h"
#include "mask/random.h"
#include "tests/crops.h"

namespace maskbench {
namespace {

using device::Finder;
using device::WalkedGrid;

constexpr uint64_t kMuch = uint64_t{4} << 30U;

// `limit`: bytes that each of two grids may take; `batch`: those that the photos of a batch may.
std::unique_ptr<Finder> MakeFinder(const LandmarkPredictor& predictor, int cuda, int upsample, uint64_t limit,
                                   uint64_t batch) {
  if (cuda >= 0) return device::OpenFinder({cuda, 2 * limit, false}, upsample, predictor);
  std::vector<std::unique_ptr<device::Backend>> backends(2);
  for (auto& backend : backends)
    backend = std::make_unique<device::GridBackend<WalkedGrid>>(std::make_unique<WalkedGrid>(limit),
                                                                device::ModelsOf(predictor.trees()));
  return std::make_unique<Finder>(std::move(backends), upsample, batch);
}

bool Same(const std::vector<Face>& ours, const std::vector<Detection>& expected, const LandmarkPredictor& predictor,
          const Image& image) {
  return std::ranges::equal(ours, expected, [&](const Face& face, const Detection& other) {
    const Landmarks landmarks = predictor.Predict(image, other.box);
    return face.score == other.score && face.box.left == other.box.left && face.box.top == other.box.top &&
           face.box.right == other.box.right && face.box.bottom == other.box.bottom &&
           std::ranges::equal(face.landmarks, landmarks,
                              [](const Point& a, const Point& b) { return a.x == b.x && a.y == b.y; });
  });
}

int Main(int cuda, int count, const char* model, const std::vector<Image>& photos) {
  const auto predictor = LandmarkPredictor::Load(model);
  std::vector<Image> images;
  NamedRandom random(1, "odd sizes", 0);
  for (const auto& [width, height] :
       {std::pair(1, 1), {2, 90}, {90, 3}, {13, 17}, {37, 41}, {40, 40}, {97, 101}, {1, 600}}) {
    Image& noise = images.emplace_back(width, height);
    for (uint8_t& value : noise.pixels) value = static_cast<uint8_t>(random.Below(256));
  }
  for (int i = 0; i < count; ++i) {
    NamedRandom each(1, "crops", static_cast<uint64_t>(i));
    images.push_back(Crop(photos[static_cast<size_t>(i) % photos.size()], each));
  }
  int wrong = 0;
  size_t faces = 0;
  for (const int upsample : {0, 1}) {
    const auto finder = MakeFinder(*predictor, cuda, upsample, kMuch, uint64_t{20} << 20U);
    std::vector<std::vector<Face>> found(images.size());
    // Many callers at once, whose photos form batches.
    std::vector<std::jthread> callers(8);
    std::atomic<size_t> next = 0;
    for (std::jthread& caller : callers)
      caller = std::jthread([&] {
        for (size_t i = next++; i < images.size(); i = next++) found[i] = finder->Find(images[i]);
      });
    callers.clear();
    for (size_t i = 0; i < images.size(); ++i) {
      const auto expected = DetectFaces(images[i], {DetectorKind::kFast, upsample});
      faces += expected.size();
      if (Same(found[i], expected, *predictor, images[i])) continue;
      ++wrong;
      std::printf("image %zu of %dx%d differs, enlarged %d times\n", i, images[i].width, images[i].height, upsample);
    }
  }
  // Too little memory for the models, and for a photo: told, and the next call is served.
  int refused = 0;
  try {
    MakeFinder(*predictor, cuda, 1, 1000, kMuch);
  } catch (const device::DeviceError& error) {
    refused += error.out_of_memory ? 1 : 0;
  }
  const auto small = MakeFinder(*predictor, cuda, 1, predictor->trees().size() + (uint64_t{2} << 20U), kMuch);
  try {
    small->Find(photos[0]);
  } catch (const device::DeviceError& error) {
    refused += error.out_of_memory ? 1 : 0;
  }
  if (!small->Find(images[0]).empty()) ++wrong;
  std::printf("%d of %zu images differ, %zu faces, %d of 2 shortages of memory told\n", wrong, 2 * images.size(), faces,
              refused);
  return wrong > 0 || refused != 2 ? 1 : 0;
}

}  // namespace
}  // namespace maskbench

int main(int count, char** arguments) {
  std::vector<char*> words(arguments + 1, arguments + count);
  int cuda = -1;
  if (words.size() > 1 && std::string_view(words[0]) == "--cuda") {
    cuda = std::atoi(words[1]);
    words.erase(words.begin(), words.begin() + 2);
  }
  if (words.size() < 5 || words.size() % 3 != 2) {
    std::fprintf(stderr,
                 "device_tests [--cuda <device>] <crops> <shape predictor> {<raw RGB pixels> <width> <height>}...\n");
    return 2;
  }
  try {
    return maskbench::Main(cuda, std::atoi(words[0]), words[1], maskbench::ReadPhotos(std::span(words).subspan(2)));
  } catch (const maskbench::device::DeviceError& error) {
    std::printf("skipped: cuda:%d: %s\n", cuda, error.what.c_str());
    return 0;
  }
}
