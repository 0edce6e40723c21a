#include "face/finder.h"

#include "runtime/error.h"

namespace maskbench {

const LandmarkPredictor& FaceFinder::Predictor() {
  std::call_once(loaded_, [this] { predictor_ = LandmarkPredictor::Load(landmark_model_); });
  return *predictor_;
}

void FaceFinder::GiveUpDevice(const std::string& what) {
  const std::string name = "cuda:" + std::to_string(device_.number);
  if (!device_.fallback) throw Error(ErrorCode::kUnavailable, name, what);
  const std::lock_guard lock(device_mutex_);
  device_problem_ = name + ": " + what;
}

std::string FaceFinder::device_problem() {
  const std::lock_guard lock(device_mutex_);
  return device_problem_;
}

void FaceFinder::OpenDevice() {
  if (device_.number < 0) return;
  const LandmarkPredictor& predictor = Predictor();
  try {
    const std::lock_guard lock(device_mutex_);
    if (device_finder_ == nullptr && device_problem_.empty())
      device_finder_ = device::OpenFinder(device_, search_.upsample, predictor);
  } catch (const device::DeviceError& error) {
    GiveUpDevice(error.what);
  }
}

std::optional<std::vector<Face>> FaceFinder::FindOnDevice(const Image& image) {
  OpenDevice();
  if (!device_problem().empty() || !device_finder_->Fits(image)) return std::nullopt;
  try {
    return device_finder_->Find(image);
  } catch (const device::DeviceError& error) {
    // One photo that needs too much is for the CPU; anything else is lost for good.
    if (!error.out_of_memory) GiveUpDevice(error.what);
    return std::nullopt;
  }
}

std::vector<Face> FaceFinder::Find(const Image& image, const KnownFaces& known, const Cancellation& cancellation) {
  if (!known && device_.number >= 0)
    if (auto faces = FindOnDevice(image)) return *std::move(faces);
  std::vector<KnownFace> found;
  if (known) {
    found = *known;
  } else {
    for (const Detection& detection : DetectFaces(image, search_))
      found.push_back({detection.box, detection.score, std::nullopt});
  }
  cancellation.ThrowIfCancelled();
  std::vector<Face> faces;
  faces.reserve(found.size());
  for (const KnownFace& face : found)
    faces.push_back({face.box, face.score, face.landmarks ? *face.landmarks : Predictor().Predict(image, face.box)});
  return faces;
}

int64_t FaceFinder::Bytes(int64_t pixels, const KnownFaces& known) const {
  return known ? 0 : DetectionBytes(pixels, search_);
}

}  // namespace maskbench
