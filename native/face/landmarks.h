#ifndef MASKBENCH_FACE_LANDMARKS_H_
#define MASKBENCH_FACE_LANDMARKS_H_

#include <memory>
#include <string>

#include "face/face.h"
#include "image/image.h"

namespace maskbench {

// dlib's 68-point shape predictor (Kazemi and Sullivan, "One Millisecond Face Alignment with an Ensemble of Regression
// Trees", CVPR 2014) on a compact copy of its .dat file. The copy is made on first use and kept in the user's cache
// folder, where it is mapped at every later start; a copy that is damaged or older than the file is made again.
class LandmarkPredictor {
 public:
  // Throws MODEL_MISSING or MODEL_CORRUPT.
  static std::shared_ptr<const LandmarkPredictor> Load(const std::string& path);
  virtual ~LandmarkPredictor() = default;

  virtual Landmarks Predict(const Image& image, const Box& box) const = 0;
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_LANDMARKS_H_
