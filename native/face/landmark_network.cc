#include "face/landmark_network.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "face/detectors/network_input.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

constexpr int kSide = 112;
constexpr float kScale = 1.0F / 255;
constexpr NetworkInput kInput{kSide, kSide, true, false, {122.782F, 117.001F, 104.298F}, {kScale, kScale, kScale}};
// The square around the box of dlib's detector that gave landmarks nearest to dlib's, in the box's width.
constexpr double kSquare = 1.2;
constexpr double kSquareDown = 0.1;

}  // namespace

LandmarkNetwork::LandmarkNetwork(const SessionOptions& session)
    : model_(session.model), session_(Session::Open(session)) {}

Landmarks LandmarkNetwork::Predict(const Image& image, const Box& box) const {
  static const ValueTables kTables = TablesOf(kInput);
  const double width = static_cast<double>(box.right) - box.left + 1;
  const double middle_x = (static_cast<double>(box.left) + box.right + 1) / 2;
  const double middle_y = (static_cast<double>(box.top) + box.bottom + 1) / 2 + kSquareDown * width;
  const double side = std::max(1.0, kSquare * width);
  const InputPlace place{middle_x - side / 2, middle_y - side / 2, side / kSide};
  std::vector<float> tensor(size_t{3} * kSide * kSide);
  FillScaledInput(kInput, kTables, image, place, tensor.data());
  constexpr std::array<int64_t, 4> kShapeOfInput = {1, 3, kSide, kSide};
  const std::vector<Tensor> outputs = session_->Run(tensor, -1, kShapeOfInput, session_->outputs());
  Landmarks landmarks;
  if (outputs.size() != 1 || outputs[0].numbers.size() != 2 * landmarks.size())
    throw Error(ErrorCode::kInferenceFailed, model_, "the network does not give 68 points");
  for (size_t i = 0; i < landmarks.size(); ++i)
    landmarks[i] = {NearestPixel(place.left + side * static_cast<double>(outputs[0].numbers[2 * i])),
                    NearestPixel(place.top + side * static_cast<double>(outputs[0].numbers[2 * i + 1]))};
  return landmarks;
}

}  // namespace maskbench
