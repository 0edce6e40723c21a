#ifndef MASKBENCH_EMBED_SIMILARITY_H_
#define MASKBENCH_EMBED_SIMILARITY_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace maskbench {

enum class SimilarityKind { kCosine, kEuclidean, kInverse, kSigmoid };

// A dense layer: `weights` [inputs x outputs], `bias` [outputs].
struct DenseLayer {
  std::vector<float> weights, bias;
};

// See `NativeSimilarity` in binding.d.ts.
struct Similarity {
  SimilarityKind kind = SimilarityKind::kCosine;
  bool squared = false;
  std::vector<DenseLayer> layers;

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
        return 1 / (1 + std::exp(-Network(a, b)));
    }
    return sum;
  }

 private:
  // Layers with ReLU between them over the vectors' differences.
  double Network(std::span<const float> a, std::span<const float> b) const {
    std::vector<double> values(a.size());
    for (size_t i = 0; i < a.size(); ++i) {
      const double difference = std::abs(double{a[i]} - b[i]);
      values[i] = squared ? difference * difference : difference;
    }
    for (size_t layer = 0; layer < layers.size(); ++layer) {
      const auto& [weights, bias] = layers[layer];
      std::vector<double> next(bias.begin(), bias.end());
      for (size_t i = 0; i < values.size(); ++i)
        for (size_t o = 0; o < next.size(); ++o) next[o] += values[i] * weights[i * next.size() + o];
      if (layer + 1 < layers.size())
        for (double& value : next) value = std::max(value, 0.0);
      values = std::move(next);
    }
    return values[0];
  }
};

}  // namespace maskbench

#endif  // MASKBENCH_EMBED_SIMILARITY_H_
