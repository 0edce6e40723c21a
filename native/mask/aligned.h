#ifndef MASKBENCH_MASK_ALIGNED_H_
#define MASKBENCH_MASK_ALIGNED_H_

#include "face/finder.h"

namespace maskbench {

// How the face of a crop is placed that was aligned to ArcFace's template.
enum class Aligned {
  // It is searched, as in any photo.
  kNo,
  // Its box is the template's, and its landmarks are predicted in it.
  kRefined,
  // Its landmarks are the template's.
  kTemplate,
};

// The face of an aligned crop: 112 x 112, 96 x 112, or a multiple of either. Throws UNSUPPORTED_FORMAT for other
// shapes.
KnownFaces AlignedFace(int width, int height, Aligned aligned);

}  // namespace maskbench

#endif  // MASKBENCH_MASK_ALIGNED_H_
