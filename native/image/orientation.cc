#include "image/bytes.h"
#include "image/codecs.h"

namespace maskbench {

int ExifOrientation(std::span<const uint8_t> exif) {
  constexpr uint32_t kOrientationTag = 0x112;
  const uint32_t orientation = TiffDirectory(exif).Value(kOrientationTag);
  return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
}

void ApplyOrientation(int orientation, Image& image) {
  if (orientation == 1) return;
  const bool transposed = orientation >= 5;
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  // Each orientation is: take source (x, y), or (y, x) where transposed, counted from the flipped side.
  Image turned(transposed ? image.height : image.width, transposed ? image.width : image.height);
  for (int y = 0; y < turned.height; ++y) {
    uint8_t* to = turned.row(y);
    for (int x = 0; x < turned.width; ++x, to += 3) {
      int sx = transposed ? y : x;
      int sy = transposed ? x : y;
      if (flip_x) sx = image.width - 1 - sx;
      if (flip_y) sy = image.height - 1 - sy;
      const uint8_t* from = image.row(sy) + ptrdiff_t{3} * sx;
      for (int channel = 0; channel < 3; ++channel) to[channel] = from[channel];
    }
  }
  image = std::move(turned);
}

}  // namespace maskbench
