#ifndef MASKBENCH_ALL_PAIRS_PAIR_SCORE_H_
#define MASKBENCH_ALL_PAIRS_PAIR_SCORE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "runtime/host_device.h"

namespace maskbench {

enum class Metric { kCosine, kL2, kInverseL2 };

// The score of two vectors, from their product and their squared lengths.
MASKBENCH_HOST_DEVICE inline float ToScore(Metric metric, float product, float a, float b) {
  if (metric == Metric::kCosine) return product;
  const float square = (a + b) - 2 * product;
  const float distance = std::sqrt(square > 0.0F ? square : 0.0F);
  return metric == Metric::kL2 ? 0 - distance : 1 / (1 + distance);
}

// Equal bins over [low, high]; what lies outside goes to the first and the last.
struct Binning {
  float low, factor;
  int last;

  MASKBENCH_HOST_DEVICE int operator()(float score) const {
    const int bin = static_cast<int>((score - low) * factor);
    return bin < 0 ? 0 : bin > last ? last : bin;
  }
};

// Rows of probes and references.
struct ScoredPair {
  float score;
  int32_t probe, reference;
};

}  // namespace maskbench

#endif  // MASKBENCH_ALL_PAIRS_PAIR_SCORE_H_
