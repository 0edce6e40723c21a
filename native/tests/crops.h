#ifndef MASKBENCH_TESTS_CROPS_H_
#define MASKBENCH_TESTS_CROPS_H_

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <span>
#include <vector>

#include "image/image.h"
#include "runtime/random.h"

namespace maskbench {

inline Image ReadRaw(const char* path, int width, int height) {
  Image image(width, height);
  std::ifstream in(path, std::ios::binary);
  if (!in.read(reinterpret_cast<char*>(image.pixels.data()), static_cast<std::streamsize>(image.pixels.size())))
    std::fprintf(stderr, "%s: too short\n", path);
  return image;
}

// A part of a photo, turned over, resized, dimmed and made noisy.
inline Image Crop(const Image& photo, NamedRandom& random) {
  const auto between = [&](int low, int high) {
    return low + static_cast<int>(random.Below(static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1));
  };
  const int width = between(60, 260);
  const int height = between(60, 260);
  // Nearest pixels of a part that is a quarter to four times as large.
  const double scale = std::min({0.25 * (1 << between(0, 4)), static_cast<double>(photo.width) / width,
                                 static_cast<double>(photo.height) / height});
  const int left = between(0, photo.width - static_cast<int>(width * scale));
  const int top = between(0, photo.height - static_cast<int>(height * scale));
  const bool flipped = between(0, 1) == 1;
  const int gain = between(40, 140);
  const int noise = between(0, 2) == 0 ? between(1, 30) : 0;
  Image crop(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int color = 0; color < 3; ++color) {
        const int from = left + static_cast<int>((flipped ? width - 1 - x : x) * scale);
        const int value = photo.row(top + static_cast<int>(y * scale))[3 * from + color] * gain / 100;
        crop.row(y)[3 * x + color] = static_cast<uint8_t>(std::clamp(value + between(-noise, noise), 0, 255));
      }
  return crop;
}

// From arguments: a file, its width and its height, over and over.
inline std::vector<Image> ReadPhotos(std::span<char* const> arguments) {
  std::vector<Image> photos;
  for (size_t i = 0; i + 2 < arguments.size(); i += 3)
    photos.push_back(ReadRaw(arguments[i], std::atoi(arguments[i + 1]), std::atoi(arguments[i + 2])));
  return photos;
}

}  // namespace maskbench

#endif  // MASKBENCH_TESTS_CROPS_H_
