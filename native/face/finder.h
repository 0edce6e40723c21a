#ifndef MASKBENCH_FACE_FINDER_H_
#define MASKBENCH_FACE_FINDER_H_

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "device/open.h"
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

// Finds faces and their landmarks. Safe to use from many threads at once.
class FaceFinder {
 public:
  FaceFinder(const SearchOptions& search, std::string landmark_model, const device::DeviceOptions& device = {})
      : search_(search), landmark_model_(std::move(landmark_model)), device_(device) {}

  // Loads the landmark model, or gives the error of the first try again. Find calls it as needed.
  const LandmarkPredictor& Predictor();
  // Opens the device, if there is to be one. Find calls it as needed. Throws UNAVAILABLE.
  void OpenDevice();
  // Why the CPU does what was left to a device; empty: it does not.
  std::string device_problem();
  // `known` faces in their order, or those that are detected, each with landmarks.
  std::vector<Face> Find(const Image& image, const KnownFaces& known, const Cancellation& cancellation);
  // Estimated peak memory of Find.
  int64_t Bytes(int64_t pixels, const KnownFaces& known) const;

 private:
  // Throws UNAVAILABLE, unless the CPU is to go on.
  void GiveUpDevice(const std::string& what);
  // Nothing where the CPU is to find them.
  std::optional<std::vector<Face>> FindOnDevice(const Image& image);

  const SearchOptions search_;
  const std::string landmark_model_;
  std::once_flag loaded_;
  std::shared_ptr<const LandmarkPredictor> predictor_;
  const device::DeviceOptions device_;
  std::mutex device_mutex_;
  std::unique_ptr<device::Finder> device_finder_;
  std::string device_problem_;
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_FINDER_H_
