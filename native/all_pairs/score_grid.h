#ifndef MASKBENCH_ALL_PAIRS_SCORE_GRID_H_
#define MASKBENCH_ALL_PAIRS_SCORE_GRID_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "runtime/host_device.h"
#include "all_pairs/all_pairs.h"
#include "all_pairs/pair_score.h"

// Scores of all pairs, as score/all_pairs.cc has them where the CPU has fused multiply-add.

namespace maskbench::device {

// One side of the comparison: what PackedVectors holds. All pointers are the device's.
struct PairSide {
  const float* numbers;
  const Range* panels;
  const int32_t* identities;
  const float* squares;
  // By rows: the least score that the CPU wants to see.
  const float* limits;
};

inline constexpr int kPairTile = 8;
inline constexpr int kTilesAcross = static_cast<int>(kPanel) / kPairTile;
inline constexpr size_t kTilesOfPanels = size_t{kTilesAcross} * kTilesAcross;

// Counts impostors by bins (where `bins` is not null), and keeps genuine pairs and what reaches a limit. A job a panel
// of probes, a thread 8 x 8 pairs: tiles of one panel of references after the other.
struct ScorePairTiles {
  PairSide probes, references;
  size_t dimensions;
  bool within;
  Metric metric;
  Binning binning;
  size_t first_panel, first_column, columns;
  unsigned* bins;
  ScoredPair* kept;
  unsigned* count;
  unsigned capacity;

  MASKBENCH_HOST_DEVICE void operator()(size_t job, size_t i) const {
    const size_t panel = first_panel + job;
    const size_t column = first_column + i / kTilesOfPanels;
    if (i >= columns * kTilesOfPanels || (within && panel > column)) return;
    const auto tile = static_cast<int>(i % kTilesOfPanels);
    const int top = tile / kTilesAcross * kPairTile;
    const int left = tile % kTilesAcross * kPairTile;
    const float* a = probes.numbers + panel * kPanel * dimensions + top;
    const float* b = references.numbers + column * kPanel * dimensions + left;
    float products[kPairTile][kPairTile] = {};
    for (size_t k = 0; k < dimensions; ++k, a += kPanel, b += kPanel) {
      const Numbers x = *reinterpret_cast<const Numbers*>(a);
      const Numbers y = *reinterpret_cast<const Numbers*>(b);
      MASKBENCH_UNROLL
      for (int row = 0; row < kPairTile; ++row) MASKBENCH_UNROLL
      for (int across = 0; across < kPairTile; ++across)
        products[row][across] = std::fma(x.at[row], y.at[across], products[row][across]);
    }
    const Range rows = probes.panels[panel];
    const Range others = references.panels[column];
    MASKBENCH_UNROLL
    for (int row = 0; row < kPairTile; ++row) MASKBENCH_UNROLL
    for (int across = 0; across < kPairTile; ++across) {
      const size_t probe = rows.first + top + row;
      const size_t reference = others.first + left + across;
      if (probe >= rows.last || reference >= others.last || (within && probe >= reference)) continue;
      Take(probe, reference, products[row][across]);
    }
  }

 private:
  // Read in two steps of four: panels and tiles begin at multiples of 16 bytes.
  struct alignas(16) Numbers {
    float at[kPairTile];
  };

  MASKBENCH_HOST_DEVICE void Take(size_t probe, size_t reference, float product) const {
    const float score = ToScore(metric, product, probes.squares[probe], references.squares[reference]);
    if (probes.identities[probe] != references.identities[reference]) {
      if (bins != nullptr) TakeNext(bins + binning(score));
      if (score < probes.limits[probe] && score < references.limits[reference]) return;
    }
    const unsigned at = TakeNext(count);
    if (at < capacity) kept[at] = {score, static_cast<int32_t>(probe), static_cast<int32_t>(reference)};
  }
};

}  // namespace maskbench::device

#endif  // MASKBENCH_ALL_PAIRS_SCORE_GRID_H_
