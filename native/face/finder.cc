#include "face/finder.h"

#include "face/search_request.h"

namespace maskbench {

const LandmarkPredictor& FaceFinder::Predictor() {
  std::call_once(loaded_, [this] { predictor_ = LandmarkPredictor::Load(landmark_model_); });
  return *predictor_;
}

std::vector<Face> FaceFinder::Find(const Image& image, const KnownFaces& known, const Cancellation& cancellation) {
  if (!known && device_ != nullptr && device_->Open()) {
    SearchRequest request{&image, search_.upsample, Predictor().trees(), {}};
    if (device_->Do(request)) return std::move(request.faces);
  }
  std::vector<KnownFace> found;
  if (known) {
    found = *known;
  } else {
    for (const Detection& detection : DetectFaces(image, search_, cancellation))
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
