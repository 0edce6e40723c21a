#ifndef MASKBENCH_FACE_LANDMARKS_H_
#define MASKBENCH_FACE_LANDMARKS_H_

#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "face/face.h"
#include "image/image.h"
#include "runtime/host_device.h"

namespace maskbench {

struct LandmarkModel {
  std::string file;
  // ONNX Runtime's shared library, where the model is face-api's network (landmark_network.h); empty: it is dlib's.
  std::string runtime;

  bool is_dlib() const { return runtime.empty(); }
};

// Safe to use from many threads at once.
class LandmarkPredictor {
 public:
  // dlib's 68-point shape predictor (Kazemi and Sullivan, "One Millisecond Face Alignment with an Ensemble of
  // Regression Trees", CVPR 2014) on a compact copy of its .dat file. The copy is made on first use and kept in the
  // user's cache folder, where every later start reads it; a copy that is damaged or older than the file is made again.
  // Whoever loads it while somebody has it gets the same. Throws MODEL_MISSING or MODEL_CORRUPT.
  static std::shared_ptr<const LandmarkPredictor> Load(const std::string& path);
  virtual ~LandmarkPredictor() = default;

  // `box` is one that dlib's detector would give. Throws INFERENCE_FAILED.
  virtual Landmarks Predict(const Image& image, const Box& box) const = 0;
  // The compact copy (tree_model.h); a network has none.
  virtual std::span<const uint8_t> trees() const { return {}; }
};

// As dlib rounds; what a broken model puts out of all range, or nowhere, is far outside every image.
MASKBENCH_HOST_DEVICE inline int NearestPixel(double value) {
  constexpr double kFar = 1 << 30;
  return value > -kFar && value < kFar ? static_cast<int>(std::floor(value + 0.5))
         : value >= kFar               ? 1 << 30
                                       : -(1 << 30);
}

// From a box's own coordinates (0 to 1) to pixels: x' = m[0] x + m[1] y + b[0], y' = m[2] x + m[3] y + b[1].
struct BoxToPixels {
  double m[4], b[2];

  // The pixel that a place falls on.
  MASKBENCH_HOST_DEVICE void PixelAt(float x, float y, int& column, int& row) const {
    column = NearestPixel((m[0] * static_cast<double>(x) + m[1] * static_cast<double>(y)) + b[0]);
    row = NearestPixel((m[2] * static_cast<double>(x) + m[3] * static_cast<double>(y)) + b[1]);
  }
};
BoxToPixels PixelsOf(const Box& box);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_LANDMARKS_H_
