#ifndef MASKBENCH_ALL_PAIRS_SCORE_GRID_H_
#define MASKBENCH_ALL_PAIRS_SCORE_GRID_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "all_pairs/counts.h"
#include "all_pairs/pair_score.h"
#include "all_pairs/pair_scorer.h"
#include "device/grid.h"
#include "runtime/host_device.h"

// Scores of all pairs, as all_pairs/product_cpu.cc has them where the CPU has fused multiply-add.

namespace maskbench {

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

template <class Grid>
class ScoreGrid : public PairScorer {
 public:
  explicit ScoreGrid(Grid& grid) : grid_(grid) {}

  void Start(const AllPairs& pairs) override {
    pairs_ = &pairs;
    if (std::exchange(loaded_, pairs.id()) != pairs.id()) {
      sides_[0].Load(pairs.probes());
      if (!pairs.within()) sides_[1].Load(pairs.references());
    }
    bins_.Upload(std::vector<unsigned>(pairs.options().bins));
    kept_.Reserve(kMostKept);
  }

  std::optional<std::vector<ScoredPair>> Score(const PairBlock& block, std::span<const float> limits,
                                               bool counts) override {
    const AllPairsOptions& options = pairs_->options();
    Side& other = pairs_->within() ? sides_[0] : sides_[1];
    const auto upload = [&](Side& side, const PackedVectors& vectors, const Range& panels, size_t slots) {
      const size_t first = vectors.panel(panels.first).first;
      const size_t last = vectors.panel(panels.last - 1).last;
      grid_.Upload(side.limits.data() + first, limits.data() + slots + first, (last - first) * sizeof(float));
    };
    upload(sides_[0], pairs_->probes(), block.panels, 0);
    upload(other, pairs_->references(), block.columns, pairs_->reference_slots());
    unsigned none = 0;
    grid_.Upload(count_.Reserve(1), &none, sizeof(none));
    const size_t columns = block.columns.last - block.columns.first;
    grid_.Launch(block.panels.last - block.panels.first, columns * kTilesOfPanels,
                 ScorePairTiles{sides_[0].View(), other.View(), pairs_->probes().dimensions(), pairs_->within(),
                                options.metric, options.binning(), block.panels.first, block.columns.first, columns,
                                counts ? bins_.data() : nullptr, kept_.data(), count_.data(), kMostKept});
    unsigned count = 0;
    grid_.Download(&count, count_.data(), sizeof(count));
    if (count > kMostKept) return std::nullopt;
    std::vector<ScoredPair> kept(count);
    grid_.Download(kept.data(), kept_.data(), count * sizeof(ScoredPair));
    return kept;
  }

  void ReadBins(std::span<unsigned> bins) override { grid_.Download(bins.data(), bins_.data(), bins.size_bytes()); }

 private:
  // One side of a comparison.
  struct Side {
    explicit Side(Grid& grid) : numbers(grid), panels(grid), identities(grid), squares(grid), limits(grid) {}

    void Load(const PackedVectors& vectors) {
      std::vector<Range> ranges;
      for (size_t panel = 0; panel < vectors.panels(); ++panel) ranges.push_back(vectors.panel(panel));
      panels.Upload(ranges);
      numbers.Upload(std::span(vectors.numbers(0), vectors.panels() * kPanel * vectors.dimensions()));
      identities.Upload(vectors.identities());
      squares.Upload(std::span(vectors.squares(0), vectors.size()));
      limits.Reserve(vectors.size());
    }
    PairSide View() const { return {numbers.data(), panels.data(), identities.data(), squares.data(), limits.data()}; }

    device::GridBuffer<Grid, float> numbers;
    device::GridBuffer<Grid, Range> panels;
    device::GridBuffer<Grid, int32_t> identities;
    device::GridBuffer<Grid, float> squares;
    device::GridBuffer<Grid, float> limits;
  };

  Grid& grid_;
  const AllPairs* pairs_ = nullptr;
  // Whose vectors the sides have.
  uint64_t loaded_ = 0;
  Side sides_[2] = {Side(grid_), Side(grid_)};
  device::GridBuffer<Grid, unsigned> count_{grid_};
  device::GridBuffer<Grid, unsigned> bins_{grid_};
  device::GridBuffer<Grid, ScoredPair> kept_{grid_};
};

}  // namespace maskbench

#endif  // MASKBENCH_ALL_PAIRS_SCORE_GRID_H_
