// Boxes that the network has decoded itself: left, top, right, bottom.
#include "face/detectors/decoder.h"

namespace maskbench {

void DecodeBoxes(const DetectorDescription& description, const NetworkOutput& output, float least,
                 std::vector<FoundBox>& found) {
  const auto [boxes, scores, points] = SortOutputs(output);
  const float across = description.pixels ? 1 : static_cast<float>(output.width);
  const float down = description.pixels ? 1 : static_cast<float>(output.height);
  for (size_t i = 0; i < boxes.count; ++i) {
    const float score = ScoreOf(description.scores, scores[i], scores.columns);
    if (score < least) continue;
    const float* box = boxes[i];
    FoundBox candidate{box[0] * across, box[1] * down, box[2] * across, box[3] * down, score, {}};
    for (size_t p = 0; p + 1 < points.columns; p += 2)
      candidate.points.push_back({points[i][p] * across, points[i][p + 1] * down});
    found.push_back(std::move(candidate));
  }
}

}  // namespace maskbench
