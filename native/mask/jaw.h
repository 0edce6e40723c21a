#ifndef MASKBENCH_MASK_JAW_H_
#define MASKBENCH_MASK_JAW_H_

#include "face/face.h"
#include "image/image.h"

namespace maskbench {

// Landmarks of a turned face stand off its far cheek, by up to a third of the distance between the eyes. This draws
// that side of the jaw inwards to where the photo's colours change most, along a path that is found at once for all its
// points (dynamic programming, as in Amini, Weymouth and Jain, "Using Dynamic Programming for Solving Variational
// Problems in Vision", PAMI 1990). The other landmarks stay; so do all of a face that looks into the camera.
Landmarks RefineJaw(const Image& image, const Landmarks& landmarks);

}  // namespace maskbench

#endif  // MASKBENCH_MASK_JAW_H_
