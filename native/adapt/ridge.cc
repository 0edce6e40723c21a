#include "adapt/ridge.h"

#include <algorithm>
#include <cmath>

#include "adapt/matrix.h"
#include "adapt/parallel.h"

namespace maskbench {
namespace {

constexpr size_t kRowsAtOnce = 4096;
constexpr size_t kPieceColumns = 64;

// Sums over all rows: of masked and of plain numbers, and of their products about the means.
struct Moments {
  std::vector<double> mean_masked, mean_plain, masked_masked, masked_plain;
};

Moments Measure(const AdaptCorpus& corpus, int threads, const Cancellation& cancellation) {
  const size_t dimensions = corpus.dimensions();
  const size_t square = dimensions * dimensions;
  Moments moments{std::vector<double>(dimensions), std::vector<double>(dimensions), std::vector<double>(square),
                  std::vector<double>(square)};
  std::vector<double> masked(std::min(kRowsAtOnce, corpus.rows.size()) * dimensions);
  std::vector<double> plain(masked.size());
  for (size_t first = 0; first < corpus.rows.size(); first += kRowsAtOnce) {
    cancellation.ThrowIfCancelled();
    const size_t count = std::min(kRowsAtOnce, corpus.rows.size() - first);
    for (size_t i = 0; i < count; ++i) {
      const int32_t row = corpus.rows[first + i];
      CopyUnit(corpus.masked.row(static_cast<size_t>(row)), masked.data() + i * dimensions);
      CopyUnit(corpus.plain.row(corpus.twin(row)), plain.data() + i * dimensions);
      for (size_t k = 0; k < dimensions; ++k) {
        moments.mean_masked[k] += masked[i * dimensions + k];
        moments.mean_plain[k] += plain[i * dimensions + k];
      }
    }
    for (const auto& [other, product] :
         {std::pair(&masked, &moments.masked_masked), std::pair(&plain, &moments.masked_plain)})
      Multiply(Transposed(masked.data(), dimensions), ByRows(other->data(), dimensions),
               {dimensions, count, dimensions, true}, product->data(), threads);
  }
  const auto rows = static_cast<double>(corpus.rows.size());
  for (std::vector<double>* mean : {&moments.mean_masked, &moments.mean_plain})
    for (double& sum : *mean) sum /= rows;
  for (size_t i = 0; i < dimensions; ++i)
    for (size_t k = 0; k < dimensions; ++k) {
      moments.masked_masked[i * dimensions + k] -= rows * moments.mean_masked[i] * moments.mean_masked[k];
      moments.masked_plain[i * dimensions + k] -= rows * moments.mean_masked[i] * moments.mean_plain[k];
    }
  return moments;
}

// The lower triangle of a positive definite matrix becomes L, with L · Lᵀ the matrix.
void Factor(std::vector<double>& matrix, size_t size) {
  for (size_t i = 0; i < size; ++i)
    for (size_t j = 0; j <= i; ++j) {
      double sum = matrix[i * size + j];
      for (size_t k = 0; k < j; ++k) sum -= matrix[i * size + k] * matrix[j * size + k];
      matrix[i * size + j] = i == j ? std::sqrt(sum) : sum / matrix[j * size + j];
    }
}

// `right` [size × size] becomes the X of L · Lᵀ · X = right.
void Solve(const std::vector<double>& factor, size_t size, int threads, std::vector<double>& right) {
  ForPieces(size, kPieceColumns, threads, [&](size_t first, size_t last) {
    const auto take = [&](size_t row, size_t other, double share) {
      for (size_t k = first; k < last; ++k) right[row * size + k] -= share * right[other * size + k];
    };
    const auto divide = [&](size_t row) {
      for (size_t k = first; k < last; ++k) right[row * size + k] /= factor[row * size + row];
    };
    for (size_t row = 0; row < size; ++row) {
      for (size_t other = 0; other < row; ++other) take(row, other, factor[row * size + other]);
      divide(row);
    }
    for (size_t row = size; row-- > 0;) {
      for (size_t other = row + 1; other < size; ++other) take(row, other, factor[other * size + row]);
      divide(row);
    }
  });
}

}  // namespace

std::vector<Head> SolveRidge(const AdaptCorpus& corpus, std::span<const double> penalties, int threads,
                             const Cancellation& cancellation) {
  const size_t dimensions = corpus.dimensions();
  const Moments moments = Measure(corpus, threads, cancellation);
  double variance = 0;
  for (size_t k = 0; k < dimensions; ++k) variance += moments.masked_masked[k * dimensions + k];
  // Vectors that are all equal leave the identity.
  if (variance <= 0) variance = 1;
  std::vector<Head> heads;
  for (const double penalty : penalties) {
    cancellation.ThrowIfCancelled();
    const double added = penalty * variance / static_cast<double>(dimensions);
    std::vector<double> left = moments.masked_masked;
    std::vector<double> weights = moments.masked_plain;
    for (size_t k = 0; k < dimensions; ++k) {
      left[k * dimensions + k] += added;
      weights[k * dimensions + k] += added;
    }
    Factor(left, dimensions);
    Solve(left, dimensions, threads, weights);
    DenseLayer layer{std::vector<float>(weights.begin(), weights.end()), std::vector<float>(dimensions)};
    for (size_t k = 0; k < dimensions; ++k) {
      double bias = moments.mean_plain[k];
      for (size_t i = 0; i < dimensions; ++i) bias -= moments.mean_masked[i] * weights[i * dimensions + k];
      layer.bias[k] = static_cast<float>(bias);
    }
    heads.push_back({{{false, {std::move(layer)}}}, LengthOf(corpus)});
  }
  return heads;
}

}  // namespace maskbench
