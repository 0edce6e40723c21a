#ifndef MASKBENCH_FACE_DETECTORS_DESCRIPTION_H_
#define MASKBENCH_FACE_DETECTORS_DESCRIPTION_H_

#include <array>
#include <string>
#include <vector>

#include "face/detectors/network_input.h"

namespace maskbench {

// How numbers become shares from 0 to 1.
enum class ScoreKind { kShare, kSigmoid, kSoftmax };

struct AnchorSize {
  float width;
  float height;
};

// Anchors at the middle of every cell of a grid, in pixels of the network's input.
struct AnchorLayer {
  int stride;
  std::vector<AnchorSize> sizes;
};

// Where dlib's detector would have its box: the centre moved by shares of the box's sides, and the sides resized.
struct BoxShift {
  double x = 0;
  double y = 0;
  double width = 1;
  double height = 1;
};

// What a network takes and gives (`DetectorDescription` in lib/models/detectors/description.ts).
struct DetectorDescription : NetworkInput {
  // A name that DecoderNamed knows.
  std::string decoder;
  // The input has exactly its pixels, or where this is above 0 also other multiples of it.
  int multiple;
  std::vector<AnchorLayer> layers;
  // Factors of a box's centre, and of its sides, in its offsets from an anchor.
  std::array<float, 2> variances;
  ScoreKind scores;
  // Whether the decoder `boxes` is given pixels of the input, or shares of its sides.
  bool pixels;
  // Two boxes that share more of their union are one face.
  float overlap;
  // The sides of the smallest face that is found dependably, in pixels of the input.
  int smallest;
  // Each box is looked at again, alone in a window of so many of its longer sides; its score is the mean of both looks.
  // 0: there is no second look.
  double confirm;
  BoxShift landmark_box;
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_DETECTORS_DESCRIPTION_H_
