#ifndef MASKBENCH_FACE_MASKED_LANDMARKS_H_
#define MASKBENCH_FACE_MASKED_LANDMARKS_H_

#include "face/face.h"

namespace maskbench {

// Where the landmarks of a masked face are, given those that dlib's predictor found: it takes the mask for skin, and
// puts nose, mouth and jaw wrong by a tenth to a quarter of the distance between the eyes. A linear map, fitted to
// masked photos whose bare faces are known (scripts/fit-masked-landmarks.py).
Landmarks UnderMask(const Landmarks& found);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_MASKED_LANDMARKS_H_
