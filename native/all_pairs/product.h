#ifndef MASKBENCH_ALL_PAIRS_PRODUCT_H_
#define MASKBENCH_ALL_PAIRS_PRODUCT_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "all_pairs/pair_score.h"

namespace maskbench {

// Rows of a panel: so many numbers of one dimension lie side by side.
inline constexpr size_t kPanel = 24;
// Rows that are scored at once.
inline constexpr size_t kTileRows = 4;

// Adds the products of all rows of panel `a` with all of panel `b` to `products`, [kPanel][kPanel]. Each is one chain
// of fused multiply-adds over the dimensions in order, whatever else is computed; where the processor has none, of
// multiplications and additions.
void MultiplyPanels(const float* a, const float* b, size_t dimensions, float* products);

// For kTileRows rows and kPanel columns: what ToScore and Binning give, and for each row a bit for each score that
// reaches its row's or its column's limit.
struct TileScores {
  alignas(32) std::array<float, kTileRows * kPanel> scores;
  alignas(32) std::array<int32_t, kTileRows * kPanel> bins;
  std::array<uint32_t, kTileRows> reaching;
};
// Numbers of rows, or of columns.
struct TileSides {
  const float* row_squares;
  const float* column_squares;
  const float* row_limits;
  const float* column_limits;
};
void ScoreTile(Metric metric, const Binning& binning, const float* products, const TileSides& sides, TileScores& out);

}  // namespace maskbench

#endif  // MASKBENCH_ALL_PAIRS_PRODUCT_H_
