#ifndef MASKBENCH_ALL_PAIRS_PAIR_SCORER_H_
#define MASKBENCH_ALL_PAIRS_PAIR_SCORER_H_

#include <optional>
#include <span>
#include <vector>

#include "all_pairs/counts.h"

namespace maskbench {

// Panels of probes times panels of references.
struct PairBlock {
  Range panels, columns;
};

// Scores blocks of pairs, and keeps those that are to be looked at one by one. Not safe to use from two threads at
// once.
class PairScorer {
 public:
  // Pairs of a block that can be kept.
  static constexpr unsigned kMostKept = 1U << 19U;

  PairScorer() = default;
  virtual ~PairScorer() = default;
  PairScorer(const PairScorer&) = delete;
  PairScorer& operator=(const PairScorer&) = delete;

  // Copies both sides to the device, where they are not there yet, and begins with empty bins.
  virtual void Start(const AllPairs& pairs) = 0;
  // Scores a block, counting its impostors by bins where `counts`. Gives genuine pairs and what reaches the limits of
  // `PairCounts::limits`, in no order; nothing where they are more than kMostKept.
  virtual std::optional<std::vector<ScoredPair>> Score(const PairBlock& block, std::span<const float> limits,
                                                       bool counts) = 0;
  virtual void ReadBins(std::span<unsigned> bins) = 0;
};

}  // namespace maskbench

#endif  // MASKBENCH_ALL_PAIRS_PAIR_SCORER_H_
