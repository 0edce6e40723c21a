// BlazeFace: regressors [n, N, 16] (x, y, width, height and six points, in pixels from an anchor's centre) and
// classifiers [n, N, 1] (logits), in one output each or in several that follow each other.
#include <algorithm>

#include "face/detectors/decoder.h"

namespace maskbench {
namespace {

// Networks for faces near the camera have two anchors a cell of 8 pixels and six a cell of 16, others one a cell of 4.
std::vector<AnchorLayer> LayersOf(size_t count, const NetworkOutput& output) {
  const auto pixels = [](size_t anchors) { return std::vector<AnchorSize>(anchors, {1, 1}); };
  const std::vector<AnchorLayer> near = {{8, pixels(2)}, {16, pixels(6)}};
  return CountAnchors(near, output, true) == count ? near : std::vector<AnchorLayer>{{4, pixels(1)}};
}

}  // namespace

void DecodeBlazeFace(const DetectorDescription& description, const NetworkOutput& output, float least,
                     std::vector<FoundBox>& found) {
  std::vector<const float*> boxes;
  std::vector<const float*> scores;
  size_t columns = 0;
  std::vector<Rows> outputs = RowsOf(output);
  // The finer grid's first.
  std::ranges::stable_sort(outputs, std::ranges::greater(), &Rows::count);
  for (const Rows& rows : outputs) {
    const bool is_score = rows.columns == 1;
    if (!is_score) columns = rows.columns;
    for (size_t i = 0; i < rows.count; ++i) (is_score ? scores : boxes).push_back(rows[i]);
  }
  const auto layers = description.layers.empty() ? LayersOf(boxes.size(), output) : description.layers;
  if (columns < 4 || columns % 2 != 0 || boxes.size() != scores.size() || layers.empty() ||
      CountAnchors(layers, output, true) != boxes.size())
    RefuseOutputs(output, "regressors [n, N, 16] and classifiers [n, N, 1] for BlazeFace's anchors");
  ForEachAnchor(layers, output, true, [&](size_t i, float x, float y, const AnchorSize&) {
    constexpr float kLimit = 100;
    const float score = Sigmoid(std::clamp(scores[i][0], -kLimit, kLimit));
    if (score < least) return;
    const float* box = boxes[i];
    const float centre_x = x + box[0];
    const float centre_y = y + box[1];
    FoundBox candidate{
        centre_x - box[2] / 2, centre_y - box[3] / 2, centre_x + box[2] / 2, centre_y + box[3] / 2, score, {}};
    AddPoints({x, y, {1, 1}}, box + 4, columns / 2 - 2, 1, candidate);
    found.push_back(std::move(candidate));
  });
}

}  // namespace maskbench
