#ifndef MASKBENCH_SCORE_SIMILARITY_H_
#define MASKBENCH_SCORE_SIMILARITY_H_

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace maskbench {

enum class SimilarityKind { kCosine, kEuclidean, kInverse, kSigmoid };

// See `NativeSimilarity` in binding.d.ts.
struct Similarity {
  SimilarityKind kind = SimilarityKind::kCosine;
  std::vector<float> weights;
  double bias = 0;
  bool squared = false;

  double operator()(std::span<const float> a, std::span<const float> b) const {
    double sum = 0;
    switch (kind) {
      case SimilarityKind::kCosine: {
        double aa = 0;
        double bb = 0;
        for (size_t i = 0; i < a.size(); ++i) {
          sum += double{a[i]} * b[i];
          aa += double{a[i]} * a[i];
          bb += double{b[i]} * b[i];
        }
        return sum / std::sqrt(aa * bb);
      }
      case SimilarityKind::kEuclidean:
        for (size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
        return -std::sqrt(sum);
      case SimilarityKind::kInverse:
        // The paper's program uses PyTorch's PairwiseDistance, which adds this to every difference.
        for (size_t i = 0; i < a.size(); ++i) {
          const double difference = double{a[i]} - b[i] + 1e-6;
          sum += difference * difference;
        }
        return 1 / (1 + std::sqrt(sum));
      case SimilarityKind::kSigmoid:
        for (size_t i = 0; i < a.size(); ++i) {
          const double difference = std::abs(double{a[i]} - b[i]);
          sum += weights[i] * (squared ? difference * difference : difference);
        }
        return 1 / (1 + std::exp(-(sum + bias)));
    }
    return sum;
  }
};

}  // namespace maskbench

#endif  // MASKBENCH_SCORE_SIMILARITY_H_
