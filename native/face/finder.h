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
#include "face/face.h"
#include "face/landmarks.h"
#include "image/image.h"
#include "runtime/cancellation.h"

namespace maskbench {

// A face that need not be searched.
struct KnownFace {
  Box box;
  double score;
  std::optional<Landmarks> landmarks;
};

using KnownFaces = std::optional<std::vector<KnownFace>>;

// Finds faces and their landmarks, in exact searches on the device where one is given. Safe to use from many threads at
// once.
class FaceFinder {
 public:
  FaceFinder(const SearchOptions& search, std::string landmark_model, std::shared_ptr<device::Handle> device)
      : search_(search),
        landmark_model_(std::move(landmark_model)),
        device_(search.is_exact() ? std::move(device) : nullptr) {}

  // Loads the landmark model, or gives the error of the first try again. Find calls it as needed.
  const LandmarkPredictor& Predictor();
  // `known` faces in their order, or those that are detected, each with landmarks.
  std::vector<Face> Find(const Image& image, const KnownFaces& known, const Cancellation& cancellation);
  // Estimated peak memory of Find.
  int64_t Bytes(int64_t pixels, const KnownFaces& known) const;

 private:
  const SearchOptions search_;
  const std::string landmark_model_;
  // Null: the CPU.
  const std::shared_ptr<device::Handle> device_;
  std::once_flag loaded_;
  std::shared_ptr<const LandmarkPredictor> predictor_;
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_FINDER_H_
