#ifndef MASKBENCH_TESTS_PAIR_TESTS_H_
#define MASKBENCH_TESTS_PAIR_TESTS_H_

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "all_pairs/count_on_device.h"
#include "runtime/random.h"
#include "all_pairs/counts.h"

namespace maskbench {

inline bool SameCounts(const PairCounts& a, const PairCounts& b) {
  const auto same_pair = [](const PairCounts::Genuine& one, const PairCounts::Genuine& other) {
    return one.score == other.score && one.rows.probe == other.rows.probe && one.rows.reference == other.rows.reference;
  };
  const auto same_best = [](const Candidate& one, const Candidate& other) {
    return one.score == other.score && one.row == other.row && one.identity == other.identity;
  };
  return a.impostor == b.impostor && a.impostors == b.impostors && a.same_source == b.same_source && a.tail == b.tail &&
         a.above == b.above && std::ranges::equal(a.genuine, b.genuine, same_pair) &&
         std::ranges::equal(a.best, b.best, same_best);
}

// All pairs of random vectors, within one side and between two, by each metric, some excluded: how many counts differ
// from the CPU's.
inline int TestPairs(PairScorer& scorer) {
  int wrong = 0;
  int compared = 0;
  constexpr int kRounds = 13;
  for (int round = 0; round < kRounds; ++round) {
    // The last has more to keep than fits at once.
    const bool much = round == kRounds - 1;
    NamedRandom random(1, "pairs", static_cast<uint64_t>(round));
    const auto below = [&](int bound) { return static_cast<int>(random.Below(static_cast<uint64_t>(bound))); };
    const size_t dimensions = much ? 2 : 1 + random.Below(70);
    constexpr int kIdentities = 40;
    AllPairsOptions options;
    options.metric = std::array{Metric::kCosine, Metric::kL2, Metric::kInverseL2}[round % 3];
    options.bins = 500;
    if (options.metric != Metric::kCosine) options.low = options.metric == Metric::kL2 ? -40 : 0;
    options.top = random.Below(5);
    options.tail_bin = random.Below(2) == 0 ? 400 : options.tail_bin;
    options.identities = kIdentities;
    const bool within = round % 2 == 0;
    std::vector<std::unique_ptr<PackedVectors>> sides;
    for (int side = 0; side < (within ? 1 : 2); ++side) {
      std::vector<int32_t> identities(much ? 9000 : 200 + random.Below(900));
      std::vector<int32_t> sources;
      for (int32_t& identity : identities) identity = below(kIdentities);
      std::ranges::sort(identities);
      for (size_t i = 0; i < identities.size(); ++i) sources.push_back(below(300));
      sides.push_back(std::make_unique<PackedVectors>(identities, sources, dimensions));
      for (size_t row = 0; row < identities.size(); ++row) {
        std::vector<float> vector;
        for (size_t i = 0; i < dimensions; ++i)
          vector.push_back(static_cast<float>(below(2000) - 1000 + 300 * (identities[row] % 7)) / 1000);
        sides.back()->Set(row, vector, options.metric);
      }
    }
    const PackedVectors& probes = *sides.front();
    const PackedVectors& references = *sides.back();
    for (int i = 0; i < 30; ++i) {
      PairOfRows pair{below(static_cast<int>(probes.size())), below(static_cast<int>(references.size()))};
      if (within && pair.probe >= pair.reference) continue;
      options.excluded.push_back(pair);
    }
    for (size_t row = 0; row < probes.size(); ++row)
      options.mates.push_back(
          much ? options.low : options.low + (options.high - options.low) * static_cast<float>(below(1000)) / 1000);
    const AllPairs pairs(probes, references, within, options);
    PairCounts expected(options, probes.size(), within ? 0 : references.size());
    PairCounts ours(options, probes.size(), within ? 0 : references.size());
    for (size_t strip = 0; strip < pairs.strips(); ++strip) {
      pairs.Count(strip, expected);
      CountPairs(scorer, pairs, strip, ours);
    }
    for (PairCounts* counts : {&expected, &ours})
      std::ranges::sort(counts->genuine, {}, [](const PairCounts::Genuine& pair) {
        return std::pair(pair.rows.probe, pair.rows.reference);
      });
    ++compared;
    if (SameCounts(ours, expected)) continue;
    ++wrong;
    std::printf("counts of round %d differ\n", round);
  }
  std::printf("%d of %d counts of pairs differ\n", wrong, compared);
  return wrong;
}

}  // namespace maskbench

#endif  // MASKBENCH_TESTS_PAIR_TESTS_H_
