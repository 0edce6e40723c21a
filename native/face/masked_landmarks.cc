#include "face/masked_landmarks.h"

#include <array>
#include <complex>
#include <cstddef>
#include <span>

#include "face/landmarks.h"
#include "face/masked_landmarks_table.h"

namespace maskbench {
namespace {

using Place = std::complex<double>;
using Shape = std::array<Place, kLandmarks>;

// In the table's units.
constexpr double kUnit = 10'000;
constexpr size_t kNumbers = 2 * size_t{kLandmarks};
constexpr size_t kDirections = kMaskedWeights.size() / kNumbers;
// Brows and eyes, which a mask leaves free.
constexpr std::array kVisible = {17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 36,
                                 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47};

// Of 2 x 68 numbers, x before y.
Place At(std::span<const int16_t, kNumbers> numbers, size_t i) {
  return {static_cast<double>(numbers[i]), static_cast<double>(numbers[kLandmarks + i])};
}

Place VisibleMean(const Shape& shape) {
  Place sum = 0;
  for (const int i : kVisible) sum += shape[i];
  return sum / static_cast<double>(kVisible.size());
}

}  // namespace

Landmarks UnderMask(const Landmarks& found) {
  Shape pixels;
  Shape mean;
  for (size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = Place(found[i].x, found[i].y);
    mean[i] = At(kMeanShape, i);
  }
  // The similarity that lays the visible landmarks upon those of the mean shape.
  const Place center = VisibleMean(pixels);
  const Place target = VisibleMean(mean);
  Place product = 0;
  double square = 0;
  for (const int i : kVisible) {
    product += std::conj(pixels[i] - center) * (mean[i] - target);
    square += std::norm(pixels[i] - center);
  }
  // Where all of them are one pixel, they say nothing.
  if (square == 0 || std::norm(product) == 0) return found;
  const Place turn = product / square;

  Shape moved;
  for (size_t i = 0; i < moved.size(); ++i) moved[i] = mean[i] + At(kMaskedOffset, i);
  for (size_t d = 0; d < kDirections; ++d) {
    const auto weights = std::span(kMaskedWeights).subspan(d * kNumbers).first<kNumbers>();
    const auto direction = std::span(kMaskedDirections).subspan(d * kNumbers).first<kNumbers>();
    double value = 0;
    for (size_t i = 0; i < pixels.size(); ++i) {
      const Place apart = turn * (pixels[i] - center) + target - mean[i];
      const Place weight = At(weights, i);
      value += apart.real() * weight.real() + apart.imag() * weight.imag();
    }
    for (size_t i = 0; i < moved.size(); ++i) moved[i] += value / (kUnit * kUnit) * At(direction, i);
  }
  Landmarks landmarks;
  for (size_t i = 0; i < moved.size(); ++i) {
    const Place pixel = (moved[i] - target) / turn + center;
    landmarks[i] = {NearestPixel(pixel.real()), NearestPixel(pixel.imag())};
  }
  return landmarks;
}

}  // namespace maskbench
