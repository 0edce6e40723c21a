#include "face/windows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "face/frontal_model.h"

// Sums of four products of bytes in one instruction (VNNI).
#define HWY_WANT_AVX3_DL 1
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "face/windows.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef MASKBENCH_FACE_WINDOWS_CC_
#define MASKBENCH_FACE_WINDOWS_CC_
namespace maskbench {

constexpr int kWindowCells = kWindow * kWindow;
constexpr int kRowBytes = kWindow * kCellBytes;
// Sums of two products of a feature and a weight that are added in 16 bits; the weights are as large as these allow.
constexpr int kGroup = 10;

// The filters in bytes, and by how much a score in bytes may be wrong.
struct ByteFilters {
  // [filter][cell of the window][feature]
  alignas(64) std::array<std::array<int8_t, size_t{kWindowCells} * kCellBytes>, kFilters> weights;
  struct Test {
    // A window may reach its threshold where sum x scale + error x sqrt(energy) >= limit.
    float scale, error, limit;
  };
  std::array<Test, kFilters> tests;
};

// A window's features, [feature][column][row]: the rows side by side.
struct TurnedWindow {
  static constexpr int kRows = 16;
  alignas(64) float numbers[kFeatures][kWindow][kRows];
};

}  // namespace maskbench
#endif  // MASKBENCH_FACE_WINDOWS_CC_

HWY_BEFORE_NAMESPACE();
namespace maskbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Bytes8 = hn::CappedTag<uint8_t, 64>;
using Sums16 = hn::RepartitionToWide<hn::RebindToSigned<Bytes8>>;
using Sums32 = hn::RepartitionToWide<Sums16>;

// The sums of two neighbouring products of a feature and a weight.
HWY_INLINE hn::Vec<Sums16> MultiplyPairs(hn::Vec<Bytes8> features, hn::Vec<hn::RebindToSigned<Bytes8>> weights) {
#if HWY_ARCH_X86 && HWY_TARGET < HWY_AVX2
  return hn::Vec<Sums16>{_mm512_maddubs_epi16(features.raw, weights.raw)};
#elif HWY_TARGET == HWY_AVX2
  return hn::Vec<Sums16>{_mm256_maddubs_epi16(features.raw, weights.raw)};
#elif HWY_ARCH_X86
  return hn::Vec<Sums16>{_mm_maddubs_epi16(features.raw, weights.raw)};
#else
  const Sums16 d;
  const auto low = [&](auto bytes) HWY_ATTR { return hn::ShiftRight<8>(hn::ShiftLeft<8>(hn::BitCast(d, bytes))); };
  const auto high = [&](auto bytes) HWY_ATTR { return hn::ShiftRight<8>(hn::BitCast(d, bytes)); };
  return hn::Add(hn::Mul(low(features), low(weights)), hn::Mul(high(features), high(weights)));
#endif
}

// Keeps the compiler from moving what makes a vector or uses it. (GCC 12 makes all products first, and then has too few
// registers for the sums.)
template <class V>
HWY_INLINE void HoldHere(V& vector) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  __asm__ volatile("" : "+v"(vector.raw));
#elif HWY_ARCH_X86
  __asm__ volatile("" : "+x"(vector.raw));
#else
  (void)vector;
#endif
}

// Scores in bytes of a row of windows, for each filter `stride` numbers apart. `cells` are the rows that they lie in.
#if HWY_ARCH_X86 && HWY_TARGET == HWY_AVX3_DL
// (Processors with this target have VNNI, but Highway does not tell the compiler.)
__attribute__((target("avx512vnni"))) void ScoreBytes(const uint8_t* const (&cells)[kWindow], int columns,
                                                      const ByteFilters& filters, int32_t* sums, size_t stride) {
  constexpr int kLanes = 64;
  static_assert(kRowBytes % kLanes == 0);
  // So many windows share the loads of the weights, and their sums fit in registers.
  constexpr int kTogether = 4;
  for (int column = 0; column < columns; column += kTogether) {
    size_t places[kTogether];
    __m512i totals[kTogether][kFilters];
    for (int window = 0; window < kTogether; ++window) {
      places[window] = static_cast<size_t>(std::min(column + window, columns - 1)) * kCellBytes;
      for (__m512i& total : totals[window]) total = _mm512_setzero_si512();
    }
    for (int row = 0; row < kWindow; ++row)
      for (int at = 0; at < kRowBytes; at += kLanes) {
        __m512i features[kTogether];
        for (int window = 0; window < kTogether; ++window)
          features[window] = _mm512_loadu_si512(cells[row] + places[window] + at);
        for (int filter = 0; filter < kFilters; ++filter) {
          const __m512i weights = _mm512_load_si512(filters.weights[filter].data() + row * kRowBytes + at);
          for (int window = 0; window < kTogether; ++window)
            totals[window][filter] = _mm512_dpbusd_epi32(totals[window][filter], features[window], weights);
        }
      }
    for (int filter = 0; filter < kFilters; ++filter)
      for (int window = 0; window < std::min(kTogether, columns - column); ++window)
        sums[static_cast<size_t>(filter) * stride + static_cast<size_t>(column + window)] =
            _mm512_reduce_add_epi32(totals[window][filter]);
  }
}
#else
void ScoreBytes(const uint8_t* const (&cells)[kWindow], int columns, const ByteFilters& filters, int32_t* sums,
                size_t stride) {
  const Bytes8 d8;
  const hn::RebindToSigned<Bytes8> di8;
  const Sums16 d16;
  const Sums32 d32;
  constexpr int kLanes = hn::MaxLanes(d8);
  constexpr int kGroupBytes = std::min(kGroup * kLanes, kRowBytes);
  static_assert(kRowBytes % kGroupBytes == 0 && kGroupBytes % kLanes == 0);
  const auto ones = hn::Set(d16, 1);
  for (int column = 0; column < columns; column += 2) {
    const size_t places[2] = {static_cast<size_t>(column) * kCellBytes,
                              static_cast<size_t>(std::min(column + 1, columns - 1)) * kCellBytes};
    hn::Vec<Sums32> totals[2][kFilters];
    hn::Vec<Sums32> others[2][kFilters];
    for (int window = 0; window < 2; ++window)
      for (int filter = 0; filter < kFilters; ++filter) totals[window][filter] = others[window][filter] = hn::Zero(d32);
    const int8_t* weight = filters.weights[0].data();
    for (const uint8_t* row : cells) {
      for (int group = 0; group < kRowBytes; group += kGroupBytes) {
        hn::Vec<Sums16> few[2][kFilters];
        for (auto& window : few)
          for (auto& sum : window) sum = hn::Zero(d16);
        HWY_UNROLL(10)
        for (int at = group; at < group + kGroupBytes; at += kLanes) {
          const auto first = hn::LoadU(d8, row + places[0] + at);
          const auto second = hn::LoadU(d8, row + places[1] + at);
          HWY_UNROLL(5)
          for (int filter = 0; filter < kFilters; ++filter) {
            auto weights = hn::Load(di8, weight + sizeof(filters.weights[0]) * filter + at);
            HoldHere(weights);
            few[0][filter] = hn::Add(few[0][filter], MultiplyPairs(first, weights));
            HoldHere(few[0][filter]);
            few[1][filter] = hn::Add(few[1][filter], MultiplyPairs(second, weights));
            HoldHere(few[1][filter]);
          }
        }
        for (int window = 0; window < 2; ++window)
          for (int filter = 0; filter < kFilters; ++filter)
            totals[window][filter] = hn::ReorderWidenMulAccumulate(d32, few[window][filter], ones,
                                                                   totals[window][filter], others[window][filter]);
      }
      weight += kRowBytes;
    }
    // The second of a last window that has no neighbour is written over by the first.
    for (int window = 1; window >= 0; --window)
      for (int filter = 0; filter < kFilters; ++filter)
        sums[static_cast<size_t>(filter) * stride + static_cast<size_t>(column + window)] =
            hn::GetLane(hn::SumOfLanes(d32, hn::Add(totals[window][filter], others[window][filter])));
  }
}
#endif

// The energy of the windows of a row, from that of the cells. `sums` holds three rows of `stride` numbers on the way.
void SumEnergy(const float* const (&cells)[kWindow], int columns, float* sums, size_t stride, float* energy) {
  const hn::CappedTag<float, 8> d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const auto each = [&](int count, float* to, auto sum_at) HWY_ATTR {
    for (int column = 0; column < count; column += lanes) hn::StoreU(sum_at(column), d, to + column);
  };
  float* ones = sums;
  float* twos = sums + stride;
  float* fours = sums + 2 * stride;
  const auto load = [&](const float* from) HWY_ATTR { return hn::LoadU(d, from); };
  each(columns + kWindow, ones, [&](int column) HWY_ATTR {
    auto sum = load(cells[0] + column);
    for (int row = 1; row < kWindow; ++row) sum = hn::Add(sum, load(cells[row] + column));
    return sum;
  });
  each(columns + kWindow - 1, twos,
       [&](int column) HWY_ATTR { return hn::Add(load(ones + column), load(ones + column + 1)); });
  each(columns + 4, fours, [&](int column) HWY_ATTR { return hn::Add(load(twos + column), load(twos + column + 2)); });
  each(columns, energy, [&](int column) HWY_ATTR {
    return hn::Add(hn::Add(load(fours + column), load(fours + column + 4)), load(twos + column + 8));
  });
}

// Writes the windows that may reach a filter's threshold to `kept`, as column x kFilters + filter; returns how many.
int Keep(const int32_t* sums, size_t stride, const float* energy, int columns, const ByteFilters& filters, int* kept) {
  const hn::CappedTag<float, 8> d;
  const hn::RebindToSigned<decltype(d)> di;
  const int lanes = static_cast<int>(hn::Lanes(d));
  int count = 0;
  for (int column = 0; column < columns; column += lanes) {
    const auto norm = hn::Sqrt(hn::LoadU(d, energy + column));
    for (int filter = 0; filter < kFilters; ++filter) {
      const auto& [scale, error, limit] = filters.tests[filter];
      const auto sum = hn::ConvertTo(d, hn::LoadU(di, sums + static_cast<size_t>(filter) * stride + column));
      const auto most = hn::Add(hn::Mul(sum, hn::Set(d, scale)), hn::Mul(norm, hn::Set(d, error)));
      const auto reach = hn::Ge(most, hn::Set(d, limit));
      if (HWY_LIKELY(hn::AllFalse(d, reach))) continue;
      alignas(32) float marks[8];
      hn::Store(hn::IfThenElseZero(reach, hn::Set(d, 1.0F)), d, marks);
      for (int i = 0; i < std::min(lanes, columns - column); ++i)
        if (marks[i] != 0) kept[count++] = (column + i) * kFilters + filter;
    }
  }
  return count;
}

// The score of a window in dlib's order of arithmetic. It adds the taps up in three sums, but in `last` columns in one.
float ScoreExactly(const TurnedWindow& window, const frontal::Filter& filter, bool last) {
  const hn::CappedTag<float, 8> d;
  constexpr int kLanes = hn::MaxLanes(d);
  float score = 0;
  alignas(64) float rows[TurnedWindow::kRows];
  for (const frontal::Component& component : filter.components) {
    const auto& columns = window.numbers[component.plane];
    for (int row = 0; row < kWindow; row += kLanes) {
      const auto tap = [&](int i)
                           HWY_ATTR { return hn::Mul(hn::Load(d, columns[i] + row), hn::Set(d, component.row[i])); };
      auto sum = tap(0);
      if (last) {
        for (int i = 1; i < kWindow; ++i) sum = hn::Add(sum, tap(i));
      } else {
        auto second = tap(1);
        auto third = tap(2);
        for (int i = 3; i < kWindow - 1; i += 3) {
          sum = hn::Add(sum, tap(i));
          second = hn::Add(second, tap(i + 1));
          third = hn::Add(third, tap(i + 2));
        }
        sum = hn::Add(hn::Add(sum, tap(kWindow - 1)), hn::Add(second, third));
      }
      hn::Store(sum, d, rows + row);
    }
    const auto tap = [&](int i) { return rows[i] * component.column[i]; };
    float sum = tap(0);
    if (last) {
      for (int i = 1; i < kWindow; ++i) sum += tap(i);
    } else {
      float second = tap(1);
      float third = tap(2);
      for (int i = 3; i < kWindow - 1; i += 3) {
        sum += tap(i);
        second += tap(i + 1);
        third += tap(i + 2);
      }
      sum = (sum + tap(kWindow - 1)) + (second + third);
    }
    score += sum;
  }
  return score;
}

}  // namespace maskbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace maskbench {

HWY_EXPORT(ScoreBytes);
HWY_EXPORT(SumEnergy);
HWY_EXPORT(Keep);
HWY_EXPORT(ScoreExactly);

namespace {

// By feature and cell, a feature being counted in steps.
using DenseFilter = std::array<std::array<double, kWindowCells>, kFeatures>;

// The greatest sum of weights of one sign that ScoreBytes adds up in 16 bits, with vectors of so many bytes.
double GreatestSum(const DenseFilter& weights, int bytes) {
  double greatest = 0;
  const int cells = kGroup * bytes / kCellBytes;
  for (int group = 0; group < kWindowCells; group += cells)
    for (int lane = 0; lane < bytes / 2; ++lane) {
      double above = 0;
      double below = 0;
      for (int cell = group; cell < group + cells; ++cell)
        for (int feature = 0; feature < kFeatures; ++feature) {
          if (feature % bytes / 2 != lane) continue;
          above += std::max(0.0, weights[feature][cell]);
          below -= std::min(0.0, weights[feature][cell]);
        }
      greatest = std::max({greatest, above, below});
    }
  return greatest;
}

ByteFilters MakeByteFilters() {
  ByteFilters filters{};
  for (int f = 0; f < kFilters; ++f) {
    const frontal::Filter& filter = frontal::kModel.filters[f];
    DenseFilter dense{};
    // In dlib's own sums every product takes part in fewer than 100 roundings.
    double rounding = 0;
    for (const frontal::Component& component : filter.components)
      for (int row = 0; row < kWindow; ++row)
        for (int column = 0; column < kWindow; ++column) {
          const double weight = double{component.column[row]} * component.row[column];
          dense[component.plane][row * kWindow + column] += weight * FeatureRange(component.plane) / kByteSteps;
          // No feature is above 0.86.
          rounding += std::abs(weight) * 0.86 * 100 * std::numeric_limits<float>::epsilon();
        }
    double greatest = 0;
    for (const auto& plane : dense)
      for (const double weight : plane) greatest = std::max(greatest, std::abs(weight));
    // Sums of weights fit in 16 bits, rounded as they are (with vectors of 64 bytes less is added up). A weight fits in
    // 7 bits.
    constexpr double kMostInSum = INT16_MAX / kByteSteps - 2 * kGroup;
    const double sum = std::max(GreatestSum(dense, 16), GreatestSum(dense, 32));
    const double scale = std::max(greatest / INT8_MAX, sum / kMostInSum);
    double error = 0;
    double half_steps = 0;
    for (int feature = 0; feature < kFeatures; ++feature)
      for (int cell = 0; cell < kWindowCells; ++cell) {
        const double weight = dense[feature][cell];
        const double whole = std::round(weight / scale);
        filters.weights[f][static_cast<size_t>(cell) * kCellBytes + feature] = static_cast<int8_t>(whole);
        // The weights' own rounding is bounded by Cauchy and Schwarz, that of the features by half a step each.
        error += (weight - whole * scale) * (weight - whole * scale);
        half_steps += std::abs(weight) / 2;
      }
    // The arithmetic of the test itself is good for six digits of sums below 100.
    constexpr double kOwn = 1e-3;
    filters.tests[f] = {static_cast<float>(scale), static_cast<float>(std::sqrt(error) * (1 + kOwn)),
                        static_cast<float>(filter.threshold - half_steps * (1 + kOwn) - rounding - kOwn)};
  }
  return filters;
}

void Turn(const Features& features, int row, int column, TurnedWindow& window) {
  for (int feature = 0; feature < kFeatures; ++feature)
    for (int y = 0; y < kWindow; ++y) {
      const float* from = features.row(feature, row + y) + column;
      for (int x = 0; x < kWindow; ++x) window.numbers[feature][x][y] = from[x];
    }
}

}  // namespace

int FindWindows(const Features& features, int row, std::array<std::vector<WindowScore>, kFilters>& found) {
  static const ByteFilters filters = MakeByteFilters();
  thread_local struct {
    std::vector<int32_t> sums;
    std::vector<float> energy, partial;
    std::vector<int> kept;
    TurnedWindow window;
  } scratch;
  auto& [sums, energy, partial, kept, window] = scratch;
  const int columns = features.columns();
  // A vector may be read or written beyond the last column.
  const size_t stride = static_cast<size_t>(columns) + kWindow + 16;
  sums.resize(kFilters * stride);
  energy.resize(stride);
  partial.resize(3 * stride);
  kept.resize(static_cast<size_t>(columns) * kFilters);
  const uint8_t* cells[kWindow];
  const float* energies[kWindow];
  for (int i = 0; i < kWindow; ++i) {
    cells[i] = features.cells(row + i);
    energies[i] = features.energy(row + i);
  }
  HWY_DYNAMIC_DISPATCH(ScoreBytes)(cells, columns, filters, sums.data(), stride);
  HWY_DYNAMIC_DISPATCH(SumEnergy)(energies, columns, partial.data(), stride, energy.data());
  const int count = HWY_DYNAMIC_DISPATCH(Keep)(sums.data(), stride, energy.data(), columns, filters, kept.data());
  int turned = -1;
  std::sort(kept.begin(), kept.begin() + count);
  for (int i = 0; i < count; ++i) {
    const int column = kept[i] / kFilters;
    const int filter = kept[i] % kFilters;
    if (turned != column) Turn(features, row, column, window);
    turned = column;
    // dlib scores eight columns at a time, and the last ones in another order of arithmetic.
    const bool last = column >= columns / 8 * 8;
    const float score = HWY_DYNAMIC_DISPATCH(ScoreExactly)(window, frontal::kModel.filters[filter], last);
    if (score >= frontal::kModel.filters[filter].threshold) found[filter].push_back({row, column, score});
  }
  return count;
}

}  // namespace maskbench
#endif  // HWY_ONCE
