#include "adapt/ridge.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "adapt/matrix.h"
#include "adapt/parallel.h"

namespace maskbench {
namespace {

constexpr size_t kRowsAtOnce = 4096;
constexpr size_t kPieceColumns = 64;

// Sums over rows: of masked (x) and plain (y) numbers, and of their products.
struct Sums {
  explicit Sums(size_t dimensions)
      : x(dimensions), y(dimensions), xx(dimensions * dimensions), xy(dimensions * dimensions) {}

  void Add(const Sums& other) {
    rows += other.rows;
    for (const auto& [to, from] :
         {std::pair(&x, &other.x), std::pair(&y, &other.y), std::pair(&xx, &other.xx), std::pair(&xy, &other.xy)})
      for (size_t i = 0; i < to->size(); ++i) (*to)[i] += (*from)[i];
  }

  double rows = 0;
  std::vector<double> x, y, xx, xy;
};

Sums Add(const AdaptCorpus& corpus, std::span<const int32_t> rows, int threads, const Cancellation& cancellation) {
  const size_t dimensions = corpus.dimensions();
  Sums sums(dimensions);
  std::vector<double> masked(std::min(kRowsAtOnce, rows.size()) * dimensions);
  std::vector<double> plain(masked.size());
  for (size_t first = 0; first < rows.size(); first += kRowsAtOnce) {
    cancellation.ThrowIfCancelled();
    const size_t count = std::min(kRowsAtOnce, rows.size() - first);
    for (size_t i = 0; i < count; ++i) {
      const int32_t row = rows[first + i];
      CopyUnit(corpus.masked.row(static_cast<size_t>(row)), masked.data() + i * dimensions);
      CopyUnit(corpus.plain.row(corpus.twin(row)), plain.data() + i * dimensions);
      for (size_t k = 0; k < dimensions; ++k) {
        sums.x[k] += masked[i * dimensions + k];
        sums.y[k] += plain[i * dimensions + k];
      }
    }
    for (const auto& [other, product] : {std::pair(&masked, &sums.xx), std::pair(&plain, &sums.xy)})
      Multiply(Transposed(masked.data(), dimensions), ByRows(other->data(), dimensions),
               {dimensions, count, dimensions, true}, product->data(), threads);
  }
  sums.rows = static_cast<double>(rows.size());
  return sums;
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

// `right` [size × columns] becomes the X of L · Lᵀ · X = right.
void Solve(const std::vector<double>& factor, size_t size, size_t columns, int threads, std::vector<double>& right) {
  ForPieces(columns, kPieceColumns, threads, [&](size_t first, size_t last) {
    const auto take = [&](size_t row, size_t other, double share) {
      for (size_t k = first; k < last; ++k) right[row * columns + k] -= share * right[other * columns + k];
    };
    const auto divide = [&](size_t row) {
      for (size_t k = first; k < last; ++k) right[row * columns + k] /= factor[row * size + row];
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

// An affine map, its weights [inputs × outputs].
struct Map {
  std::vector<double> weights, bias;
};

// The factor of the masked numbers' scatter about their mean with so many mean variances added to its diagonal, and
// what was added.
std::pair<std::vector<double>, double> FactorScatter(const Sums& sums, double penalty) {
  const size_t dimensions = sums.x.size();
  std::vector<double> scatter = sums.xx;
  double variance = 0;
  for (size_t i = 0; i < dimensions; ++i) {
    for (size_t k = 0; k < dimensions; ++k) scatter[i * dimensions + k] -= sums.x[i] * sums.x[k] / sums.rows;
    variance += scatter[i * dimensions + i];
  }
  // Vectors that are all equal leave what the map is held to.
  constexpr double kLeast = 1e-12;
  const double added = penalty * std::max(variance, kLeast * sums.rows) / static_cast<double>(dimensions);
  for (size_t k = 0; k < dimensions; ++k) scatter[k * dimensions + k] += added;
  Factor(scatter, dimensions);
  return {std::move(scatter), added};
}

// The map from masked numbers to plain ones, held to `prior`.
Map Fit(const Sums& sums, double penalty, const std::vector<double>& prior, int threads) {
  const size_t dimensions = sums.x.size();
  const auto& [factor, added] = FactorScatter(sums, penalty);
  Map map{sums.xy, sums.y};
  for (size_t i = 0; i < dimensions; ++i)
    for (size_t k = 0; k < dimensions; ++k)
      map.weights[i * dimensions + k] += added * prior[i * dimensions + k] - sums.x[i] * sums.y[k] / sums.rows;
  Solve(factor, dimensions, dimensions, threads, map.weights);
  for (size_t k = 0; k < dimensions; ++k) {
    for (size_t i = 0; i < dimensions; ++i) map.bias[k] -= sums.x[i] * map.weights[i * dimensions + k];
    map.bias[k] /= sums.rows;
  }
  return map;
}

// Tells the styles apart: least squares to 1 for the row's own style and 0 for the others, made sharp for a softmax.
DenseLayer FitGate(const Sums& all, std::span<const Sums> styles, int threads) {
  constexpr double kPenalty = 1e-3;
  constexpr double kSharpness = 20;
  const size_t dimensions = all.x.size();
  const size_t count = styles.size();
  const std::vector<double> factor = FactorScatter(all, kPenalty).first;
  std::vector<double> weights(dimensions * count);
  for (size_t i = 0; i < dimensions; ++i)
    for (size_t k = 0; k < count; ++k) weights[i * count + k] = styles[k].x[i] - styles[k].rows * all.x[i] / all.rows;
  Solve(factor, dimensions, count, threads, weights);
  DenseLayer gate{std::vector<float>(weights.size()), std::vector<float>(count)};
  for (size_t k = 0; k < count; ++k) {
    double bias = styles[k].rows / all.rows;
    for (size_t i = 0; i < dimensions; ++i) {
      bias -= all.x[i] / all.rows * weights[i * count + k];
      gate.weights[i * count + k] = static_cast<float>(kSharpness * weights[i * count + k]);
    }
    gate.bias[k] = static_cast<float>(kSharpness * bias);
  }
  return gate;
}

DenseLayer ToLayer(const Map& map) {
  return {{map.weights.begin(), map.weights.end()}, {map.bias.begin(), map.bias.end()}};
}

}  // namespace

std::vector<Head> SolveRidge(const AdaptCorpus& corpus, std::span<const double> penalties, int threads,
                             const Cancellation& cancellation) {
  const size_t dimensions = corpus.dimensions();
  std::map<int32_t, std::vector<int32_t>> rows;
  for (const int32_t row : corpus.rows) rows[corpus.styles[static_cast<size_t>(row)]].push_back(row);
  std::vector<Sums> styles;
  Sums all(dimensions);
  for (const auto& [style, of_style] : rows) {
    styles.push_back(Add(corpus, of_style, threads, cancellation));
    all.Add(styles.back());
  }
  std::vector<double> identity(dimensions * dimensions);
  for (size_t k = 0; k < dimensions; ++k) identity[k * dimensions + k] = 1;
  const double length = LengthOf(corpus);
  std::vector<Head> heads;
  for (const double penalty : penalties) {
    cancellation.ThrowIfCancelled();
    const Map whole = Fit(all, penalty, identity, threads);
    Stage stage;
    if (styles.size() == 1) {
      stage.layers.push_back(ToLayer(whole));
    } else {
      stage.gate = FitGate(all, styles, threads);
      for (const Sums& sums : styles) stage.layers.push_back(ToLayer(Fit(sums, penalty, whole.weights, threads)));
    }
    heads.push_back({{std::move(stage)}, length});
  }
  return heads;
}

}  // namespace maskbench
