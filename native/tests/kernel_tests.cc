// Holds the kernels that run over rows to the same functions a pixel, or a pair, at a time, on every target of this
// processor. Prints what differs and ends with 1, or says how many rows were compared.

#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "all_pairs/pair_score.h"
#include "all_pairs/product.h"
#include "mask/blend.h"
#include "runtime/random.h"
#include "mask/shade.h"
#include "mask/warp.h"

namespace maskbench {
namespace {

float Uniform(NamedRandom& random, float low, float high) {
  constexpr int kSteps = 1 << 20;
  return low + (high - low) * static_cast<float>(random.Below(kSteps)) / kSteps;
}

bool TestWarp(NamedRandom& random) {
  const int width = 2 + static_cast<int>(random.Below(60));
  const int height = 2 + static_cast<int>(random.Below(60));
  std::vector<uint32_t> texels(size_t{1} * width * height);
  for (uint32_t& texel : texels) texel = static_cast<uint32_t>(random.Below(uint64_t{1} << 32U));
  const Texture texture{texels.data(), width, height};
  const WarpSpan span{static_cast<int>(random.Below(9)),
                      1 + static_cast<int>(random.Below(70)),
                      Uniform(random, -20, 80),
                      Uniform(random, -20, 80),
                      Uniform(random, -3, 3),
                      Uniform(random, -3, 3)};
  constexpr int kRow = 96;
  constexpr float kUntouched = -1;
  std::array<std::vector<float>, 4> rows;
  rows.fill(std::vector<float>(kRow, kUntouched));
  WarpRow(texture, span, {rows[0].data(), rows[1].data(), rows[2].data(), rows[3].data()});
  for (int x = 0; x < kRow; ++x) {
    float expected[4] = {kUntouched, kUntouched, kUntouched, kUntouched};
    if (x >= span.first && x < span.first + span.count) WarpPixel(texture, span, x - span.first, expected);
    for (int channel = 0; channel < 4; ++channel)
      if (rows[channel][x] != expected[channel]) return false;
  }
  return true;
}

bool TestShade(NamedRandom& random) {
  const int width = 2 + static_cast<int>(random.Below(20));
  const int height = 2 + static_cast<int>(random.Below(20));
  std::vector<float> gains(size_t{3} * width * height);
  for (float& gain : gains) gain = Uniform(random, 0, 2);
  const GainGrid grid{gains.data(),          width, height, Uniform(random, -30, 30), Uniform(random, -30, 30),
                      Uniform(random, 1, 20)};
  const int left = static_cast<int>(random.Below(200));
  const int count = 1 + static_cast<int>(random.Below(100));
  const int y = static_cast<int>(random.Below(200));
  std::array<std::vector<float>, 3> rows;
  rows.fill(std::vector<float>(static_cast<size_t>(count) + 16));
  ShadeRow(grid, left, count, y, {rows[0].data(), rows[1].data(), rows[2].data()});
  for (int i = 0; i < count; ++i) {
    float expected[3];
    ShadePixel(grid, left + i, y, expected);
    for (int channel = 0; channel < 3; ++channel)
      if (rows[channel][i] != expected[channel]) return false;
  }
  return true;
}

bool TestBlend(NamedRandom& random) {
  const int count = 1 + static_cast<int>(random.Below(100));
  std::array<std::vector<float>, 9> planes;
  const auto fill = [&](int plane, float low, float high) {
    planes[plane].resize(static_cast<size_t>(count) + 16);
    for (float& value : planes[plane]) value = Uniform(random, low, high);
  };
  for (int plane = 0; plane < 4; ++plane) fill(plane, 0, 255);
  for (int plane = 4; plane < 7; ++plane) fill(plane, 0, 2);
  fill(7, -20, 20);
  fill(8, 0, 1);
  const BlendRow row{{planes[0].data(), planes[1].data(), planes[2].data(), planes[3].data()},
                     {planes[4].data(), planes[5].data(), planes[6].data()},
                     planes[7].data(),
                     planes[8].data()};
  std::vector<uint8_t> pixels(size_t{3} * count);
  for (uint8_t& value : pixels) value = static_cast<uint8_t>(random.Below(256));
  std::vector<uint8_t> expected = pixels;
  for (int i = 0; i < count; ++i) BlendPixel(row, i, expected.data() + static_cast<ptrdiff_t>(3) * i);
  BlendPixels(row, count, pixels.data());
  return pixels == expected;
}

// Whether the target that is chosen has fused multiply-add.
bool HasFma() { return (hwy::SupportedTargets() & (HWY_SSSE3 | HWY_SSE4 | HWY_EMU128 | HWY_SCALAR)) == 0; }

bool TestProduct(NamedRandom& random) {
  const size_t dimensions = random.Below(30);
  const auto panel = [&] {
    std::vector<float> numbers(dimensions * kPanel);
    for (float& number : numbers) number = Uniform(random, -1, 1);
    return numbers;
  };
  const std::vector<float> a = panel();
  const std::vector<float> b = panel();
  std::array<float, kPanel * kPanel> products;
  for (float& product : products) product = Uniform(random, -1, 1);
  std::array<float, kPanel* kPanel> expected = products;
  const bool fma = HasFma();
  for (size_t i = 0; i < kPanel; ++i)
    for (size_t j = 0; j < kPanel; ++j)
      for (size_t k = 0; k < dimensions; ++k) {
        float& sum = expected[i * kPanel + j];
        const float x = a[k * kPanel + i];
        const float y = b[k * kPanel + j];
        sum = fma ? std::fma(x, y, sum) : x * y + sum;
      }
  MultiplyPanels(a.data(), b.data(), dimensions, products.data());
  return products == expected;
}

bool TestScore(NamedRandom& random) {
  const auto numbers = [&](size_t size, float low, float high) {
    std::vector<float> made(size);
    for (float& number : made) number = Uniform(random, low, high);
    return made;
  };
  const auto products = numbers(kTileRows * kPanel, -1, 1);
  const auto row_squares = numbers(kTileRows, 0, 2);
  const auto column_squares = numbers(kPanel, 0, 2);
  const auto row_limits = numbers(kTileRows, -1, 1);
  const auto column_limits = numbers(kPanel, -1, 1);
  const auto metric = static_cast<Metric>(random.Below(3));
  const Binning binning{-0.9F, 500, 1000};
  TileScores scored;
  ScoreTile(metric, binning, products.data(),
            {row_squares.data(), column_squares.data(), row_limits.data(), column_limits.data()}, scored);
  for (size_t i = 0; i < kTileRows; ++i) {
    uint32_t reaching = 0;
    for (size_t j = 0; j < kPanel; ++j) {
      const size_t at = i * kPanel + j;
      const float score = ToScore(metric, products[at], row_squares[i], column_squares[j]);
      if (scored.scores[at] != score || scored.bins[at] != binning(score)) return false;
      if (score >= row_limits[i] || score >= column_limits[j]) reaching |= 1U << j;
    }
    if (scored.reaching[i] != reaching) return false;
  }
  return true;
}

int Run() {
  constexpr int kRows = 20'000;
  const int64_t all = hwy::SupportedTargets() & HWY_TARGETS;
  int failures = 0;
  for (int64_t targets = all; targets != 0; targets &= targets - 1) {
    const int64_t target = targets & -targets;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    const struct {
      const char* name;
      bool (*test)(NamedRandom&);
    } kernels[] = {
        {"warp", TestWarp}, {"shade", TestShade}, {"blend", TestBlend}, {"product", TestProduct}, {"score", TestScore}};
    for (const auto& [name, test] : kernels) {
      NamedRandom random(7, name, 0);
      int wrong = 0;
      for (int i = 0; i < kRows; ++i) wrong += test(random) ? 0 : 1;
      std::printf("%s on %s: %d of %d rows differ\n", name, hwy::TargetName(target), wrong, kRows);
      failures += wrong;
    }
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace maskbench

int main() { return maskbench::Run(); }
