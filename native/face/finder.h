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

// Finds faces and their landmarks, on a device where one is asked for. Safe to use from many threads at once.
class FaceFinder {
 public:
  FaceFinder(const SearchOptions& search, std::string landmark_model, const device::DeviceOptions& device = {})
      : search_(search), landmark_model_(std::move(landmark_model)), accelerator_(device, [this, device] {
          return device::OpenQueue(device, search_.upsample, Predictor().trees());
        }) {}

  // Loads the landmark model, or gives the error of the first try again. Find calls it as needed.
  const LandmarkPredictor& Predictor();
  device::Accelerator& accelerator() { return accelerator_; }
  // `known` faces in their order, or those that are detected, each with landmarks.
  std::vector<Face> Find(const Image& image, const KnownFaces& known, const Cancellation& cancellation);
  // Estimated peak memory of Find.
  int64_t Bytes(int64_t pixels, const KnownFaces& known) const;

 private:
  const SearchOptions search_;
  const std::string landmark_model_;
  std::once_flag loaded_;
  std::shared_ptr<const LandmarkPredictor> predictor_;
  device::Accelerator accelerator_;
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_FINDER_H_
