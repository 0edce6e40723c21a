#ifndef MASKBENCH_FACE_DLIB_DETECTOR_H_
#define MASKBENCH_FACE_DLIB_DETECTOR_H_

#include <vector>

#include "face/detector.h"

namespace maskbench {

// DetectFaces by dlib's own program. The same source compiled twice (CMakeLists.txt): with the vector instructions that
// every processor has, and for AVX2.
std::vector<Detection> DetectWithDlib(const Image& image, int upsample);
std::vector<Detection> DetectWithDlibOnAvx2(const Image& image, int upsample);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_DLIB_DETECTOR_H_
