// SCRFD: for each stride scores, distances from a cell's corner to the box's sides, and with some key points; distances
// are times the stride. The outputs lie by kind and then by stride, with an axis of images or without.
#include <algorithm>

#include "face/detectors/decoder.h"

namespace maskbench {

void DecodeScrfd(const DetectorDescription& description, const NetworkOutput& output, float least,
                 std::vector<FoundBox>& found) {
  std::vector<Rows> scores;
  std::vector<Rows> boxes;
  std::vector<Rows> points;
  for (const Rows& rows : RowsOf(output))
    (rows.columns == 1 ? scores : rows.columns == 4 ? boxes : points).push_back(rows);
  const auto refuse = [&] {
    RefuseOutputs(output, "for each stride scores [N, 1], distances [N, 4] and perhaps points [N, 10]");
  };
  const size_t strides = scores.size();
  // Three strides from 8, or as large networks have them five.
  if (strides == 0 || strides > 5 || boxes.size() != strides || (!points.empty() && points.size() != strides)) refuse();
  for (size_t layer = 0; layer < strides; ++layer) {
    const int stride = 8 << layer;
    const int columns = (output.width + stride - 1) / stride;
    const size_t cells = static_cast<size_t>(columns) * static_cast<size_t>((output.height + stride - 1) / stride);
    const size_t count = scores[layer].count;
    if (count % cells != 0 || boxes[layer].count != count || (!points.empty() && points[layer].count != count))
      refuse();
    const size_t anchors = count / cells;
    const auto side = static_cast<float>(stride);
    for (size_t i = 0; i < count; ++i) {
      const float score = ScoreOf(description.scores, scores[layer][i], 1);
      if (score < least) continue;
      const int cell = static_cast<int>(i / anchors);
      const auto x = static_cast<float>(cell % columns * stride);
      const int row = cell / columns;
      const auto y = static_cast<float>(row * stride);
      const float* box = boxes[layer][i];
      FoundBox candidate{x - box[0] * side, y - box[1] * side, x + box[2] * side, y + box[3] * side, score, {}};
      if (!points.empty()) AddPoints({x, y, {side, side}}, points[layer][i], points[layer].columns / 2, 1, candidate);
      found.push_back(std::move(candidate));
    }
  }
}

}  // namespace maskbench
