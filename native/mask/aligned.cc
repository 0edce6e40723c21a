#include "mask/aligned.h"

#include "face/dlib_config.h"
// After the configuration that it needs.
#include <dlib/image_transforms/interpolation.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "face/arcface.h"
#include "mask/canonical.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

// Where the detector's box lies in the template: the mean of 697 photos of faces.
constexpr double kBoxLeft = 8.6;
constexpr double kBoxTop = 24.2;
constexpr double kBoxSide = 89.6;

int Nearest(double value) { return static_cast<int>(std::lround(value)); }

dlib::dpoint MeanOf(int first, int last) {
  dlib::dpoint sum(0, 0);
  for (int i = first; i <= last; ++i) sum += dlib::dpoint(kCanonicalFace[i].x, kCanonicalFace[i].y);
  return sum / (last - first + 1);
}

// From the canonical face to ArcFace's template.
dlib::point_transform_affine ToTemplate() {
  const std::vector<dlib::dpoint> from = {MeanOf(36, 41), MeanOf(42, 47), MeanOf(30, 30), MeanOf(48, 48),
                                          MeanOf(54, 54)};
  std::vector<dlib::dpoint> to;
  to.reserve(kArcFace.size());
  for (const auto& [x, y] : kArcFace) to.emplace_back(x, y);
  return dlib::find_similarity_transform(from, to);
}

}  // namespace

KnownFaces AlignedFace(int width, int height, Aligned aligned) {
  // 96 x 112 is the middle of 112 x 112.
  constexpr int kNarrow = 96;
  constexpr auto kSide = static_cast<int>(kArcFaceSide);
  const bool narrow = int64_t{width} * kSide == int64_t{height} * kNarrow;
  if (width != height && !narrow)
    throw Error(ErrorCode::kUnsupportedFormat, "",
                "expected an aligned crop of 112x112 or 96x112, or of such proportions, found " +
                    std::to_string(width) + "x" + std::to_string(height));
  const double scale = height / kArcFaceSide;
  const double shift = narrow ? (kSide - kNarrow) / 2.0 : 0;
  const auto pixel = [&](double x, double y) { return Point{Nearest((x - shift) * scale), Nearest(y * scale)}; };
  const Point first = pixel(kBoxLeft, kBoxTop);
  const Point last = pixel(kBoxLeft + kBoxSide, kBoxTop + kBoxSide);
  KnownFace face{{first.x, first.y, last.x, last.y}, 0, std::nullopt};
  if (aligned == Aligned::kTemplate) {
    static const dlib::point_transform_affine to_template = ToTemplate();
    face.landmarks.emplace();
    for (int i = 0; i < kLandmarks; ++i) {
      const dlib::dpoint at = to_template(dlib::dpoint(kCanonicalFace[i].x, kCanonicalFace[i].y));
      (*face.landmarks)[i] = pixel(at.x(), at.y());
    }
  }
  return std::vector<KnownFace>{face};
}

}  // namespace maskbench
