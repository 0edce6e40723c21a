#ifndef MASKBENCH_ALL_PAIRS_PACKED_VECTORS_H_
#define MASKBENCH_ALL_PAIRS_PACKED_VECTORS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "all_pairs/pair_score.h"
#include "all_pairs/product.h"

namespace maskbench {

// Rows of one panel, and panels of one strip: `first` to below `last`.
struct Range {
  size_t first, last;
};

// Vectors sorted by identity, in panels of kPanel rows. For cosine they have length 1. No identity lies in two strips.
class PackedVectors {
 public:
  // Identity, ascending, and source of each row.
  PackedVectors(std::vector<int32_t> identities, std::vector<int32_t> sources, size_t dimensions);
  PackedVectors(const PackedVectors&) = delete;
  PackedVectors& operator=(const PackedVectors&) = delete;

  // To be called once for each row. Returns false for a vector that is not finite, for a zero vector under cosine, and
  // under the other metrics for one whose distances single precision cannot hold.
  bool Set(size_t row, std::span<const float> vector, Metric metric);

  size_t size() const { return identities_.size(); }
  size_t dimensions() const { return dimensions_; }
  size_t strips() const { return strips_.size(); }
  const Range& strip(size_t index) const { return strips_[index]; }
  size_t panels() const { return panels_.size(); }
  const Range& panel(size_t index) const { return panels_[index]; }
  const float* numbers(size_t panel) const { return aligned_ + panel * kPanel * dimensions_; }
  size_t panel_of(size_t row) const { return panel_of_[row]; }
  int32_t identity(size_t row) const { return identities_[row]; }
  // The source photo, or video: a number for each.
  int32_t source(size_t row) const { return sources_[row]; }
  // Squared length.
  float square(size_t row) const { return squares_[row]; }
  const float* squares(size_t row) const { return squares_.data() + row; }
  std::span<const int32_t> identities() const { return identities_; }

 private:
  void OrderByDimensions(float* numbers);

  const size_t dimensions_;
  const std::vector<int32_t> identities_, sources_;
  std::vector<Range> panels_, strips_;
  std::vector<size_t> panel_of_;
  std::vector<float> data_;
  // The first number of `data_` that begins a cache line: no load then crosses two.
  float* aligned_ = nullptr;
  std::vector<float> squares_;
  // For each panel, rows that are yet to be set.
  std::vector<size_t> unset_;
  // A panel by rows, while it is ordered by dimensions.
  std::vector<float> rows_;
};

}  // namespace maskbench

#endif  // MASKBENCH_ALL_PAIRS_PACKED_VECTORS_H_
