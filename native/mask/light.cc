#include "mask/light.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "runtime/random.h"

namespace maskbench {
namespace {

// Rec. 601 luminance of B, G, R.
float Luminance(const uint8_t* pixel) {
  return 0.114F * static_cast<float>(pixel[0]) + 0.587F * static_cast<float>(pixel[1]) +
         0.299F * static_cast<float>(pixel[2]);
}

// The number that a share of `numbers`, which are put in another order, lies below.
float Quantile(std::vector<float>& numbers, double share) {
  if (numbers.empty()) return 0;
  const auto at = numbers.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(numbers.size() - 1));
  std::nth_element(numbers.begin(), at, numbers.end());
  return *at;
}

float MedianAbsoluteDeviation(std::vector<float>& numbers) {
  const float median = Quantile(numbers, 0.5);
  for (float& number : numbers) number = std::abs(number - median);
  return Quantile(numbers, 0.5);
}

PointF Mean(const Landmarks& landmarks, std::initializer_list<int> which) {
  PointF sum{0, 0};
  for (const int i : which) sum = {sum.x + landmarks[i].x, sum.y + landmarks[i].y};
  const auto count = static_cast<double>(which.size());
  return {sum.x / count, sum.y / count};
}

// A landmark's place, moved along the face's own axes by shares of the distance between the eyes.
PointF Moved(PointF from, const Pose& pose, double along, double down) {
  const double x = along * pose.eye_distance;
  const double y = down * pose.eye_distance;
  return {from.x + x * pose.along.x - y * pose.along.y, from.y + x * pose.along.y + y * pose.along.x};
}

bool IsInside(const std::vector<PointF>& polygon, double x, double y) {
  bool inside = false;
  for (size_t i = 0, j = polygon.size() - 1; i < polygon.size(); j = i++) {
    const PointF a = polygon[i];
    const PointF b = polygon[j];
    if ((a.y > y) != (b.y > y) && x < (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}

// Whole pixels of a square around a place, inside the image and `margin` away from its border.
Region Around(const Image& image, PointF middle, double half, int margin) {
  const auto clamp = [](double value, int low, int high) {
    return static_cast<int>(std::clamp(value, static_cast<double>(low), static_cast<double>(std::max(low, high))));
  };
  return {clamp(std::floor(middle.x - half), margin, image.width - margin),
          clamp(std::floor(middle.y - half), margin, image.height - margin),
          clamp(std::ceil(middle.x + half), margin, image.width - margin),
          clamp(std::ceil(middle.y + half), margin, image.height - margin)};
}

// Steps so that at most about `most` places a side are looked at.
int Step(const Region& region, int most) {
  return std::max({1, (region.right - region.left) / most, (region.bottom - region.top) / most});
}

struct Cheeks {
  float grain;
  // Mean of B, G, R.
  std::array<float, 3> color;
};

Cheeks LookAtCheeks(const Image& image, const Landmarks& landmarks, const Pose& pose) {
  constexpr float kMostGrain = 24;
  Cheeks found{kMostGrain, {0, 0, 0}};
  double count = 0;
  for (const PointF eye : {Mean(landmarks, {40, 41}), Mean(landmarks, {46, 47})}) {
    const Region region = Around(image, Moved(eye, pose, 0, 0.22), 0.12 * pose.eye_distance, 1);
    const int step = Step(region, 48);
    std::vector<float> laplacian;
    for (int y = region.top; y < region.bottom; y += step)
      for (int x = region.left; x < region.right; x += step) {
        const uint8_t* at = image.row(y) + size_t{3} * x;
        laplacian.push_back(Luminance(at - 3) + Luminance(at + 3) + Luminance(image.row(y - 1) + size_t{3} * x) +
                            Luminance(image.row(y + 1) + size_t{3} * x) - 4 * Luminance(at));
        for (int channel = 0; channel < 3; ++channel) found.color[channel] += at[channel];
        ++count;
      }
    // From the smoother one: hair or a shadow's edge may lie on the other.
    found.grain = std::min(found.grain, MedianAbsoluteDeviation(laplacian));
  }
  for (float& value : found.color) value /= static_cast<float>(std::max(1.0, count));
  return found;
}

float EdgeWidth(const Image& image, const Landmarks& landmarks, const Pose& pose) {
  std::vector<float> widths;
  for (const PointF eye : {Mean(landmarks, {36, 39}), Mean(landmarks, {42, 45})}) {
    const Region region = Around(image, eye, 0.35 * pose.eye_distance, 1);
    const int step = Step(region, 64);
    std::vector<float> light;
    std::vector<float> slopes;
    for (int y = region.top; y < region.bottom; y += step)
      for (int x = region.left; x < region.right; x += step) {
        const uint8_t* at = image.row(y) + size_t{3} * x;
        light.push_back(Luminance(at));
        slopes.push_back(std::hypot(
            (Luminance(at + 3) - Luminance(at - 3)) / 2,
            (Luminance(image.row(y + 1) + size_t{3} * x) - Luminance(image.row(y - 1) + size_t{3} * x)) / 2));
      }
    const float contrast = Quantile(light, 0.98) - Quantile(light, 0.02);
    const float steepest = Quantile(slopes, 0.99);
    if (steepest > 0) widths.push_back(contrast / steepest);
  }
  return widths.empty() ? 0 : *std::ranges::min_element(widths);
}

// How bright the photo is around the face: 1 where something is as bright as white in full light.
float Exposure(const Image& image, const Landmarks& landmarks, const Pose& pose, float skin) {
  std::vector<float> light;
  const Region region = Around(image, Mean(landmarks, {30}), 2.2 * pose.eye_distance, 0);
  const int step = Step(region, 40);
  for (int y = region.top; y < region.bottom; y += step)
    for (int x = region.left; x < region.right; x += step) light.push_back(Luminance(image.row(y) + size_t{3} * x));
  constexpr float kWhite = 230;
  constexpr float kBrightSkin = 170;
  constexpr float kLeast = 0.3F;
  return std::clamp(std::max(Quantile(light, 0.95) / kWhite, skin / kBrightSkin), kLeast, 1.0F);
}

// The photo's cast: how its skin differs from skin in daylight, B, G, R over luminance; half of that, for people's skin
// differs too.
std::array<float, 3> Cast(const Cheeks& cheeks, float skin, float saturation) {
  constexpr std::array<float, 3> kDaylight = {0.78F, 0.94F, 1.20F};
  constexpr float kMost = 1.12F;
  std::array<float, 3> cast;
  for (int channel = 0; channel < 3; ++channel) {
    const float ratio = skin > 0 ? cheeks.color[channel] / skin / kDaylight[channel] : 1;
    cast[channel] = 1 + saturation * (std::clamp(std::sqrt(ratio), 1 / kMost, kMost) - 1);
  }
  return cast;
}

// As film and cameras do: white in full light stays below the brightest level, so that folds and grain are seen on it.
float Compressed(float gain) {
  constexpr float kFrom = 0.80F;
  constexpr float kRoom = 0.14F;
  return gain <= kFrom ? gain : kFrom + kRoom * (1 - std::exp((kFrom - gain) / kRoom));
}

// Sums of B, G, R and weights of the pixels of each cell.
using Cells = std::array<std::vector<float>, 4>;

// Gaussian of `sigma` cells along one axis, columns of `count` cells `stride` apart, `lines` of them `apart`.
void Smooth(std::vector<float>& plane, int count, int stride, int lines, int apart, double sigma) {
  const int radius = std::max(1, static_cast<int>(std::ceil(3 * sigma)));
  std::vector<float> weights;
  for (int i = -radius; i <= radius; ++i)
    weights.push_back(static_cast<float>(std::exp(-0.5 * (i / sigma) * (i / sigma))));
  std::vector<float> line(static_cast<size_t>(count) + size_t{2} * radius);
  for (int l = 0; l < lines; ++l) {
    float* first = plane.data() + static_cast<ptrdiff_t>(l) * apart;
    for (int i = 0; i < count; ++i) line[i + radius] = first[static_cast<ptrdiff_t>(i) * stride];
    for (int i = 0; i < count; ++i) {
      float sum = 0;
      for (int j = 0; j <= 2 * radius; ++j) sum += weights[j] * line[i + j];
      first[static_cast<ptrdiff_t>(i) * stride] = sum;
    }
  }
}

// The skin that a mask may cover, without lips and nostrils, which say nothing of the light.
struct Skin {
  std::vector<PointF> face, lips, nostrils;

  Skin(const Landmarks& landmarks, const Pose& pose) {
    const auto at = [&](int i) {
      return PointF{static_cast<double>(landmarks[i].x), static_cast<double>(landmarks[i].y)};
    };
    for (int i = 1; i <= 15; ++i) face.push_back(at(i));
    face.push_back(Moved(at(46), pose, 0, 0.2));
    face.push_back(at(28));
    face.push_back(Moved(at(41), pose, 0, 0.2));
    const PointF mouth = Mean(landmarks, {48, 51, 54, 57});
    constexpr double kAround = 1.35;
    for (int i = 48; i < 60; ++i)
      lips.push_back({mouth.x + kAround * (at(i).x - mouth.x), mouth.y + kAround * (at(i).y - mouth.y)});
    for (int i = 31; i <= 35; ++i) nostrils.push_back(at(i));
    nostrils.push_back(at(30));
  }
  bool Has(double x, double y) const {
    return IsInside(face, x, y) && !IsInside(lips, x, y) && !IsInside(nostrils, x, y);
  }
};

}  // namespace

Light MeasureLight(const Image& image, const Landmarks& landmarks, const Pose& pose, const Region& region) {
  const Cheeks cheeks = LookAtCheeks(image, landmarks, pose);
  const float skin = 0.114F * cheeks.color[0] + 0.587F * cheeks.color[1] + 0.299F * cheeks.color[2];
  const auto [least, most] = std::ranges::minmax(cheeks.color);
  constexpr float kUsualSaturation = 0.15F;
  Light light{};
  light.grain = cheeks.grain;
  light.edge_width = EdgeWidth(image, landmarks, pose);
  light.saturation = most > 0 ? std::clamp((most - least) / most / kUsualSaturation, 0.0F, 1.0F) : 0;

  // Cells of a twelfth of the distance between the eyes: a low-pass of 0.15 of it is 1.8 cells.
  const int size = std::max(1, static_cast<int>(std::lround(pose.eye_distance / 12)));
  const int columns = std::max(2, (region.right - region.left + size - 1) / size);
  const int rows = std::max(2, (region.bottom - region.top + size - 1) / size);
  const size_t count = size_t{1} * rows * columns;
  Cells cells;
  for (auto& plane : cells) plane.assign(count, 0);
  std::array<double, 4> total{};
  const Skin covered(landmarks, pose);
  const int step = std::max(1, size / 4);
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < columns; ++column) {
      const int left = region.left + column * size;
      const int top = region.top + row * size;
      if (!covered.Has(left + size / 2.0, top + size / 2.0)) continue;
      std::array<float, 4> sum{};
      for (int y = top; y < std::min(top + size, region.bottom); y += step)
        for (int x = left; x < std::min(left + size, region.right); x += step) {
          const uint8_t* pixel = image.row(y) + size_t{3} * x;
          for (int channel = 0; channel < 3; ++channel) sum[channel] += pixel[channel];
          ++sum[3];
        }
      for (int plane = 0; plane < 4; ++plane) {
        cells[plane][size_t{1} * row * columns + column] = sum[plane];
        total[plane] += sum[plane];
      }
    }
  const double sigma = 0.15 * pose.eye_distance / size;
  for (auto& plane : cells) {
    Smooth(plane, columns, 1, rows, columns, sigma);
    Smooth(plane, rows, columns, columns, 1, sigma);
  }
  const float exposure = Exposure(image, landmarks, pose, skin);
  const std::array<float, 3> cast = Cast(cheeks, skin, light.saturation);
  std::array<float, 3> mean{};
  for (int channel = 0; channel < 3; ++channel)
    mean[channel] = total[3] > 0 ? std::max(1.0F, static_cast<float>(total[channel] / total[3])) : 1;
  const auto luminance = [](const std::array<float, 3>& bgr) {
    return 0.114F * bgr[0] + 0.587F * bgr[1] + 0.299F * bgr[2];
  };
  light.gains.resize(3 * count);
  // Where little skin is near, the mean; a share of one pixel in a hundred of a cell in the middle of skin.
  const int side = size / step;
  const double looked_at = side;
  const auto faint = static_cast<float>(0.01 * 2 * std::numbers::pi * sigma * sigma * looked_at * looked_at);
  constexpr float kDarkest = 0.45F;
  constexpr float kBrightest = 1.6F;
  for (size_t i = 0; i < count; ++i) {
    std::array<float, 3> relative;
    for (int channel = 0; channel < 3; ++channel)
      relative[channel] =
          total[3] > 0 ? (cells[channel][i] + faint * mean[channel]) / (cells[3][i] + faint) / mean[channel] : 1;
    std::array<float, 3> levels = mean;
    for (int channel = 0; channel < 3; ++channel) levels[channel] *= relative[channel];
    const float bright = luminance(levels) / luminance(mean);
    for (int channel = 0; channel < 3; ++channel) {
      // Half of the skin's own local cast: some of it is the skin's, not the light's.
      const float local = (relative[channel] + bright) / 2;
      light.gains[channel * count + i] = Compressed(exposure * cast[channel] * std::clamp(local, kDarkest, kBrightest));
    }
  }
  light.grid = {light.gains.data(),
                columns,
                rows,
                static_cast<float>(region.left) + static_cast<float>(size) / 2,
                static_cast<float>(region.top) + static_cast<float>(size) / 2,
                static_cast<float>(size)};
  return light;
}

const std::vector<float>& GrainTile() {
  static const std::vector<float> tile = [] {
    constexpr int kSize = kGrainTile;
    const auto at = [](int x, int y) { return ((y + kSize) % kSize) * kSize + (x + kSize) % kSize; };
    std::vector<float> white(size_t{kSize} * kSize);
    NamedRandom random(1, "grain", 0);
    for (float& value : white) {
      // Nearly normal: the sum of four uniform numbers.
      value = -2;
      for (int i = 0; i < 4; ++i) value += static_cast<float>(random.Below(1 << 20)) / (1 << 20);
    }
    // A camera's noise is not quite white.
    std::vector<float> made(white.size());
    constexpr float kNeighbour = 0.25F;
    for (int y = 0; y < kSize; ++y)
      for (int x = 0; x < kSize; ++x)
        made[at(x, y)] = white[at(x, y)] + kNeighbour * (white[at(x - 1, y)] + white[at(x + 1, y)] +
                                                         white[at(x, y - 1)] + white[at(x, y + 1)]);
    std::vector<float> laplacian;
    for (int y = 0; y < kSize; ++y)
      for (int x = 0; x < kSize; ++x)
        laplacian.push_back(made[at(x - 1, y)] + made[at(x + 1, y)] + made[at(x, y - 1)] + made[at(x, y + 1)] -
                            4 * made[at(x, y)]);
    const float deviation = MedianAbsoluteDeviation(laplacian);
    for (float& value : made) value /= deviation;
    return made;
  }();
  return tile;
}

}  // namespace maskbench
