#ifndef MASKBENCH_FACE_DLIB_DETECTOR_H_
#define MASKBENCH_FACE_DLIB_DETECTOR_H_

#include <vector>

#include "face/detector.h"

namespace maskbench {

// DetectFaces by dlib's own program.
std::vector<Detection> DetectWithDlib(const Image& image, int upsample);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_DLIB_DETECTOR_H_
