#include "embed/scale.h"

#include <algorithm>
#include <limits>

namespace maskbench {
namespace {

// Pixels of the image for one of the result.
double StepOf(int from, int to) { return 1 / (static_cast<double>(to) / from); }

// Whether each pixel covers so many whole ones.
bool IsWhole(double step) { return std::abs(step - std::rint(step)) < std::numeric_limits<double>::epsilon(); }

std::vector<LinearPlace> LinearPlaces(int from, int to, bool columns) {
  constexpr float kWeight = 2048;
  const double step = StepOf(from, to);
  std::vector<LinearPlace> places;
  places.reserve(static_cast<size_t>(to));
  for (int i = 0; i < to; ++i) {
    const auto at = static_cast<float>((i + 0.5) * step - 0.5);
    const int first = static_cast<int>(std::floor(at));
    // Beyond the border's middle a column is the border's own; of rows it is blended with itself.
    const bool beyond = columns && (first < 0 || first >= from - 1);
    const float share = beyond ? 0 : at - static_cast<float>(first);
    places.push_back({std::clamp(first, 0, from - 1), std::clamp(first + 1, 0, from - 1),
                      static_cast<int>(std::rint((1 - share) * kWeight)),
                      static_cast<int>(std::rint(share * kWeight))});
  }
  return places;
}

std::vector<AreaPlace> AreaPlaces(int from, int to, std::vector<float>& weights) {
  // Less of a pixel does not count.
  constexpr double kLeast = 1e-3;
  const double step = StepOf(from, to);
  std::vector<AreaPlace> places;
  places.reserve(static_cast<size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double begin = i * step;
    const double end = begin + step;
    const double size = std::min(step, from - begin);
    const int last = std::min(static_cast<int>(std::floor(end)), from - 1);
    const int first = std::min(static_cast<int>(std::ceil(begin)), last);
    const auto start = static_cast<int>(weights.size());
    const bool before = first - begin > kLeast;
    if (before) weights.push_back(static_cast<float>((first - begin) / size));
    weights.insert(weights.end(), static_cast<size_t>(last - first), static_cast<float>(1 / size));
    if (end - last > kLeast) weights.push_back(static_cast<float>(std::min(std::min(end - last, 1.0), size) / size));
    places.push_back({first - (before ? 1 : 0), static_cast<int>(weights.size()) - start, start});
  }
  return places;
}

}  // namespace

ScalePlan::ScalePlan(int from_width, int from_height, int width, int height, bool by_area) {
  const double across = StepOf(from_width, width);
  const double down = StepOf(from_height, height);
  const bool whole = IsWhole(across) && IsWhole(down);
  const bool halves = whole && std::lrint(across) == 2 && std::lrint(down) == 2;
  if (halves || (by_area && whole && across >= 1 && down >= 1)) {
    kind_ = ScaleKind::kWholeCells;
    cell_width_ = static_cast<int>(std::lrint(across));
    cell_height_ = static_cast<int>(std::lrint(down));
  } else if (by_area && from_width > width && from_height > height) {
    kind_ = ScaleKind::kArea;
    area_columns_ = AreaPlaces(from_width, width, weights_);
    area_rows_ = AreaPlaces(from_height, height, weights_);
  } else {
    kind_ = ScaleKind::kLinear;
    linear_columns_ = LinearPlaces(from_width, width, true);
    linear_rows_ = LinearPlaces(from_height, height, false);
  }
}

ScaleTables ScalePlan::tables() const {
  return {kind_,
          linear_columns_.data(),
          linear_rows_.data(),
          area_columns_.data(),
          area_rows_.data(),
          weights_.data(),
          cell_width_,
          cell_height_};
}

void ScaleInto(const Image& image, Image& to, int left, int top, int width, int height, bool by_area) {
  const ScalePlan plan(image.width, image.height, width, height, by_area);
  const ScaleTables tables = plan.tables();
  const size_t stride = size_t{3} * image.width;
  for (int y = 0; y < height; ++y) {
    uint8_t* row = to.row(top + y) + size_t{3} * left;
    for (int x = 0; x < width; ++x)
      for (int channel = 0; channel < 3; ++channel)
        *row++ = ScaledChannel(tables, image.pixels.data() + channel, stride, x, y);
  }
}

}  // namespace maskbench
