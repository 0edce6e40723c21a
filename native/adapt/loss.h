#ifndef MASKBENCH_ADAPT_LOSS_H_
#define MASKBENCH_ADAPT_LOSS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "adapt/matrix.h"
#include "adapt/parallel.h"

namespace maskbench {

enum class LossKind { kSelfRestrainedTriplet, kInfoNce };

// What a batch is held to: rows of `dimensions` numbers.
template <typename Real>
struct Targets {
  // Plain vectors of the same photos, and of others' photos.
  const Real* positives;
  const Real* negatives;
  // Who the rows show.
  std::span<const int32_t> identities;
};

struct LossOptions {
  LossKind kind = LossKind::kSelfRestrainedTriplet;
  double margin = 2;
  // At least 0.05, so that no exponential becomes 0.
  double temperature = 0.5;
};

// The losses of batches and their gradients: of squared distances, outputs made of length 1.
template <typename Real>
class Loss {
 public:
  Loss(const LossOptions& options, size_t dimensions, int threads)
      : options_(options), dimensions_(dimensions), threads_(threads) {}

  // Mean loss of a batch; writes its gradient by each output.
  double operator()(size_t rows, const Real* outputs, const Targets<Real>& targets, Real* gradient) {
    anchors_.assign(outputs, outputs + rows * dimensions_);
    lengths_.resize(rows);
    ForRows(rows, [&](size_t i) {
      Real* const anchor = anchors_.data() + i * dimensions_;
      Real square = 0;
      for (size_t k = 0; k < dimensions_; ++k) square += anchor[k] * anchor[k];
      lengths_[i] = std::max(std::sqrt(square), static_cast<Real>(1e-12));
      for (size_t k = 0; k < dimensions_; ++k) anchor[k] /= lengths_[i];
    });
    losses_.assign(rows, 0);
    if (options_.kind == LossKind::kInfoNce)
      Contrast(rows, targets, gradient);
    else
      Restrain(rows, targets, gradient);
    double sum = 0;
    for (const Real loss : losses_) sum += loss;
    ForRows(rows, [&](size_t i) {
      const Real* const anchor = anchors_.data() + i * dimensions_;
      Real* const slope = gradient + i * dimensions_;
      Real along = 0;
      for (size_t k = 0; k < dimensions_; ++k) along += anchor[k] * slope[k];
      for (size_t k = 0; k < dimensions_; ++k) slope[k] = (slope[k] - anchor[k] * along) / lengths_[i];
    });
    return sum / static_cast<double>(rows);
  }

 private:
  template <typename Work>
  void ForRows(size_t rows, const Work& work) const {
    constexpr size_t kPieceRows = 32;
    ForPieces(rows, kPieceRows, threads_, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i) work(i);
    });
  }

  Real SquaredDistance(const Real* a, const Real* b) const {
    Real sum = 0;
    for (size_t k = 0; k < dimensions_; ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
    return sum;
  }

  // Boutros et al., Self-restrained Triplet Loss for Accurate Masked Face Recognition: once anchors are, on average, as
  // far from the negatives as positives are, only the distance to the positives counts.
  void Restrain(size_t rows, const Targets<Real>& targets, Real* gradient) {
    to_positive_.resize(rows);
    to_negative_.resize(rows);
    between_.resize(rows);
    ForRows(rows, [&](size_t i) {
      const size_t at = i * dimensions_;
      to_positive_[i] = SquaredDistance(anchors_.data() + at, targets.positives + at);
      to_negative_[i] = SquaredDistance(anchors_.data() + at, targets.negatives + at);
      between_[i] = SquaredDistance(targets.positives + at, targets.negatives + at);
    });
    const auto mean = [&](const std::vector<Real>& distances) {
      Real sum = 0;
      for (const Real distance : distances) sum += distance;
      return sum / static_cast<Real>(rows);
    };
    const Real mean_between = mean(between_);
    const bool restrained = mean(to_negative_) >= mean_between;
    const Real margin = static_cast<Real>(options_.margin);
    ForRows(rows, [&](size_t i) {
      const size_t at = i * dimensions_;
      const Real loss = to_positive_[i] + margin - (restrained ? mean_between : to_negative_[i]);
      losses_[i] = std::max(loss, Real{0});
      const Real factor = loss > 0 ? Real{2} / static_cast<Real>(rows) : Real{0};
      for (size_t k = at; k < at + dimensions_; ++k)
        gradient[k] =
            factor * (restrained ? anchors_[k] - targets.positives[k] : targets.negatives[k] - targets.positives[k]);
    });
  }

  // Each anchor against the positives of the whole batch, and each positive against its anchors: by rows alone an
  // anchor could come nearer to all at once, or leave them, which no threshold forgives. Other photos of the same
  // person are no negatives.
  void Contrast(size_t rows, const Targets<Real>& targets, Real* gradient) {
    shares_.resize(rows * rows);
    squares_.resize(rows);
    own_.resize(rows);
    row_sums_.resize(rows);
    column_sums_.assign(rows, 0);
    ForRows(rows, [&](size_t i) {
      Real square = 1;
      for (size_t k = i * dimensions_; k < (i + 1) * dimensions_; ++k)
        square += targets.positives[k] * targets.positives[k];
      squares_[i] = square;
    });
    Multiply(ByRows(anchors_.data(), dimensions_), Transposed(targets.positives, dimensions_),
             {rows, dimensions_, rows, false}, shares_.data(), threads_);
    const Real sharpness = 1 / static_cast<Real>(options_.temperature);
    ForRows(rows, [&](size_t i) {
      Real* const share = shares_.data() + i * rows;
      row_sums_[i] = 0;
      for (size_t j = 0; j < rows; ++j) {
        // Minus the squared distance: at most 0.
        const Real logit = sharpness * (2 * share[j] - squares_[j]);
        if (i == j) own_[i] = logit;
        share[j] = i == j || targets.identities[i] != targets.identities[j] ? std::exp(logit) : Real{0};
        row_sums_[i] += share[j];
      }
    });
    constexpr size_t kPieceColumns = 64;
    ForPieces(rows, kPieceColumns, threads_, [&](size_t first, size_t last) {
      for (size_t i = 0; i < rows; ++i)
        for (size_t j = first; j < last; ++j) column_sums_[j] += shares_[i * rows + j];
    });
    const Real factor = sharpness / static_cast<Real>(rows);
    ForRows(rows, [&](size_t i) {
      losses_[i] = (std::log(row_sums_[i]) + std::log(column_sums_[i])) / 2 - own_[i];
      Real* const share = shares_.data() + i * rows;
      for (size_t j = 0; j < rows; ++j) share[j] *= factor * (1 / row_sums_[i] + 1 / column_sums_[j]);
      share[i] -= 2 * factor;
    });
    Multiply(ByRows(shares_.data(), rows), ByRows(targets.positives, dimensions_), {rows, rows, dimensions_, false},
             gradient, threads_);
  }

  const LossOptions options_;
  const size_t dimensions_;
  const int threads_;
  std::vector<Real> anchors_, lengths_, losses_, to_positive_, to_negative_, between_, shares_, squares_, own_,
      row_sums_, column_sums_;
};

}  // namespace maskbench

#endif  // MASKBENCH_ADAPT_LOSS_H_
