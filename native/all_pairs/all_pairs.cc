#include "all_pairs/all_pairs.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace maskbench {
namespace {

// Rows of the product that stay in registers, and panels of probes that stay in the cache while references pass by.
constexpr size_t kRows = 4;
constexpr size_t kPanelsAtOnce = 4;
// A strip ends with the identity that fills it. The last panel of a strip is seldom full: the longer, the fewer.
constexpr size_t kStripRows = 384;
constexpr size_t kTile = kRows * kPanel;
// So many dimensions of two panels stay in the first-level cache while all their rows are multiplied.
constexpr size_t kDimensionsAtOnce = 128;

// Numbers in a cache line.
constexpr size_t kLine = 16;

#ifdef __x86_64__
const bool kFma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");

struct RowSums {
  __m256 left, middle, right;
};

__attribute__((target("avx2,fma"), always_inline)) inline void AddRow(RowSums& sums, __m256 x, __m256 left,
                                                                      __m256 middle, __m256 right) {
  sums.left = _mm256_fmadd_ps(x, left, sums.left);
  sums.middle = _mm256_fmadd_ps(x, middle, sums.middle);
  sums.right = _mm256_fmadd_ps(x, right, sums.right);
}

__attribute__((target("avx2,fma"), always_inline)) inline void StoreRow(const RowSums& sums, float* out) {
  _mm256_storeu_ps(out, sums.left);
  _mm256_storeu_ps(out + 8, sums.middle);
  _mm256_storeu_ps(out + 16, sums.right);
}

__attribute__((target("avx2,fma"), always_inline)) inline RowSums LoadRow(const float* out) {
  return {_mm256_loadu_ps(out), _mm256_loadu_ps(out + 8), _mm256_loadu_ps(out + 16)};
}

// Adds to kRows x kPanel products: rows a..a+3 of one panel with all of another. Each is one chain of fused
// multiply-adds over the dimensions in order, whatever else is computed.
__attribute__((target("avx2,fma"))) void ProductFma(const float* a, const float* b, size_t dimensions, float* out) {
  // Four variables, for an array of them would live in memory.
  RowSums first = LoadRow(out);
  RowSums second = LoadRow(out + kPanel);
  RowSums third = LoadRow(out + 2 * kPanel);
  RowSums fourth = LoadRow(out + 3 * kPanel);
  for (size_t k = 0; k < dimensions; ++k, a += kPanel, b += kPanel) {
    const __m256 left = _mm256_loadu_ps(b);
    const __m256 middle = _mm256_loadu_ps(b + 8);
    const __m256 right = _mm256_loadu_ps(b + 16);
    AddRow(first, _mm256_broadcast_ss(a), left, middle, right);
    AddRow(second, _mm256_broadcast_ss(a + 1), left, middle, right);
    AddRow(third, _mm256_broadcast_ss(a + 2), left, middle, right);
    AddRow(fourth, _mm256_broadcast_ss(a + 3), left, middle, right);
  }
  StoreRow(first, out);
  StoreRow(second, out + kPanel);
  StoreRow(third, out + 2 * kPanel);
  StoreRow(fourth, out + 3 * kPanel);
}

// The same for eight rows. A row of a panel is one and a half registers wide.
__attribute__((target("avx512f"))) void ProductAvx512(const float* a, const float* b, size_t dimensions, float* out) {
  constexpr size_t kMany = 2 * kRows;
  constexpr size_t kWide = 16;
  constexpr __mmask16 kRest = (1U << (kPanel - kWide)) - 1;
  __m512 first[kMany];
  __m512 rest[kMany];
#pragma GCC unroll 8
  for (size_t i = 0; i < kMany; ++i) {
    first[i] = _mm512_loadu_ps(out + i * kPanel);
    rest[i] = _mm512_maskz_loadu_ps(kRest, out + i * kPanel + kWide);
  }
  for (size_t k = 0; k < dimensions; ++k, a += kPanel, b += kPanel) {
    const __m512 left = _mm512_loadu_ps(b);
    const __m512 right = _mm512_maskz_loadu_ps(kRest, b + kWide);
#pragma GCC unroll 8
    for (size_t i = 0; i < kMany; ++i) {
      const __m512 x = _mm512_set1_ps(a[i]);
      first[i] = _mm512_fmadd_ps(x, left, first[i]);
      rest[i] = _mm512_fmadd_ps(x, right, rest[i]);
    }
  }
#pragma GCC unroll 8
  for (size_t i = 0; i < kMany; ++i) {
    _mm512_storeu_ps(out + i * kPanel, first[i]);
    _mm512_mask_storeu_ps(out + i * kPanel + kWide, kRest, rest[i]);
  }
}
#endif

void ProductPlain(const float* a, const float* b, size_t dimensions, float* out) {
  for (size_t k = 0; k < dimensions; ++k, a += kPanel, b += kPanel)
    for (size_t i = 0; i < kRows; ++i)
      for (size_t j = 0; j < kPanel; ++j) out[i * kPanel + j] += a[i] * b[j];
}

#ifdef __x86_64__
// Scores and bins of kTile products.
__attribute__((target("avx2"))) void ConvertAvx2(Metric metric, const float* products, const float* row_squares,
                                                 const float* column_squares, const Binning& binning, float* scores,
                                                 int* bins) {
  const __m256 low = _mm256_set1_ps(binning.low);
  const __m256 factor = _mm256_set1_ps(binning.factor);
  const __m256i last = _mm256_set1_epi32(binning.last);
  const __m256 one = _mm256_set1_ps(1);
  for (size_t i = 0; i < kRows; ++i) {
    const __m256 row = _mm256_set1_ps(row_squares[i]);
    for (size_t j = 0; j < kPanel; j += 8) {
      __m256 score = _mm256_loadu_ps(products + i * kPanel + j);
      if (metric != Metric::kCosine) {
        const __m256 sum = _mm256_add_ps(row, _mm256_loadu_ps(column_squares + j));
        const __m256 square = _mm256_sub_ps(sum, _mm256_add_ps(score, score));
        const __m256 distance = _mm256_sqrt_ps(_mm256_max_ps(square, _mm256_setzero_ps()));
        score = metric == Metric::kL2 ? _mm256_sub_ps(_mm256_setzero_ps(), distance)
                                      : _mm256_div_ps(one, _mm256_add_ps(one, distance));
      }
      _mm256_storeu_ps(scores + i * kPanel + j, score);
      __m256i bin = _mm256_cvttps_epi32(_mm256_mul_ps(_mm256_sub_ps(score, low), factor));
      bin = _mm256_min_epi32(_mm256_max_epi32(bin, _mm256_setzero_si256()), last);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(bins + i * kPanel + j), bin);
    }
  }
}

// A bit for each of a row's scores that is at least its limit.
__attribute__((target("avx2"))) uint32_t AtLeastAvx2(const float* scores, float row_limit, const float* column_limits) {
  uint32_t bits = 0;
  const __m256 row = _mm256_set1_ps(row_limit);
  for (size_t j = 0; j < kPanel; j += 8) {
    const __m256 limit = _mm256_min_ps(row, _mm256_loadu_ps(column_limits + j));
    const __m256 above = _mm256_cmp_ps(_mm256_loadu_ps(scores + j), limit, _CMP_GE_OQ);
    bits |= static_cast<uint32_t>(_mm256_movemask_ps(above)) << j;
  }
  return bits;
}
#endif

// What adds to the products of so many rows at a time.
struct Product {
  void (*add)(const float* a, const float* b, size_t dimensions, float* out);
  size_t rows;
};

Product ProductOf() {
#ifdef __x86_64__
  // (See LimitSimd: AVX3 is Highway's name of AVX-512.)
  static const bool avx512 = [] {
    const char* limit = std::getenv("MASKBENCH_SIMD");
    return __builtin_cpu_supports("avx512f") &&
           (limit == nullptr || *limit == '\0' || std::string_view(limit).starts_with("AVX3"));
  }();
  if (kFma && avx512) return {ProductAvx512, 2 * kRows};
  if (kFma) return {ProductFma, kRows};
#endif
  return {ProductPlain, kRows};
}

// A little below the first tail bin's edge, so that rounding leaves none out.
float TailScore(const AllPairsOptions& options) {
  if (!options.has_tail()) return std::numeric_limits<float>::infinity();
  const float width = (options.high - options.low) / static_cast<float>(options.bins);
  return options.low + (static_cast<float>(options.tail_bin) - 1) * width;
}

uint64_t NextId() {
  static std::atomic<uint64_t> next = 1;
  return next++;
}

uint64_t Key(size_t a, size_t b) { return uint64_t{a} << 32 | b; }

bool Before(const Candidate& a, const Candidate& b) {
  return a.score > b.score || (a.score == b.score && a.row < b.row);
}

}  // namespace

PackedVectors::PackedVectors(std::vector<int32_t> identities, std::vector<int32_t> sources, size_t dimensions)
    : dimensions_(dimensions), identities_(std::move(identities)), sources_(std::move(sources)) {
  size_t begin = 0;
  for (size_t row = 0; row < size(); ++row) {
    panel_of_.push_back(panels_.size() + (row - begin) / kPanel);
    const bool ends = row + 1 == size() || (row + 1 - begin >= kStripRows && identities_[row + 1] != identities_[row]);
    if (!ends) continue;
    const size_t first_panel = panels_.size();
    for (; begin <= row; begin += kPanel) panels_.push_back({begin, std::min(begin + kPanel, row + 1)});
    strips_.push_back({first_panel, panels_.size()});
    begin = row + 1;
  }
  data_.resize(panels() * kPanel * dimensions + kLine);
  squares_.resize(size() + kPanel);
  aligned_ = data_.data();
  while (reinterpret_cast<uintptr_t>(aligned_) % (kLine * sizeof(float)) != 0) ++aligned_;
}

bool PackedVectors::Set(size_t row, std::span<const float> vector, Metric metric) {
  double square = 0;
  for (const float value : vector) square += double{value} * value;
  if (!std::isfinite(square) || (metric == Metric::kCosine && square == 0)) return false;
  const double length = metric == Metric::kCosine ? std::sqrt(square) : 1;
  const size_t panel = panel_of_[row];
  float* to = aligned_ + panel * kPanel * dimensions_ + (row - panels_[panel].first);
  for (size_t k = 0; k < dimensions_; ++k) to[k * kPanel] = static_cast<float>(vector[k] / length);
  squares_[row] = static_cast<float>(square);
  return true;
}

PairCounts::PairCounts(const AllPairsOptions& options, size_t probes, size_t references)
    : impostor(options.bins),
      tail(options.has_tail() ? static_cast<size_t>(options.identities) * kTailBins : 0),
      best((probes + references) * options.top, Candidate{-std::numeric_limits<float>::infinity(), -1, -1}),
      above(options.mates.size()),
      counted(options.mates.size(), -1),
      limits(probes + references + kPanel,
             options.top > 0 ? -std::numeric_limits<float>::infinity() : TailScore(options)),
      histogram(options.bins) {
  for (size_t row = 0; row < options.mates.size(); ++row) limits[row] = std::min(limits[row], options.mates[row]);
}

void PairCounts::Flush() {
  for (size_t bin = 0; bin < histogram.size(); ++bin) impostor[bin] += std::exchange(histogram[bin], 0U);
  unflushed = 0;
}

AllPairs::AllPairs(const PackedVectors& probes, const PackedVectors& references, bool within,
                   const AllPairsOptions& options)
    : id_(NextId()),
      probes_(probes),
      references_(references),
      within_(within),
      options_(options),
      tail_(TailScore(options)) {
  for (const auto& [probe, reference] : options.excluded) {
    const auto a = static_cast<size_t>(probe);
    const auto b = static_cast<size_t>(reference);
    excluded_.insert(Key(a, b));
    excluded_panels_.insert(Key(probes.panel_of(a), references.panel_of(b)));
  }
}

size_t AllPairs::strips() const { return probes_.strips(); }

void AllPairs::Offer(PairCounts& counts, size_t slot, const Candidate& offered) const {
  // Slots are those of the probes, then of the references; within one set there is one slot a row.
  const std::span<Candidate> list(counts.best.data() + slot * options_.top, options_.top);
  size_t at = 0;
  while (at < list.size() && list[at].row >= 0 && list[at].identity != offered.identity) ++at;
  if (at == list.size()) --at;
  if (list[at].row >= 0 && !Before(offered, list[at])) return;
  list[at] = offered;
  for (; at > 0 && Before(list[at], list[at - 1]); --at) std::swap(list[at], list[at - 1]);
  const float least = list.back().row < 0 ? -std::numeric_limits<float>::infinity() : list.back().score;
  counts.limits[slot] = std::min({least, tail_, slot < options_.mates.size() ? options_.mates[slot] : tail_});
}

void AllPairs::CountAbove(PairCounts& counts, size_t slot, int32_t identity, float score) const {
  if (slot >= options_.mates.size() || score < options_.mates[slot] || counts.counted[slot] == identity) return;
  counts.counted[slot] = identity;
  ++counts.above[slot];
}

void AllPairs::CountImpostor(PairCounts& counts, size_t probe, size_t reference, float score) const {
  if (score >= tail_) {
    const auto bin = static_cast<size_t>(options_.binning()(score));
    if (bin >= options_.tail_bin)
      for (const int32_t identity : {probes_.identity(probe), references_.identity(reference)})
        ++counts.tail[static_cast<size_t>(identity) * kTailBins +
                      std::min((bin - options_.tail_bin) / options_.tail_width, kTailBins - 1)];
  }
  CountAbove(counts, probe, references_.identity(reference), score);
  if (within_) CountAbove(counts, reference, probes_.identity(probe), score);
  if (options_.top == 0) return;
  const size_t other = within_ ? reference : probes_.size() + reference;
  if (score >= counts.limits[probe])
    Offer(counts, probe, {score, static_cast<int32_t>(reference), references_.identity(reference)});
  if (score >= counts.limits[other])
    Offer(counts, other, {score, static_cast<int32_t>(probe), probes_.identity(probe)});
}

// Products of probes and of references, by rows.
struct AllPairs::Tile {
  Range probes, references;
  // Some of the products are to be looked at one by one.
  bool mixed;
  bool excluded;
};

void AllPairs::CountTile(PairCounts& counts, const float* products, const Tile& tile) const {
  const Binning binning = options_.binning();
  const auto& [probe, probe_end] = tile.probes;
  const auto& [reference, reference_end] = tile.references;
#ifdef __x86_64__
  if (!tile.mixed && kFma) {
    alignas(32) std::array<float, kTile> scores;
    alignas(32) std::array<int, kTile> bins;
    ConvertAvx2(options_.metric, products, probes_.squares(probe), references_.squares(reference), binning,
                scores.data(), bins.data());
    for (const int bin : bins) ++counts.histogram[static_cast<size_t>(bin)];
    counts.impostors += kTile;
    const float* column_limits = counts.limits.data() + (within_ ? 0 : probes_.size()) + reference;
    for (size_t i = 0; i < kRows; ++i)
      for (uint32_t bits = AtLeastAvx2(scores.data() + i * kPanel, counts.limits[probe + i], column_limits); bits != 0;
           bits &= bits - 1) {
        const auto j = static_cast<size_t>(__builtin_ctz(bits));
        CountImpostor(counts, probe + i, reference + j, scores[i * kPanel + j]);
      }
    return;
  }
#endif
  for (size_t a = probe; a < probe_end; ++a)
    for (size_t b = reference; b < reference_end; ++b) {
      if ((within_ && a >= b) || (tile.excluded && excluded_.contains(Key(a, b)))) continue;
      const float product = products[(a - probe) * kPanel + b - reference];
      const float score = ToScore(options_.metric, product, probes_.square(a), references_.square(b));
      if (probes_.identity(a) != references_.identity(b)) {
        ++counts.histogram[static_cast<size_t>(binning(score))];
        ++counts.impostors;
        CountImpostor(counts, a, b, score);
        continue;
      }
      CountGenuine(counts, a, b, score);
    }
}

void AllPairs::CountGenuine(PairCounts& counts, size_t probe, size_t reference, float score) const {
  const bool same = probes_.source(probe) == references_.source(reference);
  counts.same_source += same ? 1 : 0;
  if (options_.same_source == SameSource::kInclude || same == (options_.same_source == SameSource::kOnly))
    counts.genuine.push_back({score, {static_cast<int32_t>(probe), static_cast<int32_t>(reference)}});
}

void AllPairs::CountKept(std::span<const ScoredPair> kept, PairCounts& counts) const {
  for (const auto& [score, probe, reference] : kept) {
    const auto a = static_cast<size_t>(probe);
    const auto b = static_cast<size_t>(reference);
    if (!excluded_.empty() && excluded_.contains(Key(a, b))) continue;
    if (probes_.identity(a) == references_.identity(b))
      CountGenuine(counts, a, b, score);
    else
      CountImpostor(counts, a, b, score);
  }
}

void AllPairs::Uncount(size_t strip, PairCounts& counts) const {
  const auto& [first, last] = probes_.strip(strip);
  for (const auto& [probe, reference] : options_.excluded) {
    const auto a = static_cast<size_t>(probe);
    const auto b = static_cast<size_t>(reference);
    const size_t panel = probes_.panel_of(a);
    if (panel < first || panel >= last || probes_.identity(a) == references_.identity(b)) continue;
    const float* x = probes_.numbers(panel) + (a - probes_.panel(panel).first);
    const size_t column = references_.panel_of(b);
    const float* y = references_.numbers(column) + (b - references_.panel(column).first);
    float product = 0;
    for (size_t k = 0; k < probes_.dimensions(); ++k) product = std::fma(x[k * kPanel], y[k * kPanel], product);
    const float score = ToScore(options_.metric, product, probes_.square(a), references_.square(b));
    --counts.impostor[static_cast<size_t>(options_.binning()(score))];
    --counts.impostors;
  }
}

void AllPairs::Count(size_t strip, PairCounts& counts) const {
  alignas(32) std::array<float, kPanel * kPanel> products;
  const Product product = ProductOf();
  const size_t dimensions = probes_.dimensions();
  // Rows are sorted by identity: only where the two ranges meet can a pair be genuine.
  const auto apart = [&](const Range& probes, const Range& references) {
    return probes_.identity(probes.last - 1) < references_.identity(references.first) ||
           references_.identity(references.last - 1) < probes_.identity(probes.first);
  };
  const auto& [strip_first, strip_last] = probes_.strip(strip);
  for (size_t first = strip_first; first < strip_last; first += kPanelsAtOnce) {
    const size_t last = std::min(first + kPanelsAtOnce, strip_last);
    for (size_t column = within_ ? first : 0; column < references_.panels(); ++column) {
      const Range& references = references_.panel(column);
      for (size_t panel = first; panel < last; ++panel) {
        const Range& probes = probes_.panel(panel);
        if ((within_ && panel > column) || (options_.near_only && apart(probes, references))) continue;
        products.fill(0);
        for (size_t k = 0; k < dimensions; k += kDimensionsAtOnce)
          for (size_t row = 0; row < kPanel; row += product.rows)
            product.add(probes_.numbers(panel) + k * kPanel + row, references_.numbers(column) + k * kPanel,
                        std::min(kDimensionsAtOnce, dimensions - k), products.data() + row * kPanel);
        const bool excluded = !excluded_panels_.empty() && excluded_panels_.contains(Key(panel, column));
        const bool whole = references.last == references.first + kPanel;
        for (size_t row = probes.first; row < probes.last; row += kRows) {
          const Range rows{row, std::min(row + kRows, probes.last)};
          const bool mixed = excluded || !whole || rows.last < row + kRows || !apart(rows, references);
          CountTile(counts, products.data() + (row - probes.first) * kPanel, {rows, references, mixed, excluded});
        }
      }
      counts.unflushed += kPanelsAtOnce * kPanel * kPanel;
      if (counts.unflushed > 1U << 31) counts.Flush();
    }
  }
  counts.Flush();
}

void AllPairs::Merge(PairCounts& into, const PairCounts& from) const {
  for (size_t bin = 0; bin < into.impostor.size(); ++bin) into.impostor[bin] += from.impostor[bin];
  for (size_t bin = 0; bin < into.tail.size(); ++bin) into.tail[bin] += from.tail[bin];
  into.genuine.insert(into.genuine.end(), from.genuine.begin(), from.genuine.end());
  into.impostors += from.impostors;
  into.same_source += from.same_source;
  for (size_t row = 0; row < into.above.size(); ++row) into.above[row] += from.above[row];
  for (size_t at = 0; at < from.best.size(); ++at)
    if (from.best[at].row >= 0) Offer(into, at / options_.top, from.best[at]);
}

}  // namespace maskbench
