#ifndef MASKBENCH_FACE_SUPPRESSION_H_
#define MASKBENCH_FACE_SUPPRESSION_H_

#include <dlib/geometry.h>

#include <utility>
#include <vector>

#include "face/detector.h"

namespace maskbench {

// Windows that one filter found, and their scores: best first.
using ScoredWindows = std::vector<std::pair<double, dlib::rectangle>>;

// Faces of the image before it was enlarged: what is left of every filter's windows without those that overlap a better
// one.
std::vector<Detection> SuppressOverlaps(const std::vector<ScoredWindows>& windows, int upsample);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_SUPPRESSION_H_
