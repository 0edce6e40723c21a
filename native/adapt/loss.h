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

// The vectors that a batch should come near to or keep away from: rows of `dimensions` numbers.
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
  double temperature = 0.1;
};

// The losses of batches and their gradients. Losses are over squared distances of outputs scaled to length 1.
template <typename Real>
class Loss {
 public:
  Loss(const LossOptions& options, size_t dimensions, int threads)
      : options_(options), dimensions_(dimensions), threads_(threads) {}

  // Returns the mean loss of a batch, and writes its gradient by each output.
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

  // Compares each anchor with the positives of the whole batch, and each positive with its anchors. Over rows alone an
  // anchor could come nearer to all positives at once, or leave them all, which one threshold does not allow. Other
  // photos of the same person are no negatives.
  void Contrast(size_t rows, const Targets<Real>& targets, Real* gradient) {
    logits_.resize(rows * rows);
    slopes_.assign(rows * rows, 0);
    squares_.resize(rows);
    ForRows(rows, [&](size_t i) {
      Real square = 0;
      for (size_t k = i * dimensions_; k < (i + 1) * dimensions_; ++k)
        square += targets.positives[k] * targets.positives[k];
      squares_[i] = square;
    });
    Multiply(ByRows(anchors_.data(), dimensions_), Transposed(targets.positives, dimensions_),
             {rows, dimensions_, rows, false}, logits_.data(), threads_);
    const Real sharpness = 1 / static_cast<Real>(options_.temperature);
    // Minus the squared distance, but for the anchors' own squares, which are 1.
    ForRows(rows, [&](size_t i) {
      for (size_t j = 0; j < rows; ++j) logits_[i * rows + j] = sharpness * (2 * logits_[i * rows + j] - squares_[j]);
    });
    const Real factor = sharpness / static_cast<Real>(rows);
    // The softmax of a row (step 1) or of a column (step `rows`), and its slopes.
    const auto add = [&](size_t i, size_t first, size_t step) {
      const auto counts = [&](size_t j) { return i == j || targets.identities[i] != targets.identities[j]; };
      const auto at = [&](size_t j) { return first + j * step; };
      Real highest = logits_[at(i)];
      for (size_t j = 0; j < rows; ++j)
        if (counts(j)) highest = std::max(highest, logits_[at(j)]);
      Real sum = 0;
      for (size_t j = 0; j < rows; ++j)
        if (counts(j)) sum += std::exp(logits_[at(j)] - highest);
      losses_[i] += (std::log(sum) + highest - logits_[at(i)]) / 2;
      for (size_t j = 0; j < rows; ++j)
        if (counts(j)) slopes_[at(j)] += factor * (std::exp(logits_[at(j)] - highest) / sum - (i == j ? 1 : 0));
    };
    ForRows(rows, [&](size_t i) { add(i, i * rows, 1); });
    ForRows(rows, [&](size_t i) { add(i, i, rows); });
    Multiply(ByRows(slopes_.data(), rows), ByRows(targets.positives, dimensions_), {rows, rows, dimensions_, false},
             gradient, threads_);
  }

  const LossOptions options_;
  const size_t dimensions_;
  const int threads_;
  std::vector<Real> anchors_, lengths_, losses_, to_positive_, to_negative_, between_, logits_, slopes_, squares_;
};

}  // namespace maskbench

#endif  // MASKBENCH_ADAPT_LOSS_H_
