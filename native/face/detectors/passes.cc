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
int RoundUp(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

// How many tiles cover `length` and overlap by at least `overlap`.
int CountTiles(int length, int tile, int overlap) {
  return length <= tile ? 1 : (length - overlap + tile - overlap - 1) / (tile - overlap);
}

// The longest side of a tile, for a network of free size.
int LargestSide(int usual, int multiple) {
  // In a larger tile less overlaps; it needs more memory, and stays less in a core's cache.
  constexpr int kLargest = 640;
  return std::max(2 * usual, kLargest / multiple * multiple);
}

// The side of a network of free size that covers `length` in equal tiles.
int FreeSide(int length, int usual, int multiple, int overlap) {
  const int largest = LargestSide(usual, multiple);
  const int count = CountTiles(length, largest, overlap);
  return std::min(largest, RoundUp((length + (count - 1) * overlap + count - 1) / count, multiple));
}

// A scale that leaves less of the network's input empty: `side` becomes a multiple, unless that costs a tenth of it.
double Snapped(double scale, int side, int multiple) {
  constexpr double kNearly = 0.9;
  const double exact = scale * side;
  const double whole = std::floor(exact / multiple) * multiple;
  return whole >= kNearly * exact ? whole / side : scale;
}

// Where tiles begin that cover `length` and overlap by at least `overlap`.
std::vector<int> Starts(int length, int tile, int overlap) {
  const int count = CountTiles(length, tile, overlap);
  if (count == 1) return {0};
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
    for (int i = 1; i <= steps; ++i) {
      const double scale = coarsest * std::pow(last / coarsest, static_cast<double>(i) / steps);
      const int longer = std::max(width, height);
      scales.push_back(network.multiple > 0 ? Snapped(scale, longer, network.multiple) : scale);
    }
  }
  // A face that the pass before does not show is whole in one of two neighbours.
  const int reach = static_cast<int>(std::ceil(kRange * network.smallest));
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
    if (network.multiple > 0 && first) {
      // It holds no more than the photo and its border.
      const int border_twice = 2 * scaled(border, scale);
      pass.tile_width = std::min(network.width, RoundUp(pass.width + border_twice, network.multiple));
      pass.tile_height = std::min(network.height, RoundUp(pass.height + border_twice, network.multiple));
    } else if (network.multiple > 0) {
      pass.tile_width = FreeSide(pass.width, network.width, network.multiple, reach);
      pass.tile_height = FreeSide(pass.height, network.height, network.multiple, reach);
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
    const int overlap = std::min(std::min(pass.tile_width, pass.tile_height) / 2, reach);
    for (const int top : Starts(pass.plane_height, pass.tile_height, overlap))
      for (const int left : Starts(pass.plane_width, pass.tile_width, overlap)) pass.tiles.push_back({left, top});
    passes.push_back(std::move(pass));
  }
  return passes;
}

int64_t LargestTile(const DetectorDescription& network) {
  const auto largest = [&](int usual) { return network.multiple > 0 ? LargestSide(usual, network.multiple) : usual; };
  return int64_t{largest(network.width)} * largest(network.height);
}

}  // namespace maskbench
