#ifndef MASKBENCH_FACE_DETECTORS_SUPPRESSION_H_
#define MASKBENCH_FACE_DETECTORS_SUPPRESSION_H_

#include <vector>

#include "face/detectors/decoder.h"

namespace maskbench {

// The common area of two boxes as a share of their union.
float OverlapOf(const FoundBox& a, const FoundBox& b);

// The boxes that are left, best first. Those without area are removed, and those that share more than `overlap` of the
// union with a better one, or lie in it but for a fifth.
std::vector<FoundBox> SuppressWorse(std::vector<FoundBox> candidates, float overlap);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_DETECTORS_SUPPRESSION_H_
