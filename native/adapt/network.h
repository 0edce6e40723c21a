#ifndef MASKBENCH_ADAPT_NETWORK_H_
#define MASKBENCH_ADAPT_NETWORK_H_

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "adapt/head.h"
#include "adapt/matrix.h"
#include "adapt/parallel.h"
#include "runtime/random.h"

namespace maskbench {

// A linear layer and its batch normalisation, which replaces the layer's bias.
template <typename Real>
struct NormedLayer {
  // [dimensions × dimensions], by rows of inputs; then one for each output.
  std::vector<Real> weights, scale, offset;
};

// The network has four layers, with leaky ReLU between them.
constexpr size_t kLayers = 4;
template <typename Real>
using Parameters = std::array<NormedLayer<Real>, kLayers>;

// The network that is trained: forward and backward over one batch. Sums run in one order on any number of threads.
template <typename Real>
class Network {
 public:
  // A residual network begins as the identity.
  Network(size_t dimensions, bool residual, uint64_t seed, int threads)
      : dimensions_(dimensions), residual_(residual), threads_(threads) {
    NamedRandom random(seed, "weights", 0);
    // As PyTorch draws them.
    const double bound = 1 / std::sqrt(static_cast<double>(dimensions));
    constexpr uint64_t kSteps = uint64_t{1} << 24U;
    for (size_t layer = 0; layer < kLayers; ++layer) {
      auto& [weights, scale, offset] = parameters_[layer];
      weights.resize(dimensions * dimensions);
      for (Real& weight : weights)
        weight = static_cast<Real>(bound * (2 * static_cast<double>(random.Below(kSteps)) / kSteps - 1));
      scale.assign(dimensions, residual && layer + 1 == kLayers ? Real{0} : Real{1});
      offset.assign(dimensions, 0);
      gradient_[layer] = {std::vector<Real>(weights.size()), std::vector<Real>(dimensions),
                          std::vector<Real>(dimensions)};
      means_[layer].assign(dimensions, 0);
      variances_[layer].assign(dimensions, 1);
    }
  }

  Parameters<Real>& parameters() { return parameters_; }
  const Parameters<Real>& gradient() const { return gradient_; }

  // Outputs for a batch, normalised by its own moments; the running ones move a tenth of the way to them.
  const std::vector<Real>& Forward(size_t rows, const std::vector<Real>& inputs) {
    rows_ = rows;
    inputs_[0] = inputs;
    for (size_t layer = 0; layer < kLayers; ++layer) {
      std::vector<Real>& normed = normed_[layer];
      std::vector<Real>& next = layer + 1 < kLayers ? inputs_[layer + 1] : outputs_;
      normed.resize(rows * dimensions_);
      next.resize(rows * dimensions_);
      Multiply(ByRows(inputs_[layer].data(), dimensions_), ByRows(parameters_[layer].weights.data(), dimensions_),
               {rows, dimensions_, dimensions_, false}, normed.data(), threads_);
      Normalize(layer, normed, next);
    }
    return outputs_;
  }

  // The gradient of the parameters, from that of the outputs.
  void Backward(std::vector<Real> slopes) {
    for (size_t layer = kLayers; layer-- > 0;) {
      DenormalizeSlopes(layer, slopes);
      Multiply(Transposed(inputs_[layer].data(), dimensions_), ByRows(slopes.data(), dimensions_),
               {dimensions_, rows_, dimensions_, false}, gradient_[layer].weights.data(), threads_);
      if (layer == 0) return;
      before_.resize(slopes.size());
      Multiply(ByRows(slopes.data(), dimensions_), Transposed(parameters_[layer].weights.data(), dimensions_),
               {rows_, dimensions_, dimensions_, false}, before_.data(), threads_);
      std::swap(slopes, before_);
      const std::vector<Real>& activated = inputs_[layer];
      for (size_t i = 0; i < slopes.size(); ++i)
        if (activated[i] <= 0) slopes[i] *= static_cast<Real>(kLeak);
    }
  }

  // As the layers are once trained: normalised by the running moments.
  Stage ToStage() const {
    Stage stage{residual_, {}, {}};
    for (size_t layer = 0; layer < kLayers; ++layer) {
      const auto& [weights, scale, offset] = parameters_[layer];
      DenseLayer dense;
      dense.weights.resize(weights.size());
      dense.bias.resize(dimensions_);
      for (size_t k = 0; k < dimensions_; ++k) {
        const double factor = scale[k] / std::sqrt(static_cast<double>(variances_[layer][k]) + kEpsilon);
        for (size_t i = k; i < weights.size(); i += dimensions_)
          dense.weights[i] = static_cast<float>(weights[i] * factor);
        dense.bias[k] = static_cast<float>(offset[k] - means_[layer][k] * factor);
      }
      stage.layers.push_back(std::move(dense));
    }
    return stage;
  }

 private:
  static constexpr double kEpsilon = 1e-5;
  static constexpr double kMomentum = 0.1;
  // Columns whose sums stay in the cache.
  static constexpr size_t kPieceColumns = 32;

  // Makes `values` normed, and `next` what the next layer reads.
  void Normalize(size_t layer, std::vector<Real>& values, std::vector<Real>& next) {
    deviations_[layer].resize(dimensions_);
    const NormedLayer<Real>& parameters = parameters_[layer];
    const bool last = layer + 1 == kLayers;
    ForPieces(dimensions_, kPieceColumns, threads_, [&](size_t first, size_t end) {
      const size_t count = end - first;
      std::array<Real, kPieceColumns> mean{};
      std::array<Real, kPieceColumns> variance{};
      ForRows([&](size_t at) {
        for (size_t k = 0; k < count; ++k) mean[k] += values[at + first + k];
      });
      for (Real& sum : mean) sum /= static_cast<Real>(rows_);
      ForRows([&](size_t at) {
        for (size_t k = 0; k < count; ++k) {
          const Real from_mean = values[at + first + k] - mean[k];
          variance[k] += from_mean * from_mean;
        }
      });
      for (Real& sum : variance) sum /= static_cast<Real>(rows_);
      std::array<Real, kPieceColumns> factor{};
      for (size_t k = 0; k < count; ++k) {
        const size_t column = first + k;
        deviations_[layer][column] = std::sqrt(variance[k] + static_cast<Real>(kEpsilon));
        factor[k] = 1 / deviations_[layer][column];
        const Real unbiased = variance[k] * static_cast<Real>(rows_) / static_cast<Real>(rows_ - 1);
        means_[layer][column] += static_cast<Real>(kMomentum) * (mean[k] - means_[layer][column]);
        variances_[layer][column] += static_cast<Real>(kMomentum) * (unbiased - variances_[layer][column]);
      }
      ForRows([&](size_t at) {
        for (size_t k = 0; k < count; ++k) {
          const size_t i = at + first + k;
          values[i] = (values[i] - mean[k]) * factor[k];
          const Real value = values[i] * parameters.scale[first + k] + parameters.offset[first + k];
          if (last)
            next[i] = residual_ ? inputs_[0][i] + value : value;
          else
            next[i] = value > 0 ? value : value * static_cast<Real>(kLeak);
        }
      });
    });
  }

  // From the slopes of a normalisation's outputs to those of its inputs.
  void DenormalizeSlopes(size_t layer, std::vector<Real>& slopes) {
    const std::vector<Real>& normed = normed_[layer];
    NormedLayer<Real>& gradient = gradient_[layer];
    ForPieces(dimensions_, kPieceColumns, threads_, [&](size_t first, size_t end) {
      const size_t count = end - first;
      std::array<Real, kPieceColumns> by_scale{};
      std::array<Real, kPieceColumns> by_offset{};
      ForRows([&](size_t at) {
        for (size_t k = 0; k < count; ++k) {
          const size_t i = at + first + k;
          by_offset[k] += slopes[i];
          by_scale[k] += slopes[i] * normed[i];
        }
      });
      std::array<Real, kPieceColumns> factor{};
      for (size_t k = 0; k < count; ++k) {
        gradient.scale[first + k] = by_scale[k];
        gradient.offset[first + k] = by_offset[k];
        factor[k] = parameters_[layer].scale[first + k] / deviations_[layer][first + k];
      }
      const Real share = 1 / static_cast<Real>(rows_);
      ForRows([&](size_t at) {
        for (size_t k = 0; k < count; ++k) {
          const size_t i = at + first + k;
          slopes[i] = factor[k] * (slopes[i] - share * (by_offset[k] + normed[i] * by_scale[k]));
        }
      });
    });
  }

  template <typename Work>
  void ForRows(const Work& work) const {
    for (size_t row = 0; row < rows_; ++row) work(row * dimensions_);
  }

  const size_t dimensions_;
  const bool residual_;
  const int threads_;
  Parameters<Real> parameters_, gradient_;
  // Running moments of each layer.
  std::array<std::vector<Real>, kLayers> means_, variances_;
  // What each layer read of the batch, and its normed products.
  size_t rows_ = 0;
  std::array<std::vector<Real>, kLayers> inputs_, normed_, deviations_;
  std::vector<Real> outputs_, before_;
};

}  // namespace maskbench

#endif  // MASKBENCH_ADAPT_NETWORK_H_
