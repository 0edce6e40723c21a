#ifndef MASKBENCH_FACE_LANDMARK_NETWORK_H_
#define MASKBENCH_FACE_LANDMARK_NETWORK_H_

#include <memory>
#include <string>

#include "face/landmarks.h"
#include "inference/session.h"

namespace maskbench {

// face-api's network of 68 landmarks: [n, 3, 112, 112] to [n, 136], shares of the input's sides. It is for machines
// without dlib's model.
class LandmarkNetwork : public LandmarkPredictor {
 public:
  // Throws MODEL_MISSING, MODEL_CORRUPT, UNAVAILABLE.
  explicit LandmarkNetwork(const SessionOptions& session);

  Landmarks Predict(const Image& image, const Box& box) const override;

 private:
  const std::string model_;
  const std::shared_ptr<const Session> session_;
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_LANDMARK_NETWORK_H_
