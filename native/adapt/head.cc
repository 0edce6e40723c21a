#include "adapt/head.h"

#include <algorithm>

#include "adapt/corpus.h"
#include "adapt/matrix.h"
#include "adapt/parallel.h"

namespace maskbench {
namespace {

constexpr size_t kRowsAtOnce = 1024;
constexpr size_t kPieceRows = 64;

}  // namespace

std::vector<float> Apply(const Head& head, const Vectors& vectors, std::span<const int32_t> rows, int threads) {
  const size_t dimensions = vectors.dimensions;
  std::vector<float> corrected(rows.size() * dimensions);
  std::vector<float> x;
  std::vector<float> product;
  for (size_t first = 0; first < rows.size(); first += kRowsAtOnce) {
    const size_t count = std::min(kRowsAtOnce, rows.size() - first);
    float* const out = corrected.data() + first * dimensions;
    for (size_t i = 0; i < count; ++i)
      CopyUnit(vectors.row(static_cast<size_t>(rows[first + i])), out + i * dimensions);
    product.resize(count * dimensions);
    for (const auto& [residual, layers] : head.stages) {
      x.assign(out, out + count * dimensions);
      for (size_t layer = 0; layer < layers.size(); ++layer) {
        const auto& [weights, bias] = layers[layer];
        Multiply(ByRows(x.data(), dimensions), ByRows(weights.data(), dimensions),
                 {count, dimensions, dimensions, false}, product.data(), threads);
        const bool last = layer + 1 == layers.size();
        ForPieces(count, kPieceRows, threads, [&](size_t from, size_t to) {
          for (size_t row = from; row < to; ++row)
            for (size_t k = 0; k < dimensions; ++k) {
              const float sum = product[row * dimensions + k] + bias[k];
              x[row * dimensions + k] = last || sum > 0 ? sum : sum * static_cast<float>(kLeak);
            }
        });
      }
      for (size_t i = 0; i < x.size(); ++i) x[i] = residual ? out[i] + x[i] : x[i];
      for (size_t i = 0; i < count; ++i)
        CopyUnit(std::span<const float>(x).subspan(i * dimensions, dimensions), out + i * dimensions);
    }
  }
  for (float& number : corrected) number *= static_cast<float>(head.length);
  return corrected;
}

}  // namespace maskbench
