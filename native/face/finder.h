#ifndef MASKBENCH_FACE_FINDER_H_
#define MASKBENCH_FACE_FINDER_H_

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "device/handle.h"
#include "face/detector.h"
#include "face/detectors/description.h"
#include "face/face.h"
#include "face/landmarks.h"
#include "image/image.h"
#include "inference/session.h"
#include "runtime/cancellation.h"

namespace maskbench {

class NeuralDetector;

// A face that need not be searched.
struct KnownFace {
  Box box;
  double score;
  std::optional<Landmarks> landmarks;
};

using KnownFaces = std::optional<std::vector<KnownFace>>;

struct NetworkOptions {
  SessionOptions session;
  DetectorDescription description;
};

// How faces are searched.
struct FinderOptions {
  // For the HOG detector; a network takes `min_face` only.
  SearchOptions search;
  // Absent: the HOG detector.
  std::optional<NetworkOptions> network;
  LandmarkModel landmarks;
  // Faces with a lower score are left out; where one is expected, the second counts.
  double min_score = 0;
  double expected_score = 0;
  // The border that is put around a photo before the search, as a share of its longer side.
  double pad = 0;

  // Whether what is found is what dlib finds, by our own detector and its landmark model.
  bool is_exact() const { return !network && pad == 0 && search.is_exact() && landmarks.is_dlib(); }
};

// What is known of the faces of a photo.
struct FaceHints {
  // They wear masks: what dlib's predictor finds is corrected.
  bool masked = false;
  // There is one, and the caller knows where.
  bool expected = false;
};

// Finds faces and their landmarks, in exact searches on the device where one is given. Safe to use from many threads at
// once.
class FaceFinder {
 public:
  FaceFinder(FinderOptions options, std::shared_ptr<device::Handle> device)
      : options_(std::move(options)), device_(options_.is_exact() ? std::move(device) : nullptr) {}

  // Loads the landmark model and the network, or gives the error of the first try again. Find calls it as needed.
  void Load();
  // `known` faces in their order, or those that are detected, each with landmarks.
  std::vector<Face> Find(const Image& image, const KnownFaces& known, FaceHints hints,
                         const Cancellation& cancellation);
  // Estimated peak memory of Find.
  int64_t Bytes(int64_t pixels, const KnownFaces& known) const;

 private:
  const LandmarkPredictor& Predictor();
  // Null: the HOG detector.
  const NeuralDetector* Network();
  std::vector<Face> Search(const Image& image, double min_score, const Cancellation& cancellation);

  const FinderOptions options_;
  // Null: the CPU.
  const std::shared_ptr<device::Handle> device_;
  std::once_flag predictor_loaded_, network_loaded_;
  std::shared_ptr<const LandmarkPredictor> predictor_;
  std::shared_ptr<const NeuralDetector> network_;
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_FINDER_H_
