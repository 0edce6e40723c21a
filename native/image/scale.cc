#include "image/scale.h"

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <utility>

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

namespace hn = hwy::HWY_NAMESPACE;
const hn::FixedTag<uint8_t, 4> kBytes;
const hn::FixedTag<int32_t, 4> kInts;
const hn::FixedTag<float, 4> kFloats;

// Blue, green, red and what follows.
hn::Vec<decltype(kInts)> LoadPixel(const uint8_t* row, int x) {
  return hn::PromoteTo(kInts, hn::LoadU(kBytes, row + size_t{3} * x));
}

// A row that has something after its last pixel, which the image's last has not: it is copied.
const uint8_t* LoadableRow(const Image& image, int row, std::vector<uint8_t>& copy) {
  if (row + 1 < image.height) return image.row(row);
  copy.assign(image.row(row), image.pixels.data() + image.pixels.size());
  copy.push_back(0);
  return copy.data();
}

// A row of the image at the result's width, channels side by side; one number beyond is written.
void LinearRow(const uint8_t* pixels, const ScaleTables& tables, int width, int32_t* out) {
  for (int x = 0; x < width; ++x) {
    const LinearPlace& place = tables.linear_columns[x];
    const auto first = hn::Mul(LoadPixel(pixels, place.first), hn::Set(kInts, place.first_weight));
    const auto second = hn::Mul(LoadPixel(pixels, place.second), hn::Set(kInts, place.second_weight));
    hn::StoreU(hn::Add(first, second), kInts, out + 3 * static_cast<ptrdiff_t>(x));
  }
}

void AreaRow(const uint8_t* pixels, const ScaleTables& tables, int width, float* out) {
  for (int x = 0; x < width; ++x) {
    const AreaPlace& place = tables.area_columns[x];
    auto sum = hn::Zero(kFloats);
    for (int i = 0; i < place.count; ++i) {
      const auto pixel = hn::ConvertTo(kFloats, LoadPixel(pixels, place.first + i));
      sum = hn::Add(sum, hn::Mul(pixel, hn::Set(kFloats, tables.weights[place.weights + i])));
    }
    hn::StoreU(sum, kFloats, out + 3 * static_cast<ptrdiff_t>(x));
  }
}

// Rows of the image at the result's width. Two are kept: that last made, and the one beside it.
template <typename Number>
class RowCache {
 public:
  RowCache(int width, std::function<void(int, Number*)> make) : make_(std::move(make)) {
    for (auto& numbers : numbers_) numbers.resize(size_t{3} * width + 1);
  }

  // It lasts while another than the one `beside` it is asked for.
  const Number* Get(int row, int beside) {
    for (size_t i = 0; i < rows_.size(); ++i)
      if (rows_[i] == row) return numbers_[i].data();
    const size_t free = rows_[0] == beside ? 1 : 0;
    make_(row, numbers_[free].data());
    rows_[free] = row;
    return numbers_[free].data();
  }

 private:
  std::function<void(int, Number*)> make_;
  std::array<int, 2> rows_ = {-1, -1};
  std::array<std::vector<Number>, 2> numbers_;
};

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

void ScaleInto(const ScalePlan& plan, const Image& image, Image& to, int left, int top, int width, int height) {
  const ScaleTables tables = plan.tables();
  const auto target = [&](int y) { return to.row(top + y) + size_t{3} * left; };
  const int numbers = 3 * width;
  std::vector<uint8_t> copy;
  switch (tables.kind) {
    case ScaleKind::kLinear: {
      RowCache<int32_t> rows(
          width, [&](int row, int32_t* out) { LinearRow(LoadableRow(image, row, copy), tables, width, out); });
      for (int y = 0; y < height; ++y) {
        const LinearPlace place = tables.linear_rows[y];
        const int32_t* upper = rows.Get(place.first, place.second);
        const int32_t* lower = rows.Get(place.second, place.first);
        uint8_t* __restrict out = target(y);
        for (int i = 0; i < numbers; ++i) out[i] = BlendLinear(upper[i], lower[i], place);
      }
      break;
    }
    case ScaleKind::kArea: {
      RowCache<float> rows(width,
                           [&](int row, float* out) { AreaRow(LoadableRow(image, row, copy), tables, width, out); });
      std::vector<float> sums(static_cast<size_t>(numbers));
      for (int y = 0; y < height; ++y) {
        const AreaPlace& place = tables.area_rows[y];
        std::ranges::fill(sums, 0.0F);
        for (int row = 0; row < place.count; ++row) {
          const float* across = rows.Get(place.first + row, -1);
          const float weight = tables.weights[place.weights + row];
          for (int i = 0; i < numbers; ++i) sums[i] += across[i] * weight;
        }
        uint8_t* out = target(y);
        for (int i = 0; i < numbers; ++i) out[i] = RoundArea(sums[i]);
      }
      break;
    }
    case ScaleKind::kWholeCells:
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < numbers; ++x)
          target(y)[x] = ScaledChannel(tables, image.pixels.data() + x % 3, size_t{3} * image.width, x / 3, y);
      break;
  }
}

}  // namespace maskbench
