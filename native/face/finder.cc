#include "face/finder.h"

#include <algorithm>
#include <cmath>

#include "face/detectors/neural_detector.h"
#include "face/landmark_network.h"
#include "face/masked_landmarks.h"
#include "face/search_request.h"

namespace maskbench {
namespace {

// The image with a border of its outermost pixels.
Image Padded(const Image& image, int border) {
  Image padded(image.width + 2 * border, image.height + 2 * border);
  for (int y = 0; y < padded.height; ++y) {
    const uint8_t* from = image.row(std::clamp(y - border, 0, image.height - 1));
    uint8_t* to = padded.row(y);
    for (int x = 0; x < padded.width; ++x)
      std::copy_n(from + size_t{3} * std::clamp(x - border, 0, image.width - 1), 3, to + size_t{3} * x);
  }
  return padded;
}

Box ShiftedBox(const FoundBox& box, const BoxShift& shift) {
  const double width = box.right - box.left;
  const double height = box.bottom - box.top;
  const double x = (box.left + box.right) / 2 + shift.x * width;
  const double y = (box.top + box.bottom) / 2 + shift.y * height;
  const double half_width = shift.width * width / 2;
  const double half_height = shift.height * height / 2;
  return {NearestPixel(x - half_width), NearestPixel(y - half_height), NearestPixel(x + half_width) - 1,
          NearestPixel(y + half_height) - 1};
}

}  // namespace

const LandmarkPredictor& FaceFinder::Predictor() {
  std::call_once(predictor_loaded_, [this] {
    const auto& [file, runtime] = options_.landmarks;
    if (options_.landmarks.is_dlib())
      predictor_ = LandmarkPredictor::Load(file);
    else
      predictor_ = std::make_shared<const LandmarkNetwork>(SessionOptions{runtime, file});
  });
  return *predictor_;
}

const NeuralDetector* FaceFinder::Network() {
  if (!options_.network) return nullptr;
  std::call_once(network_loaded_, [this] {
    network_ = std::make_shared<const NeuralDetector>(options_.network->session, options_.network->description);
  });
  return network_.get();
}

void FaceFinder::Load() {
  Predictor();
  Network();
}

std::vector<Face> FaceFinder::Search(const Image& image, double min_score, const Cancellation& cancellation) {
  std::vector<Face> faces;
  if (const NeuralDetector* network = Network()) {
    const NeuralSearch search{static_cast<float>(min_score), options_.search.min_face, options_.pad};
    for (const FoundBox& found : network->Search(image, search, cancellation)) {
      Face face{ShiftedBox(found, network->description().face_box), found.score, {}};
      face.box = {std::max(face.box.left, 0), std::max(face.box.top, 0), std::min(face.box.right, image.width - 1),
                  std::min(face.box.bottom, image.height - 1)};
      // Less than a pixel of the photo.
      if (face.box.right < face.box.left || face.box.bottom < face.box.top) continue;
      face.landmarks = Predictor().Predict(image, ShiftedBox(found, network->description().landmark_box));
      for (const FloatPoint& point : found.points)
        face.points.push_back({NearestPixel(point.x), NearestPixel(point.y)});
      faces.push_back(std::move(face));
    }
    return faces;
  }
  const int border = static_cast<int>(std::lround(options_.pad * std::max(image.width, image.height)));
  const Image padded = border > 0 ? Padded(image, border) : Image();
  for (auto [box, score] : DetectFaces(border > 0 ? padded : image, options_.search, cancellation)) {
    box = {box.left - border, box.top - border, box.right - border, box.bottom - border};
    cancellation.ThrowIfCancelled();
    faces.push_back({box, score, Predictor().Predict(image, box)});
  }
  return faces;
}

std::vector<Face> FaceFinder::Find(const Image& image, const KnownFaces& known, FaceHints hints,
                                   const Cancellation& cancellation) {
  const auto correct = [&](const Landmarks& predicted) {
    return hints.masked && options_.landmarks.is_dlib() ? UnderMask(predicted) : predicted;
  };
  std::vector<Face> faces;
  if (known) {
    faces.reserve(known->size());
    for (const KnownFace& face : *known)
      faces.push_back(
          {face.box, face.score, face.landmarks ? *face.landmarks : correct(Predictor().Predict(image, face.box))});
    return faces;
  }
  const auto search_on_device = [&] {
    if (device_ == nullptr || !device_->Open()) return false;
    SearchRequest request{&image, options_.search.upsample, Predictor().trees(), {}};
    if (!device_->Do(request)) return false;
    faces = std::move(request.faces);
    return true;
  };
  const double min_score = hints.expected ? options_.expected_score : options_.min_score;
  if (!search_on_device()) faces = Search(image, min_score, cancellation);
  std::erase_if(faces, [&](const Face& face) { return face.score < min_score; });
  for (Face& face : faces) face.landmarks = correct(face.landmarks);
  return faces;
}

int64_t FaceFinder::Bytes(int64_t pixels, const KnownFaces& known) const {
  if (known) return 0;
  const double side = 1 + 2 * options_.pad;
  const auto padded = static_cast<int64_t>(static_cast<double>(pixels) * side * side);
  if (!options_.network) return DetectionBytes(padded, options_.search) + (options_.pad > 0 ? 3 * padded : 0);
  return NetworkSearchBytes(options_.network->description, pixels, options_.search.min_face);
}

}  // namespace maskbench
