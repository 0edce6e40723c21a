#ifndef MASKBENCH_FACE_DETECTORS_NEURAL_DETECTOR_H_
#define MASKBENCH_FACE_DETECTORS_NEURAL_DETECTOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "face/detectors/decoder.h"
#include "face/detectors/description.h"
#include "image/image.h"
#include "inference/session.h"
#include "runtime/cancellation.h"

namespace maskbench {

struct NeuralSearch {
  // Boxes with a lower score are left out, 0 to 1.
  float min_score;
  // The smallest face that is looked for, in pixels; 0: a 96th of the longer side, and at least 20, or 12 where a
  // network that confirms finds nothing.
  int min_face;
  // The border around the photo, as a share of its longer side.
  double pad;
};

// How a box is looked at again.
struct Look {
  // The window's size in pixels of the input.
  int width, height;
  bool mirrored;
};

// Faces found by a network, on the thread that calls. Safe to use from many threads at once.
class NeuralDetector {
 public:
  // Opens the network and tries it. Throws as Session::Open does, INVALID_ARGUMENT where the description does not fit,
  // and INFERENCE_FAILED.
  NeuralDetector(const SessionOptions& session, DetectorDescription description);

  const DetectorDescription& description() const { return description_; }

  // In the photo's pixels, best first. Throws INFERENCE_FAILED, also for scores and sides that are not finite.
  std::vector<FoundBox> Search(const Image& image, const NeuralSearch& search, const Cancellation& cancellation) const;

 private:
  std::vector<Tensor> Run(std::span<float> tensor, int images, int width, int height) const;
  void Try();
  std::vector<FoundBox> DecodeImage(const NetworkOutput& output, float least) const;
  // The first look, at the scales that `plan` gives.
  std::vector<FoundBox> FindBoxes(const DetectorDescription& plan, const Image& image, const NeuralSearch& search,
                                  float least, const Cancellation& cancellation) const;
  // What some of `boxes` are seen as, each alone in a window of `sides` of its longer sides; the score is 0 where it is
  // not seen.
  std::vector<FoundBox> LookAgain(const Look& look, double sides, const Image& image, std::span<const FoundBox> boxes,
                                  std::span<const size_t> some, const Cancellation& cancellation) const;
  // Looks again, and makes scores, sides and points the means of all looks. A box that two looks or more have decided
  // is not looked at any more, nor is one that cannot reach `min_score`.
  void Confirm(double sides, std::span<const Look> looks, const Image& image, float min_score,
               std::vector<FoundBox>& boxes, const Cancellation& cancellation) const;
  std::vector<FoundBox> SearchWith(const DetectorDescription& plan, std::span<const Look> looks, const Image& image,
                                   const NeuralSearch& search, const Cancellation& cancellation) const;

  const DetectorDescription description_;
  const std::string model_;
  Decoder* const decode_;
  std::shared_ptr<const Session> session_;
  // Tiles in one run.
  int max_batch_ = 1;
};

// Estimated peak memory of a search. `min_face` as in NeuralSearch.
int64_t NetworkSearchBytes(const DetectorDescription& network, int64_t pixels, int min_face);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_DETECTORS_NEURAL_DETECTOR_H_
