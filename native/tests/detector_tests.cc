// detector_tests <crops> <shape predictor> {<raw RGB pixels> <width> <height>}...: cuts so many crops out of photos,
// turned over, resized, dimmed and made noisy, and holds our faces and landmarks to dlib's on each. Says what differs
// and ends with 1, or how many faces were equal, on the target of MASKBENCH_SIMD or this processor's best.

#include "face/dlib_config.h"

#include <dlib/image_processing/shape_predictor.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "face/detector.h"
#include "face/landmarks.h"
#include "runtime/random.h"
#include "runtime/cpu.h"
#include "tests/crops.h"

namespace maskbench {
namespace {

Landmarks PredictWithDlib(const dlib::shape_predictor& predictor, const Image& image, const Box& box) {
  dlib::array2d<dlib::rgb_pixel> pixels(image.height, image.width);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const uint8_t* from = image.row(y) + size_t{3} * x;
      pixels[y][x] = dlib::rgb_pixel(from[0], from[1], from[2]);
    }
  const dlib::full_object_detection shape =
      predictor(pixels, dlib::rectangle(box.left, box.top, box.right, box.bottom));
  Landmarks landmarks;
  for (int i = 0; i < kLandmarks; ++i)
    landmarks[i] = {static_cast<int>(shape.part(i).x()), static_cast<int>(shape.part(i).y())};
  return landmarks;
}

int Main(int count, const char* model, const std::vector<Image>& photos) {
  const std::string simd(LimitSimd());
  dlib::shape_predictor theirs;
  dlib::deserialize(model) >> theirs;
  const auto ours = LandmarkPredictor::Load(model);
  int faces = 0;
  int wrong = 0;
  for (int i = 0; i < count; ++i) {
    NamedRandom random(1, "crops", static_cast<uint64_t>(i));
    const Image crop = Crop(photos[static_cast<size_t>(i) % photos.size()], random);
    const int upsample = static_cast<int>(random.Below(2));
    const auto mine = DetectFaces(crop, {DetectorKind::kFast, upsample});
    const auto expected = DetectFaces(crop, {DetectorKind::kDlib, upsample});
    bool equal = mine.size() == expected.size();
    for (size_t face = 0; equal && face < mine.size(); ++face, ++faces) {
      const Box& box = mine[face].box;
      const Box& other = expected[face].box;
      const Landmarks a = ours->Predict(crop, box);
      const Landmarks b = PredictWithDlib(theirs, crop, other);
      equal = mine[face].score == expected[face].score && box.left == other.left && box.top == other.top &&
              box.right == other.right && box.bottom == other.bottom;
      for (int point = 0; point < kLandmarks; ++point)
        equal = equal && a[point].x == b[point].x && a[point].y == b[point].y;
    }
    if (equal) continue;
    ++wrong;
    std::printf("crop %d of %dx%d differs\n", i, crop.width, crop.height);
  }
  std::printf("%s: %d of %d crops differ, %d faces equal\n", simd.c_str(), wrong, count, faces);
  return wrong > 0 ? 1 : 0;
}

}  // namespace
}  // namespace maskbench

int main(int count, char** arguments) {
  if (count < 6 || count % 3 != 0) {
    std::fprintf(stderr, "detector_tests <crops> <shape predictor> {<raw RGB pixels> <width> <height>}...\n");
    return 2;
  }
  return maskbench::Main(std::atoi(arguments[1]), arguments[2],
                         maskbench::ReadPhotos({arguments + 3, static_cast<size_t>(count) - 3}));
}
