#include "all_pairs/count_on_device.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace maskbench {
namespace {

// A block in parts whose pairs fit: how many came back. Its impostors are counted with the first try.
size_t CountBlock(PairScorer& scorer, const AllPairs& pairs, const PairBlock& block, bool first_try,
                  PairCounts& counts) {
  if (auto kept = scorer.Score(block, counts.limits, first_try)) {
    // Then every row meets the identities of others in their order, as AllPairs counts them.
    std::ranges::sort(*kept, {}, [](const ScoredPair& pair) { return std::tuple(pair.probe, pair.reference); });
    pairs.CountKept(*kept, counts);
    return kept->size();
  }
  const auto& [panels, columns] = block;
  if (columns.last - columns.first > 1) {
    const size_t middle = (columns.first + columns.last) / 2;
    return CountBlock(scorer, pairs, {panels, {columns.first, middle}}, false, counts) +
           CountBlock(scorer, pairs, {panels, {middle, columns.last}}, false, counts);
  }
  const size_t middle = (panels.first + panels.last) / 2;
  return CountBlock(scorer, pairs, {{panels.first, middle}, columns}, false, counts) +
         CountBlock(scorer, pairs, {{middle, panels.last}, columns}, false, counts);
}

}  // namespace

size_t CountPairs(PairScorer& scorer, const AllPairs& pairs, size_t strip, PairCounts& counts) {
  scorer.Start(pairs);
  const auto& [first, last] = pairs.probes().strip(strip);
  const size_t end = pairs.references().panels();
  // Limits rise with the pairs that a row has met, and keep most others away: the blocks double with them. References
  // have met the probes of earlier strips, too.
  size_t met = counts.impostors / (std::max<size_t>(1, pairs.references().size()) * kPanel);
  size_t kept = 0;
  for (size_t panel = first; panel < last;) {
    const Range some{panel, std::min(panel + std::max<size_t>(1, met), last)};
    size_t columns = 1;
    for (size_t column = pairs.within() ? panel : 0; column < end; column += columns, columns *= 2)
      kept += CountBlock(scorer, pairs, {some, {column, std::min(column + columns, end)}}, true, counts);
    met += some.last - some.first;
    panel = some.last;
  }
  std::vector<unsigned> bins(pairs.options().bins);
  scorer.ReadBins(bins);
  for (size_t bin = 0; bin < bins.size(); ++bin) {
    counts.impostor[bin] += bins[bin];
    counts.impostors += bins[bin];
  }
  pairs.Uncount(strip, counts);
  return kept;
}

}  // namespace maskbench
