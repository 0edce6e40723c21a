#ifndef MASKBENCH_FACE_TREE_MODEL_H_
#define MASKBENCH_FACE_TREE_MODEL_H_

#include <cstddef>
#include <cstdint>

#include "face/face.h"

namespace maskbench {

// How the landmark model lies in its compact file, which kernels read as it is.

inline constexpr int kShape = 2 * kLandmarks;
// A leaf, padded to whole cache lines.
inline constexpr int kLeafStride = 144;
// Goes to the first child where values[first] - values[second] > threshold.
struct Split {
  uint16_t first;
  uint16_t second;
  float threshold;
};

// A pixel's place: this far from a landmark, on the initial shape.
struct PixelPlace {
  uint32_t anchor;
  float dx;
  float dy;
};

// The compact file: this header, the initial shape, then for each cascade its features, splits and leaves, every part
// beginning on a cache line.
struct TreeFileHeader {
  uint64_t magic;
  // The .dat file that the copy was made from.
  uint64_t source_size;
  int64_t source_time;
  uint64_t checksum;  // of all that follows the header
  uint32_t cascades;
  uint32_t features;
  uint32_t trees;
  uint32_t leaves;
};

constexpr size_t AlignedToLine(size_t bytes) { return (bytes + 63) / 64 * 64; }

struct TreeLayout {
  size_t initial_shape;
  size_t features;
  size_t splits;
  size_t leaves;
  size_t cascade_bytes;
  size_t total;

  explicit TreeLayout(const TreeFileHeader& header)
      : initial_shape(AlignedToLine(sizeof(TreeFileHeader))),
        features(initial_shape + AlignedToLine(kShape * sizeof(float))),
        splits(features + AlignedToLine(header.features * sizeof(PixelPlace))),
        leaves(splits + AlignedToLine(size_t{header.trees} * (header.leaves - 1) * sizeof(Split))),
        cascade_bytes(leaves - features + size_t{header.trees} * header.leaves * kLeafStride * sizeof(float)),
        total(features + header.cascades * cascade_bytes) {}
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_TREE_MODEL_H_
