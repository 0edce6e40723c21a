#include "all_pairs/counts.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <utility>

#include "all_pairs/product.h"

namespace maskbench {
namespace {

// Panels of probes that stay in the second-level cache while references pass by. Most strips have fewer.
constexpr size_t kPanelsAtOnce = 20;
// So many dimensions of two panels stay in the first-level cache while all their rows are multiplied.
constexpr size_t kDimensionsAtOnce = 128;

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
  if (!tile.mixed) {
    TileScores scored;
    ScoreTile(options_.metric, binning, products,
              {probes_.squares(probe), references_.squares(reference), counts.limits.data() + probe,
               counts.limits.data() + reference_slots() + reference},
              scored);
    for (const int32_t bin : scored.bins) ++counts.histogram[static_cast<size_t>(bin)];
    counts.impostors += scored.bins.size();
    for (size_t i = 0; i < kTileRows; ++i)
      for (uint32_t bits = scored.reaching[i]; bits != 0; bits &= bits - 1) {
        const auto j = static_cast<size_t>(std::countr_zero(bits));
        CountImpostor(counts, probe + i, reference + j, scored.scores[i * kPanel + j]);
      }
    return;
  }
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
  std::vector<float> products(kPanelsAtOnce * kPanel * kPanel);
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
      Range panels{first, within_ ? std::min(last, column + 1) : last};
      if (options_.near_only) {
        while (panels.first < panels.last && apart(probes_.panel(panels.first), references)) ++panels.first;
        while (panels.first < panels.last && apart(probes_.panel(panels.last - 1), references)) --panels.last;
      }
      const auto products_of = [&](size_t panel) { return &products[(panel - panels.first) * kPanel * kPanel]; };
      std::fill_n(products.begin(), (panels.last - panels.first) * kPanel * kPanel, 0.0F);
      for (size_t k = 0; k < dimensions; k += kDimensionsAtOnce)
        for (size_t panel = panels.first; panel < panels.last; ++panel)
          MultiplyPanels(probes_.numbers(panel) + k * kPanel, references_.numbers(column) + k * kPanel,
                         std::min(kDimensionsAtOnce, dimensions - k), products_of(panel));
      for (size_t panel = panels.first; panel < panels.last; ++panel) {
        const Range& probes = probes_.panel(panel);
        const bool excluded = !excluded_panels_.empty() && excluded_panels_.contains(Key(panel, column));
        const bool whole = references.last == references.first + kPanel;
        for (size_t row = probes.first; row < probes.last; row += kTileRows) {
          const Range rows{row, std::min(row + kTileRows, probes.last)};
          const bool mixed = excluded || !whole || rows.last < row + kTileRows || !apart(rows, references);
          CountTile(counts, products_of(panel) + (row - probes.first) * kPanel, {rows, references, mixed, excluded});
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
