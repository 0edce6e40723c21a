// Holds the adapter's training to slower ways: products to sums in double precision, and gradients to finite
// differences. Prints what differs and ends with 1, or says how far the numbers are apart.

#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "adapt/loss.h"
#include "adapt/matrix.h"
#include "adapt/network.h"
#include "runtime/random.h"

namespace maskbench {
namespace {

double Uniform(NamedRandom& random) {
  constexpr uint64_t kSteps = uint64_t{1} << 30U;
  return 2 * static_cast<double>(random.Below(kSteps)) / kSteps - 1;
}

template <typename Real>
std::vector<Real> Draw(NamedRandom& random, size_t count) {
  std::vector<Real> numbers(count);
  for (Real& number : numbers) number = static_cast<Real>(Uniform(random));
  return numbers;
}

// The greater of two numbers. NaN is greater than all others.
double Worse(double a, double b) { return a >= b || std::isnan(a) ? a : b; }

// The greatest difference of products of random shapes from their sums.
template <typename Real>
double TestProduct(NamedRandom& random) {
  const ProductShape shape{1 + random.Below(120), 1 + random.Below(600), 1 + random.Below(150), random.Below(2) == 1};
  const auto& [rows, inner, columns, add] = shape;
  const std::vector<Real> a = Draw<Real>(random, rows * inner);
  const std::vector<Real> b = Draw<Real>(random, inner * columns);
  const std::vector<Real> before = Draw<Real>(random, rows * columns);
  const MatrixView<Real> left = random.Below(2) == 1 ? ByRows(a.data(), inner) : Transposed(a.data(), rows);
  const MatrixView<Real> right = random.Below(2) == 1 ? ByRows(b.data(), columns) : Transposed(b.data(), inner);
  std::vector<Real> product = before;
  Multiply(left, right, shape, product.data(), 1);
  double worst = 0;
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) {
      double sum = add ? static_cast<double>(before[i * columns + j]) : 0;
      for (size_t k = 0; k < inner; ++k)
        sum += static_cast<double>(left.numbers[i * left.row_stride + k * left.column_stride]) *
               static_cast<double>(right.numbers[k * right.row_stride + j * right.column_stride]);
      worst = Worse(worst, std::abs(sum - static_cast<double>(product[i * columns + j])));
    }
  return worst;
}

// The greatest relative difference of a gradient from finite differences, over some of each layer's parameters.
double TestGradient(NamedRandom& random, LossKind kind, bool residual) {
  constexpr size_t kDimensions = 7;
  constexpr size_t kRows = 12;
  Network<double> network(kDimensions, residual, random.Below(1000), 1);
  // Away from the identity, where the inner layers have no gradient.
  for (auto& [weights, scale, offset] : network.parameters())
    for (std::vector<double>* numbers : {&scale, &offset})
      for (double& number : *numbers) number += 0.5 * Uniform(random);
  const std::vector<double> inputs = Draw<double>(random, kRows * kDimensions);
  const std::vector<double> positives = Draw<double>(random, kRows * kDimensions);
  const std::vector<double> negatives = Draw<double>(random, kRows * kDimensions);
  std::vector<int32_t> identities(kRows);
  for (int32_t& identity : identities) identity = static_cast<int32_t>(random.Below(6));
  Loss<double> loss({kind, 2, 0.5}, kDimensions, 1);
  std::vector<double> slopes(inputs.size());
  const auto measure = [&] {
    return loss(kRows, network.Forward(kRows, inputs).data(), {positives.data(), negatives.data(), identities},
                slopes.data());
  };
  measure();
  network.Backward(slopes);
  const Parameters<double> gradient = network.gradient();
  double worst = 0;
  for (size_t layer = 0; layer < kLayers; ++layer) {
    NormedLayer<double>& parameters = network.parameters()[layer];
    const auto compare = [&](std::vector<double>& numbers, const std::vector<double>& slope) {
      double greatest = 1e-3;
      for (const double number : slope) greatest = std::max(greatest, std::abs(number));
      for (int i = 0; i < 8; ++i) {
        const size_t at = random.Below(numbers.size());
        const double before = numbers[at];
        // Two steps: where they disagree there is a kink between.
        double differences[2];
        for (int half = 0; half < 2; ++half) {
          const double step = half == 0 ? 2e-6 : 1e-6;
          numbers[at] = before + step;
          const double above = measure();
          numbers[at] = before - step;
          const double below = measure();
          numbers[at] = before;
          differences[half] = (above - below) / (2 * step);
        }
        if (std::abs(differences[0] - differences[1]) > 1e-6 * greatest) continue;
        worst = Worse(worst, std::abs(differences[1] - slope[at]) / greatest);
      }
    };
    compare(parameters.weights, gradient[layer].weights);
    compare(parameters.scale, gradient[layer].scale);
    compare(parameters.offset, gradient[layer].offset);
  }
  return worst;
}

bool Report(const char* what, double worst, double allowed) {
  std::printf("%s: %.1e of %.1e\n", what, worst, allowed);
  return worst <= allowed;
}

bool Run() {
  bool right = true;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    NamedRandom random(1, "products", 0);
    double worst[2] = {0, 0};
    for (int i = 0; i < 40; ++i) {
      worst[0] = Worse(worst[0], TestProduct<float>(random));
      worst[1] = Worse(worst[1], TestProduct<double>(random));
    }
    std::printf("%s ", hwy::TargetName(target));
    right &= Report("products of floats", worst[0], 1e-4);
    std::printf("%s ", hwy::TargetName(target));
    right &= Report("products of doubles", worst[1], 1e-12);
  }
  hwy::SetSupportedTargetsForTest(0);
  NamedRandom random(2, "gradients", 0);
  for (const LossKind kind : {LossKind::kSelfRestrainedTriplet, LossKind::kInfoNce})
    for (const bool residual : {false, true}) {
      double worst = 0;
      for (int i = 0; i < 40; ++i) worst = Worse(worst, TestGradient(random, kind, residual));
      std::printf("gradients of %s, %s, ", kind == LossKind::kInfoNce ? "infonce" : "srt",
                  residual ? "residual" : "direct");
      right &= Report("worst", worst, 1e-5);
    }
  return right;
}

}  // namespace
}  // namespace maskbench

int main() { return maskbench::Run() ? 0 : 1; }
