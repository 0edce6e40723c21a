#ifndef MASKBENCH_IMAGE_IMAGE_H_
#define MASKBENCH_IMAGE_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace maskbench {

// Decoded pixels: B, G, R bytes, row-major, no padding between rows.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> pixels;

  Image() = default;
  Image(int w, int h) : width(w), height(h), pixels(size_t{3} * w * h) {}
  uint8_t* row(int y) { return pixels.data() + size_t{3} * width * y; }
  const uint8_t* row(int y) const { return pixels.data() + size_t{3} * width * y; }
};

}  // namespace maskbench

#endif  // MASKBENCH_IMAGE_IMAGE_H_
