// Boxes as offsets of anchors: x, y, width, height.
#include "face/detectors/decoder.h"

namespace maskbench {

void DecodeSsdAnchors(const DetectorDescription& description, const NetworkOutput& output, float least,
                      std::vector<FoundBox>& found) {
  const auto sorted = SortOutputs(output);
  const size_t expected = CountAnchors(description.layers, output, true);
  if (sorted.boxes.count != expected)
    RefuseOutputs(output, std::to_string(expected) + " boxes, one for each anchor of the description's layers");
  ForEachAnchor(description.layers, output, true, [&](size_t i, float x, float y, const AnchorSize& size) {
    const float score = ScoreOf(description.scores, sorted.scores[i], sorted.scores.columns);
    if (score < least) return;
    const Anchor anchor{x, y, size};
    FoundBox candidate = BoxAt(anchor, sorted.boxes[i], description.variances, score);
    if (sorted.points.numbers != nullptr)
      AddPoints(anchor, sorted.points[i], sorted.points.columns / 2, description.variances[0], candidate);
    found.push_back(std::move(candidate));
  });
}

}  // namespace maskbench
