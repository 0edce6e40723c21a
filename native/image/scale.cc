#include "image/scale.h"

#include <hwy/highway.h>
#if HWY_ARCH_X86
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <span>
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
const hn::FixedTag<uint8_t, 16> kManyBytes;
const hn::FixedTag<int16_t, 8> kShorts;
const hn::FixedTag<int32_t, 4> kInts;
const hn::FixedTag<float, 4> kFloats;

// Bytes that are loaded at once from a pixel on.
constexpr ptrdiff_t kLoaded = 8;

// Blue, green, red and what follows.
hn::Vec<decltype(kInts)> LoadPixel(const uint8_t* row, int x) {
  const uint8_t* const pixel = row + size_t{3} * x;
#if HWY_ARCH_X86
  return hn::Vec<decltype(kInts)>{_mm_cvtepu8_epi32(_mm_loadu_si32(pixel))};
#else
  return hn::PromoteTo(kInts, hn::LoadU(kBytes, pixel));
#endif
}

// A row that has something after its last pixel, which the image's last has not: it is copied.
const uint8_t* LoadableRow(const Image& image, int row, std::vector<uint8_t>& copy) {
  const uint8_t* const pixels = image.row(row);
  const ptrdiff_t size = ptrdiff_t{3} * image.width;
  if (image.pixels.data() + image.pixels.size() - pixels >= size + kLoaded) return pixels;
  copy.assign(pixels, pixels + size);
  copy.resize(static_cast<size_t>(size + kLoaded));
  return copy.data();
}

// The sum of each pair, weighted.
hn::Vec<decltype(kInts)> WeightedPairs(hn::Vec<decltype(kShorts)> pairs, hn::Vec<decltype(kInts)> weights) {
#if HWY_ARCH_X86
  return hn::Vec<decltype(kInts)>{_mm_madd_epi16(pairs.raw, weights.raw)};
#else
  const auto low = hn::Set(kInts, 0xFFFF);
  const auto both = hn::BitCast(kInts, pairs);
  return hn::Add(hn::Mul(hn::And(both, low), hn::And(weights, low)),
                 hn::Mul(hn::ShiftRight<16>(both), hn::ShiftRight<16>(weights)));
#endif
}

// The two weights of each column.
std::vector<int32_t> PairedWeights(const LinearPlace* columns, int width) {
  std::vector<int32_t> weights;
  weights.reserve(static_cast<size_t>(width));
  for (int x = 0; x < width; ++x) weights.push_back(columns[x].first_weight | columns[x].second_weight << 16);
  return weights;
}

// A row of the image at the result's width, channels side by side, as BlendLinear takes them; one number beyond is
// written. The second pixel is the one after the first, or weighs nothing.
void LinearRow(const uint8_t* pixels, const LinearPlace* columns, std::span<const int32_t> weights, int16_t* out) {
  constexpr uint8_t kNone = 0x80;
  alignas(16) static constexpr std::array<uint8_t, 16> kPairs = {0, kNone, 3, kNone, 1,     kNone, 4,     kNone,
                                                                 2, kNone, 5, kNone, kNone, kNone, kNone, kNone};
  const auto pairs = hn::Load(kManyBytes, kPairs.data());
  for (size_t x = 0; x < weights.size(); ++x, out += 3) {
    const auto bytes = hn::ZeroExtendVector(
        kManyBytes, hn::LoadU(hn::FixedTag<uint8_t, kLoaded>(), pixels + ptrdiff_t{3} * columns[x].first));
    const auto channels = hn::BitCast(kShorts, hn::TableLookupBytesOr0(bytes, pairs));
    const auto sums = hn::ShiftRight<4>(WeightedPairs(channels, hn::Set(kInts, weights[x])));
    hn::StoreU(hn::DemoteTo(hn::FixedTag<int16_t, 4>(), sums), hn::FixedTag<int16_t, 4>(), out);
  }
}

void BlendRows(const int16_t* upper, const int16_t* lower, const LinearPlace& row, std::span<uint8_t> out) {
  const auto upper_weight = hn::Set(kShorts, static_cast<int16_t>(row.first_weight));
  const auto lower_weight = hn::Set(kShorts, static_cast<int16_t>(row.second_weight));
  const auto half = hn::Set(kShorts, int16_t{2});
  const hn::FixedTag<uint8_t, 8> bytes;
  size_t i = 0;
  for (; i + 8 <= out.size(); i += 8) {
    const auto sum = hn::Add(hn::MulHigh(hn::LoadU(kShorts, upper + i), upper_weight),
                             hn::MulHigh(hn::LoadU(kShorts, lower + i), lower_weight));
    hn::StoreU(hn::DemoteTo(bytes, hn::ShiftRight<2>(hn::Add(sum, half))), bytes, out.data() + i);
  }
  for (; i < out.size(); ++i) out[i] = BlendLinear(upper[i], lower[i], row);
}

// Columns that cover equally many of the image's, some of which weigh nothing, so that a loop over them can be
// unrolled.
struct AreaColumns {
  AreaColumns(const ScaleTables& tables, int from, int width) {
    const std::span places(tables.area_columns, static_cast<size_t>(width));
    count = std::ranges::max(places, {}, &AreaPlace::count).count;
    weights.resize(places.size() * static_cast<size_t>(count) * kLanes);
    for (size_t x = 0; x < places.size(); ++x) {
      firsts.push_back(std::min(places[x].first, from - count));
      const int before = places[x].first - firsts.back();
      for (int i = 0; i < places[x].count; ++i)
        std::fill_n(&weights[(x * count + before + i) * kLanes], kLanes, tables.weights[places[x].weights + i]);
    }
  }

  static constexpr size_t kLanes = hn::MaxLanes(kFloats);
  int count;
  std::vector<int> firsts;
  // [columns][count], each once a lane.
  std::vector<float> weights;
};

// `kCount`: of the columns, or 0 where it is not known beforehand.
template <int kCount>
void AreaRow(const uint8_t* pixels, const AreaColumns& columns, float* out) {
  const int count = kCount > 0 ? kCount : columns.count;
  const float* weights = columns.weights.data();
  for (const int first : columns.firsts) {
    auto sum = hn::Zero(kFloats);
#pragma GCC unroll 5
    for (int i = 0; i < count; ++i, weights += AreaColumns::kLanes) {
      const auto pixel = hn::ConvertTo(kFloats, LoadPixel(pixels, first + i));
      sum = hn::Add(sum, hn::Mul(pixel, hn::LoadU(kFloats, weights)));
    }
    hn::StoreU(sum, kFloats, out);
    out += 3;
  }
}

// Photos seldom shrink further at once.
auto* AreaRowOf(int count) {
  switch (count) {
    case 2:
      return &AreaRow<2>;
    case 3:
      return &AreaRow<3>;
    case 4:
      return &AreaRow<4>;
    case 5:
      return &AreaRow<5>;
    default:
      return &AreaRow<0>;
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
      const std::vector<int32_t> weights = PairedWeights(tables.linear_columns, width);
      RowCache<int16_t> rows(width, [&](int row, int16_t* out) {
        LinearRow(LoadableRow(image, row, copy), tables.linear_columns, weights, out);
      });
      for (int y = 0; y < height; ++y) {
        const LinearPlace place = tables.linear_rows[y];
        const int16_t* upper = rows.Get(place.first, place.second);
        const int16_t* lower = rows.Get(place.second, place.first);
        BlendRows(upper, lower, place, {target(y), static_cast<size_t>(numbers)});
      }
      break;
    }
    case ScaleKind::kArea: {
      const AreaColumns columns(tables, image.width, width);
      const auto area_row = AreaRowOf(columns.count);
      RowCache<float> rows(width, [&](int row, float* out) { area_row(LoadableRow(image, row, copy), columns, out); });
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
