#ifndef MASKBENCH_FACE_DETECTORS_DECODER_H_
#define MASKBENCH_FACE_DETECTORS_DECODER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "face/detectors/description.h"
#include "inference/session.h"

namespace maskbench {

struct FloatPoint {
  float x;
  float y;
};

// A box that a network gives, in pixels of its input.
struct FoundBox {
  float left, top, right, bottom;
  // 0 to 1, or not a number.
  float score;
  // Key points, in the network's order.
  std::vector<FloatPoint> points;
};

// What a network gave for a batch, and which of its images is asked for.
struct NetworkOutput {
  std::span<const Tensor> tensors;
  int images;
  int image;
  // The input's sides in pixels.
  int width;
  int height;
};

// Appends the candidates of one image with a score of at least `least`, and those whose score is not a number. Throws
// INVALID_ARGUMENT without a subject where it cannot read the outputs.
using Decoder = void(const DetectorDescription& description, const NetworkOutput& output, float least,
                     std::vector<FoundBox>& found);
Decoder DecodeBoxes;
Decoder DecodeSsdAnchors;
Decoder DecodeRetinaFace;
Decoder DecodeScrfd;
Decoder DecodeYuNet;
Decoder DecodeBlazeFace;

// Throws INVALID_ARGUMENT where there is none of that name.
Decoder* DecoderNamed(const std::string& name);

// A tensor's numbers for one image: rows of `columns`.
struct Rows {
  const float* numbers = nullptr;
  size_t count = 0;
  size_t columns = 0;

  const float* operator[](size_t row) const { return numbers + row * columns; }
};

// Those of every output, in the network's order. Tensors may lack the axis of images where there is one image.
std::vector<Rows> RowsOf(const NetworkOutput& output);

// Throws INVALID_ARGUMENT: what was expected, and the shapes that came.
[[noreturn]] void RefuseOutputs(const NetworkOutput& output, const std::string& expected);

float Sigmoid(float logit);
// The score in a row of one number, or of two: no face, and face.
float ScoreOf(ScoreKind kind, const float* row, size_t columns);

// Boxes, scores and maybe points in an output each. The last axis shows which is which: 4; 1 or 2; 6 and more.
struct BoxOutputs {
  Rows boxes, scores, points;
};
BoxOutputs SortOutputs(const NetworkOutput& output);

// Calls visit(number, x, y, size) for every anchor in the order of layers, rows, columns and sizes; x and y are its
// centre. Cells that the input only partly covers count where `partial`.
template <class Visit>
void ForEachAnchor(const std::vector<AnchorLayer>& layers, const NetworkOutput& output, bool partial,
                   const Visit& visit) {
  size_t number = 0;
  for (const auto& [stride, sizes] : layers) {
    const int more = partial ? stride - 1 : 0;
    for (int row = 0; row < (output.height + more) / stride; ++row)
      for (int column = 0; column < (output.width + more) / stride; ++column)
        for (const AnchorSize& size : sizes) {
          const auto side = static_cast<float>(stride);
          visit(number++, (static_cast<float>(column) + 0.5F) * side, (static_cast<float>(row) + 0.5F) * side, size);
        }
  }
}
size_t CountAnchors(const std::vector<AnchorLayer>& layers, const NetworkOutput& output, bool partial);

struct Anchor {
  float x, y;
  AnchorSize size;
};
// A box whose centre is given as a distance in the anchor's sides, its sides as logarithms of shares of the anchor's.
FoundBox BoxAt(const Anchor& anchor, const float* offsets, const std::array<float, 2>& variances, float score);
// Points whose distances from the anchor's centre are given likewise.
void AddPoints(const Anchor& anchor, const float* offsets, size_t points, float variance, FoundBox& candidate);

}  // namespace maskbench

#endif  // MASKBENCH_FACE_DETECTORS_DECODER_H_
