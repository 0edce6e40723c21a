#ifndef MASKBENCH_FACE_CHOICE_H_
#define MASKBENCH_FACE_CHOICE_H_

#include <algorithm>
#include <cstdint>

#include "face/face.h"
#include "image/image.h"

namespace maskbench {

// Which of a photo's faces is the person's: the largest, as in the paper's program, or the one nearest the centre,
// where size counts too.
enum class FaceChoice { kLargest, kCentral };

// The face of the greatest weight is chosen, the first of equals. `kCentral`: the box's area less twice the squared
// distance of its centre from the image's, times four so that it is a whole number.
inline int64_t WeightOf(const Box& box, FaceChoice choice, const Image& image) {
  if (choice == FaceChoice::kLargest) return box.Area();
  const int64_t x = int64_t{box.left} + box.right - (image.width - 1);
  const int64_t y = int64_t{box.top} + box.bottom - (image.height - 1);
  return 4 * box.Area() - 2 * (x * x + y * y);
}

// Intersection over union of two boxes, 0 to 1.
inline double OverlapOf(const Box& a, const Box& b) {
  const Box both{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
                 std::min(a.bottom, b.bottom)};
  if (both.left > both.right || both.top > both.bottom) return 0;
  const auto shared = static_cast<double>(both.Area());
  return shared / (static_cast<double>(a.Area() + b.Area()) - shared);
}

}  // namespace maskbench

#endif  // MASKBENCH_FACE_CHOICE_H_
