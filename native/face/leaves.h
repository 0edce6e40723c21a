#ifndef MASKBENCH_FACE_LEAVES_H_
#define MASKBENCH_FACE_LEAVES_H_

#include <span>

namespace maskbench {

// Adds leaves (tree_model.h) to `shape`, one after another; each and `shape` have kLeafStride numbers.
void SumLeaves(std::span<const float* const> leaves, float* shape);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_LEAVES_H_
