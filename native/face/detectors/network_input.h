#ifndef MASKBENCH_FACE_DETECTORS_NETWORK_INPUT_H_
#define MASKBENCH_FACE_DETECTORS_NETWORK_INPUT_H_

#include <array>

#include "image/image.h"

namespace maskbench {

// How a network that looks at a part of a photo takes its pixels.
struct NetworkInput {
  int width;
  int height;
  bool channels_first;
  bool blue_first;
  // In the input's colour order: (value - mean) * scale.
  std::array<float, 3> mean;
  std::array<float, 3> scale;
};

// The network's number for each value of a channel, B, G and R.
using ValueTables = std::array<std::array<float, 256>, 3>;
ValueTables TablesOf(const NetworkInput& input);

// Where an input lies in a photo: its upper left corner in the photo's pixels, and how many of these one of its own
// takes.
struct InputPlace {
  double left, top;
  double step;
};

// Fills an input of `width` x `height` pixels, whose corner is (-left, -top) of the image, with its numbers. What lies
// beyond the image is black.
void FillInput(const NetworkInput& input, const ValueTables& tables, const Image& image, int width, int height,
               int left, int top, float* out);

// Fills an input of `width` x `height` pixels with what lies at a place of a photo, scaled.
void FillScaledInput(const NetworkInput& input, const ValueTables& tables, const Image& image, const InputPlace& place,
                     int width, int height, float* out);

// Swaps left and right of an input.
void MirrorInput(const NetworkInput& input, int width, int height, float* numbers);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_DETECTORS_NETWORK_INPUT_H_
