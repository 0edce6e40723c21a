#include "adapt/head.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "adapt/corpus.h"
#include "adapt/matrix.h"
#include "adapt/parallel.h"

namespace maskbench {
namespace {

constexpr size_t kRowsAtOnce = 1024;
constexpr size_t kPieceRows = 64;

// [rows × dimensions] numbers of vectors, and where the next ones are made.
struct Rows {
  size_t count, dimensions;
  std::vector<float> numbers, next;
};

void MultiplyRows(const Rows& rows, const DenseLayer& layer, float* product, int threads) {
  Multiply(ByRows(rows.numbers.data(), rows.dimensions), ByRows(layer.weights.data(), layer.bias.size()),
           {rows.count, rows.dimensions, layer.bias.size(), false}, product, threads);
}

void ApplyChain(const std::vector<DenseLayer>& layers, Rows& rows, int threads) {
  for (size_t layer = 0; layer < layers.size(); ++layer) {
    MultiplyRows(rows, layers[layer], rows.next.data(), threads);
    const bool last = layer + 1 == layers.size();
    ForPieces(rows.count, kPieceRows, threads, [&](size_t from, size_t to) {
      for (size_t row = from; row < to; ++row)
        for (size_t k = 0; k < rows.dimensions; ++k) {
          const float sum = rows.next[row * rows.dimensions + k] + layers[layer].bias[k];
          rows.numbers[row * rows.dimensions + k] = last || sum > 0 ? sum : sum * static_cast<float>(kLeak);
        }
    });
  }
}

void ApplyMixture(const Stage& stage, Rows& rows, int threads) {
  const size_t layers = stage.layers.size();
  std::vector<float> shares(rows.count * layers);
  MultiplyRows(rows, stage.gate, shares.data(), threads);
  for (size_t row = 0; row < rows.count; ++row) {
    const std::span<float> share = std::span(shares).subspan(row * layers, layers);
    for (size_t k = 0; k < layers; ++k) share[k] += stage.gate.bias[k];
    const float highest = *std::ranges::max_element(share);
    float sum = 0;
    for (float& number : share) sum += number = std::exp(number - highest);
    for (float& number : share) number /= sum;
  }
  std::vector<float> mixed(rows.count * rows.dimensions);
  for (size_t layer = 0; layer < layers; ++layer) {
    MultiplyRows(rows, stage.layers[layer], rows.next.data(), threads);
    for (size_t row = 0; row < rows.count; ++row)
      for (size_t k = 0; k < rows.dimensions; ++k)
        mixed[row * rows.dimensions + k] +=
            shares[row * layers + layer] * (rows.next[row * rows.dimensions + k] + stage.layers[layer].bias[k]);
  }
  rows.numbers = std::move(mixed);
}

}  // namespace

std::vector<float> Apply(const Head& head, const Vectors& vectors, std::span<const int32_t> rows, int threads) {
  const size_t dimensions = vectors.dimensions;
  std::vector<float> corrected(rows.size() * dimensions);
  for (size_t first = 0; first < rows.size(); first += kRowsAtOnce) {
    const size_t count = std::min(kRowsAtOnce, rows.size() - first);
    const std::span<float> out = std::span(corrected).subspan(first * dimensions, count * dimensions);
    for (size_t i = 0; i < count; ++i)
      CopyUnit(vectors.row(static_cast<size_t>(rows[first + i])), out.data() + i * dimensions);
    Rows some{count, dimensions, {}, std::vector<float>(out.size())};
    for (const Stage& stage : head.stages) {
      some.numbers.assign(out.begin(), out.end());
      if (stage.gate.bias.empty())
        ApplyChain(stage.layers, some, threads);
      else
        ApplyMixture(stage, some, threads);
      for (size_t i = 0; i < out.size(); ++i) some.numbers[i] += stage.residual ? out[i] : 0;
      for (size_t i = 0; i < count; ++i)
        CopyUnit(std::span<const float>(some.numbers).subspan(i * dimensions, dimensions), out.data() + i * dimensions);
    }
  }
  for (float& number : corrected) number *= static_cast<float>(head.length);
  return corrected;
}

}  // namespace maskbench
