#ifndef MASKBENCH_FACE_DETECTOR_H_
#define MASKBENCH_FACE_DETECTOR_H_

#include <cstdint>
#include <vector>

#include "face/face.h"
#include "image/image.h"

namespace maskbench {

struct Detection {
  Box box;
  double score;
};

// kDlib is dlib's own program, kFast ours with the same results.
enum class DetectorKind { kFast, kDlib };

// dlib's frontal face detector on the image enlarged `upsample` times by two, in the detector's order (best first). The
// bytes B, G, R are given to it as if they were R, G, B, as the paper's program does: the order decides ties between
// gradients of two channels.
std::vector<Detection> DetectFaces(const Image& image, int upsample, DetectorKind kind);

// Estimated peak memory of DetectFaces.
int64_t DetectionBytes(int64_t pixels, int upsample);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_DETECTOR_H_
