#ifndef MASKBENCH_FACE_DETECTOR_H_
#define MASKBENCH_FACE_DETECTOR_H_

#include <cstdint>
#include <vector>

#include "face/face.h"
#include "image/image.h"
#include "runtime/cancellation.h"

namespace maskbench {

struct Detection {
  Box box;
  double score;
};

// kDlib is dlib's own program, kHog ours with the same results.
enum class DetectorKind { kHog, kDlib };

struct SearchOptions {
  DetectorKind kind = DetectorKind::kHog;
  // How often the image is enlarged by two before the search.
  int upsample = 1;
  // For kHog, for speed: boxes with shorter sides, in the image's pixels, are not looked for; before the search an
  // image is made smaller until no side is longer. 0: all that there are, never.
  int min_face = 0;
  int max_size = 0;

  // Whether what is found is what dlib finds, by our own detector.
  bool is_exact() const { return kind == DetectorKind::kHog && min_face == 0 && max_size == 0; }
};

// dlib's frontal face detector, in its order (best first). The bytes B, G, R are given to it as if they were R, G, B,
// as the paper's program does: the order decides ties between gradients of two channels.
// kHog throws ABORTED soon after it is cancelled.
std::vector<Detection> DetectFaces(const Image& image, const SearchOptions& options,
                                   const Cancellation& cancellation = {});

// Estimated peak memory of DetectFaces.
int64_t DetectionBytes(int64_t pixels, const SearchOptions& options);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_DETECTOR_H_
