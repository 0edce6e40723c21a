// YuNet as OpenCV's model zoo has it. That of 2022 gives loc [N, 14], conf [N, 2] and iou [N, 1] of anchors; that of
// 2023 for strides 8, 16 and 32 cls, obj, bbox and kps of cells.
#include <algorithm>
#include <cmath>

#include "face/detectors/decoder.h"

namespace maskbench {
namespace {

float Geometric(float a, float b) { return std::sqrt(std::clamp(a, 0.0F, 1.0F) * std::clamp(b, 0.0F, 1.0F)); }

void Decode2022(const NetworkOutput& output, const std::vector<Rows>& outputs, float least,
                std::vector<FoundBox>& found) {
  static const std::vector<AnchorLayer> kLayers = {{8, {{10, 10}, {16, 16}, {24, 24}}},
                                                   {16, {{32, 32}, {48, 48}}},
                                                   {32, {{64, 64}, {96, 96}}},
                                                   {64, {{128, 128}, {192, 192}, {256, 256}}}};
  Rows places;
  Rows shares;
  Rows overlaps;
  for (const Rows& rows : outputs) (rows.columns == 14 ? places : rows.columns == 2 ? shares : overlaps) = rows;
  const size_t count = CountAnchors(kLayers, output, false);
  if (places.count != count || shares.count != count || overlaps.count != count || overlaps.columns != 1)
    RefuseOutputs(output, "loc [" + std::to_string(count) + ", 14], conf [.., 2] and iou [.., 1]");
  ForEachAnchor(kLayers, output, false, [&](size_t i, float x, float y, const AnchorSize& size) {
    const float score = Geometric(shares[i][1], overlaps[i][0]);
    if (score < least) return;
    constexpr std::array<float, 2> kVariances = {0.1F, 0.2F};
    const Anchor anchor{x, y, size};
    FoundBox candidate = BoxAt(anchor, places[i], kVariances, score);
    AddPoints(anchor, places[i] + 4, 5, kVariances[0], candidate);
    found.push_back(std::move(candidate));
  });
}

void Decode2023(const NetworkOutput& output, const std::vector<Rows>& outputs, float least,
                std::vector<FoundBox>& found) {
  constexpr size_t kStrides = 3;
  constexpr size_t kColumns[] = {1, 1, 4, 10};
  for (size_t layer = 0; layer < kStrides; ++layer) {
    const int stride = 8 << layer;
    const int columns = output.width / stride;
    const size_t cells = static_cast<size_t>(columns) * static_cast<size_t>(output.height / stride);
    const Rows* kinds[4];
    for (size_t kind = 0; kind < 4; ++kind) {
      kinds[kind] = &outputs[kind * kStrides + layer];
      if (kinds[kind]->count != cells || kinds[kind]->columns != kColumns[kind])
        RefuseOutputs(output, "cls, obj, bbox and kps, each for strides 8, 16 and 32");
    }
    const auto side = static_cast<float>(stride);
    for (size_t i = 0; i < cells; ++i) {
      const float score = Geometric((*kinds[0])[i][0], (*kinds[1])[i][0]);
      if (score < least) continue;
      const int cell = static_cast<int>(i);
      const int row = cell / columns;
      const Anchor anchor{static_cast<float>(cell % columns * stride), static_cast<float>(row * stride), {side, side}};
      FoundBox candidate = BoxAt(anchor, (*kinds[2])[i], {1, 1}, score);
      AddPoints(anchor, (*kinds[3])[i], 5, 1, candidate);
      found.push_back(std::move(candidate));
    }
  }
}

}  // namespace

void DecodeYuNet(const DetectorDescription& /*description*/, const NetworkOutput& output, float least,
                 std::vector<FoundBox>& found) {
  const std::vector<Rows> outputs = RowsOf(output);
  if (outputs.size() == 3) return Decode2022(output, outputs, least, found);
  if (outputs.size() == 12) return Decode2023(output, outputs, least, found);
  RefuseOutputs(output, "the 3 outputs of YuNet of 2022, or the 12 of 2023");
}

}  // namespace maskbench
