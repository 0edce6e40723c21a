#ifndef MASKBENCH_ADAPT_HEAD_H_
#define MASKBENCH_ADAPT_HEAD_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace maskbench {

// The slope of the leaky ReLU for negative numbers.
constexpr double kLeak = 0.2;

// x · weights + bias. Weights are [dimensions × dimensions], by rows of inputs.
struct DenseLayer {
  std::vector<float> weights, bias;
};

struct Stage {
  // The stage's input is added to its layers' output.
  bool residual = false;
  // The layers run one after the other, with leaky ReLU between them; with a gate, they run side by side.
  std::vector<DenseLayer> layers;
  // [dimensions × layers]: the softmax of its outputs weighs the layers' outputs. Empty where there is no gate.
  DenseLayer gate;
};

// A network that corrects the vectors of masked faces. Vectors are scaled to length 1 before and after each stage.
struct Head {
  std::vector<Stage> stages;
  // The length of corrected vectors.
  double length = 1;
};

// Rows of numbers, where they lie.
struct Vectors {
  std::span<const float> numbers;
  size_t dimensions = 0;

  std::span<const float> row(size_t i) const { return numbers.subspan(i * dimensions, dimensions); }
};

// Corrects the given rows, in their order: [rows × dimensions].
std::vector<float> Apply(const Head& head, const Vectors& vectors, std::span<const int32_t> rows, int threads);

}  // namespace maskbench

#endif  // MASKBENCH_ADAPT_HEAD_H_
