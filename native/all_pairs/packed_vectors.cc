#include "all_pairs/packed_vectors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace maskbench {
namespace {

// A strip ends with the identity that fills it. The last panel of a strip is seldom full: the longer, the fewer.
constexpr size_t kStripRows = 384;
// Numbers in a cache line.
constexpr size_t kLine = 16;

}  // namespace

PackedVectors::PackedVectors(std::vector<int32_t> identities, std::vector<int32_t> sources, size_t dimensions)
    : dimensions_(dimensions), identities_(std::move(identities)), sources_(std::move(sources)) {
  size_t begin = 0;
  for (size_t row = 0; row < size(); ++row) {
    panel_of_.push_back(panels_.size() + (row - begin) / kPanel);
    const bool ends = row + 1 == size() || (row + 1 - begin >= kStripRows && identities_[row + 1] != identities_[row]);
    if (!ends) continue;
    const size_t first_panel = panels_.size();
    for (; begin <= row; begin += kPanel) {
      panels_.push_back({begin, std::min(begin + kPanel, row + 1)});
      unset_.push_back(panels_.back().last - begin);
    }
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
  // Distances are made of the sum of two squares and twice a product.
  constexpr double kMostSquare = std::numeric_limits<float>::max() / 8;
  if (!std::isfinite(square) || (metric == Metric::kCosine ? square == 0 : square > kMostSquare)) return false;
  const double length = metric == Metric::kCosine ? std::sqrt(square) : 1;
  const size_t panel = panel_of_[row];
  float* const numbers = aligned_ + panel * kPanel * dimensions_;
  // Rows come in any order: a row is written in one piece, and its panel ordered by dimensions when it is whole.
  float* const to = numbers + (row - panels_[panel].first) * dimensions_;
  for (size_t k = 0; k < dimensions_; ++k) to[k] = static_cast<float>(vector[k] / length);
  squares_[row] = static_cast<float>(square);
  if (--unset_[panel] == 0) OrderByDimensions(numbers);
  return true;
}

void PackedVectors::OrderByDimensions(float* numbers) {
  rows_.assign(numbers, numbers + kPanel * dimensions_);
  for (size_t row = 0; row < kPanel; ++row)
    for (size_t k = 0; k < dimensions_; ++k) numbers[k * kPanel + row] = rows_[row * dimensions_ + k];
}

}  // namespace maskbench
