#ifndef MASKBENCH_MASK_DRAWER_H_
#define MASKBENCH_MASK_DRAWER_H_

#include <cstdint>
#include <span>

#include "image/image.h"
#include "mask/drawing.h"

namespace maskbench {

struct DrawInput {
  Image* image;
  const Drawing* drawing;
  // The matte of the whole image, a byte a pixel; empty: none.
  std::span<uint8_t> matte;
};

// Draws many masks at once, as DrawFlat and DrawTemplate do. Not safe to use from two threads at once.
class MaskDrawer {
 public:
  MaskDrawer() = default;
  virtual ~MaskDrawer() = default;
  MaskDrawer(const MaskDrawer&) = delete;
  MaskDrawer& operator=(const MaskDrawer&) = delete;

  // No image twice, and no empty region.
  virtual void Draw(std::span<const DrawInput> masks) = 0;
};

}  // namespace maskbench

#endif  // MASKBENCH_MASK_DRAWER_H_
