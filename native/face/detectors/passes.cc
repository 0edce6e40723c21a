#include "face/detectors/passes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace maskbench {
namespace {

// Faces up to this many times the smallest are left to a pass; larger ones to a coarser pass.
constexpr double kRange = 4;
constexpr double kSlack = 1.5;
// Networks of free size are given up to this many times their usual sides at once.
constexpr int kLargest = 2;

int RoundUp(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

// Where tiles begin that cover `length` and overlap by at least `overlap`.
std::vector<int> Starts(int length, int tile, int overlap) {
  if (length <= tile) return {0};
  const int count = (length - overlap + tile - overlap - 1) / (tile - overlap);
  std::vector<int> starts;
  starts.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) starts.push_back(static_cast<int>(int64_t{length - tile} * i / (count - 1)));
  return starts;
}

}  // namespace

std::vector<Pass> PlanPasses(const DetectorDescription& network, int width, int height, int min_face, double pad) {
  const int border = static_cast<int>(std::lround(pad * std::max(width, height)));
  const auto scaled = [](int side, double scale) {
    return std::max(1, static_cast<int>(std::lround(static_cast<double>(side) * scale)));
  };
  const double coarsest = std::min(static_cast<double>(network.width) / (width + 2 * border),
                                   static_cast<double>(network.height) / (height + 2 * border));
  const double finest = static_cast<double>(network.smallest) / min_face;
  std::vector<double> scales = {coarsest};
  // A tenth is not worth a pass.
  if (finest > 1.1 * coarsest) {
    // A little less is worth it where it fits into one tile.
    constexpr double kNearly = 0.85;
    const double fitting =
        std::min(static_cast<double>(network.width) / width, static_cast<double>(network.height) / height);
    const double last = finest > fitting && kNearly * finest < fitting ? fitting : finest;
    const int steps = std::max(1, static_cast<int>(std::ceil(std::log(last / coarsest) / std::log(kRange))));
    for (int i = 1; i <= steps; ++i)
      scales.push_back(coarsest * std::pow(last / coarsest, static_cast<double>(i) / steps));
  }
  std::vector<Pass> passes;
  for (const double scale : scales) {
    const bool first = passes.empty();
    Pass pass{};
    pass.width = scaled(width, scale);
    pass.height = scaled(height, scale);
    if (first) {
      pass.width = std::min(pass.width, network.width);
      pass.height = std::min(pass.height, network.height);
    }
    pass.tile_width = network.width;
    pass.tile_height = network.height;
    if (network.multiple > 0) {
      // The first holds no more than the photo and its border.
      const int border_twice = first ? 2 * scaled(border, scale) : 0;
      const int times = first ? 1 : kLargest;
      pass.tile_width = std::min(times * network.width, RoundUp(pass.width + border_twice, network.multiple));
      pass.tile_height = std::min(times * network.height, RoundUp(pass.height + border_twice, network.multiple));
    }
    if (first) {
      pass.left = (pass.tile_width - pass.width) / 2;
      pass.top = (pass.tile_height - pass.height) / 2;
    }
    // What is larger than the smallest face of the pass before, with room for boxes of other shapes.
    pass.largest =
        first ? std::numeric_limits<double>::infinity() : kSlack * network.smallest * scale / scales[passes.size() - 1];
    pass.plane_width = std::max(pass.width, pass.tile_width);
    pass.plane_height = std::max(pass.height, pass.tile_height);
    // A face that the pass before does not show is whole in one of two neighbours.
    const int most = std::min(pass.tile_width, pass.tile_height) / 2;
    const int overlap = std::min(most, static_cast<int>(std::ceil(kRange * network.smallest)));
    for (const int top : Starts(pass.plane_height, pass.tile_height, overlap))
      for (const int left : Starts(pass.plane_width, pass.tile_width, overlap)) pass.tiles.push_back({left, top});
    passes.push_back(std::move(pass));
  }
  return passes;
}

}  // namespace maskbench
