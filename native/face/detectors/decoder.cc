#include "face/detectors/decoder.h"

#include <cmath>
#include <utility>

#include "runtime/error.h"

namespace maskbench {

Decoder* DecoderNamed(const std::string& name) {
  constexpr std::pair<const char*, Decoder*> kDecoders[] = {
      {"boxes", DecodeBoxes},           {"ssd-anchors", DecodeSsdAnchors},
      {"retinaface", DecodeRetinaFace}, {"scrfd", DecodeScrfd},
      {"yunet", DecodeYuNet},           {"blazeface", DecodeBlazeFace},
  };
  for (const auto& [known, decode] : kDecoders)
    if (known == name) return decode;
  throw Error(ErrorCode::kInvalidArgument, "decoder", "there is no decoder " + name);
}

std::vector<Rows> RowsOf(const NetworkOutput& output) {
  std::vector<Rows> all;
  for (const Tensor& tensor : output.tensors) {
    const auto columns = static_cast<size_t>(tensor.shape.empty() ? 0 : tensor.shape.back());
    const size_t share = tensor.numbers.size() / static_cast<size_t>(output.images);
    const bool shared = output.images == 1 || (tensor.shape.size() > 2 && tensor.shape.front() == output.images);
    if (columns == 0 || share == 0 || share % columns != 0 || !shared)
      RefuseOutputs(output, "rows of numbers for each image");
    all.push_back({tensor.numbers.data() + share * static_cast<size_t>(output.image), share / columns, columns});
  }
  return all;
}

void RefuseOutputs(const NetworkOutput& output, const std::string& expected) {
  std::string shapes;
  for (const Tensor& tensor : output.tensors) {
    std::string sizes;
    for (const int64_t size : tensor.shape) sizes += (sizes.empty() ? "" : " x ") + std::to_string(size);
    shapes += (shapes.empty() ? "" : ", ") + sizes;
  }
  throw Error(ErrorCode::kInvalidArgument, "",
              "the outputs do not fit the decoder: expected " + expected + ", found " + shapes);
}

float Sigmoid(float logit) { return 1 / (1 + std::exp(-logit)); }

float ScoreOf(ScoreKind kind, const float* row, size_t columns) {
  switch (kind) {
    case ScoreKind::kSigmoid:
      return Sigmoid(row[columns - 1]);
    case ScoreKind::kSoftmax:
      return columns == 2 ? Sigmoid(row[1] - row[0]) : row[0];
    default:
      return row[columns - 1];
  }
}

BoxOutputs SortOutputs(const NetworkOutput& output) {
  BoxOutputs sorted;
  for (const Rows& rows : RowsOf(output)) {
    Rows& place = rows.columns <= 2 ? sorted.scores : rows.columns == 4 ? sorted.boxes : sorted.points;
    place = rows;
  }
  const size_t count = sorted.boxes.count;
  const bool has_points = sorted.points.numbers != nullptr;
  if (count == 0 || sorted.scores.count != count ||
      (has_points && (sorted.points.count != count || sorted.points.columns % 2 != 0)) ||
      output.tensors.size() != (has_points ? 3 : 2))
    RefuseOutputs(output, "boxes [n, N, 4], scores [n, N, 1 or 2] and perhaps points [n, N, 10]");
  return sorted;
}

size_t CountAnchors(const std::vector<AnchorLayer>& layers, const NetworkOutput& output, bool partial) {
  size_t count = 0;
  for (const auto& [stride, sizes] : layers) {
    const int more = partial ? stride - 1 : 0;
    count += sizes.size() * static_cast<size_t>((output.height + more) / stride) *
             static_cast<size_t>((output.width + more) / stride);
  }
  return count;
}

FoundBox BoxAt(const Anchor& anchor, const float* offsets, const std::array<float, 2>& variances, float score) {
  const float x = anchor.x + offsets[0] * variances[0] * anchor.size.width;
  const float y = anchor.y + offsets[1] * variances[0] * anchor.size.height;
  const float half_width = anchor.size.width * std::exp(offsets[2] * variances[1]) / 2;
  const float half_height = anchor.size.height * std::exp(offsets[3] * variances[1]) / 2;
  return {x - half_width, y - half_height, x + half_width, y + half_height, score, {}};
}

void AddPoints(const Anchor& anchor, const float* offsets, size_t points, float variance, FoundBox& candidate) {
  for (size_t i = 0; i < points; ++i)
    candidate.points.push_back({anchor.x + offsets[2 * i] * variance * anchor.size.width,
                                anchor.y + offsets[2 * i + 1] * variance * anchor.size.height});
}

}  // namespace maskbench
