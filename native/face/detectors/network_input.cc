#include "face/detectors/network_input.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "image/scale.h"

namespace maskbench {

ValueTables TablesOf(const NetworkInput& input) {
  ValueTables tables;
  for (size_t color = 0; color < 3; ++color) {
    const size_t channel = input.blue_first ? color : 2 - color;
    for (size_t value = 0; value < 256; ++value)
      tables[color][value] = (static_cast<float>(value) - input.mean[channel]) * input.scale[channel];
  }
  return tables;
}

void FillInput(const NetworkInput& input, const ValueTables& tables, const Image& image, int width, int height,
               int left, int top, float* out) {
  const int64_t plane = int64_t{width} * height;
  // The image's part of the input.
  const int begin = std::clamp(left, 0, width);
  const int end = std::clamp(left + image.width, begin, width);
  for (size_t color = 0; color < 3; ++color) {
    const auto channel = static_cast<int64_t>(input.blue_first ? color : 2 - color);
    const int64_t step = input.channels_first ? 1 : 3;
    const std::array<float, 256>& table = tables[color];
    for (int y = 0; y < height; ++y) {
      float* row =
          out + (input.channels_first ? channel * plane + int64_t{y} * width : 3 * int64_t{y} * width + channel);
      const int image_y = y - top;
      const bool inside = image_y >= 0 && image_y < image.height;
      const int row_begin = inside ? begin : width;
      const int row_end = inside ? end : width;
      for (int x = 0; x < row_begin; ++x) row[x * step] = table[0];
      if (row_begin < row_end) {
        const uint8_t* pixel = image.row(image_y) + int64_t{3} * (row_begin - left) + color;
        for (int x = row_begin; x < row_end; ++x, pixel += 3) row[x * step] = table[*pixel];
      }
      for (int x = row_end; x < width; ++x) row[x * step] = table[0];
    }
  }
}

void FillScaledInput(const NetworkInput& input, const ValueTables& tables, const Image& image, const InputPlace& place,
                     int width, int height, float* out) {
  // The image's part of the place.
  const auto clip = [](double at, int end) {
    return static_cast<int>(std::lround(std::clamp(at, 0.0, static_cast<double>(end))));
  };
  const int first = clip(place.left, image.width - 1);
  const int upper = clip(place.top, image.height - 1);
  Image part(std::max(1, clip(place.left + place.step * width, image.width) - first),
             std::max(1, clip(place.top + place.step * height, image.height) - upper));
  for (int y = 0; y < part.height; ++y)
    std::copy_n(image.row(upper + y) + size_t{3} * first, size_t{3} * part.width, part.row(y));
  const auto scaled = [&](int length, int most) {
    return std::clamp(static_cast<int>(std::lround(length / place.step)), 1, most);
  };
  Image shown(scaled(part.width, width), scaled(part.height, height));
  ScaleInto(ScalePlan(part.width, part.height, shown.width, shown.height, true), part, shown, 0, 0, shown.width,
            shown.height);
  // Beyond the input's own sides the place lies outside the image.
  const auto offset = [&](int corner, double of_place, int most) {
    return static_cast<int>(std::lround(std::clamp((corner - of_place) / place.step, -1.0 * most, 1.0 * most)));
  };
  FillInput(input, tables, shown, width, height, offset(first, place.left, width), offset(upper, place.top, height),
            out);
}

void MirrorInput(const NetworkInput& input, int width, int height, float* numbers) {
  if (input.channels_first) {
    for (int row = 0; row < 3 * height; ++row, numbers += width) std::reverse(numbers, numbers + width);
    return;
  }
  for (int row = 0; row < height; ++row, numbers += int64_t{3} * width)
    for (int x = 0; x < width / 2; ++x)
      std::swap_ranges(numbers + int64_t{3} * x, numbers + int64_t{3} * x + 3, numbers + int64_t{3} * (width - 1 - x));
}

}  // namespace maskbench
