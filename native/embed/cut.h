#ifndef MASKBENCH_EMBED_CUT_H_
#define MASKBENCH_EMBED_CUT_H_

#include <array>
#include <memory>
#include <span>
#include <variant>

#include "embed/crop.h"
#include "image/scale.h"
#include "face/arcface.h"
#include "face/face.h"
#include "image/image.h"

namespace maskbench {

// How a face is cut out of an image.
enum class Cut {
  // The whole image, as large as fits, centred on black, as the paper's program does.
  kLetterbox,
  // The square around the box, with a margin.
  kBox,
  // By the similarity of five points to ArcFace's template.
  kAlign5,
  // dlib's face chip.
  kAlign68,
};

// What a model's input is made of.
struct ModelInput {
  int width = 0;
  int height = 0;
  // Channels first (NCHW), or last.
  bool channels_first = true;
  bool blue_first = false;
  // (value - mean) * scale for each channel, in the input's order.
  std::array<float, 3> mean{};
  std::array<float, 3> scale{};
  Cut cut = Cut::kLetterbox;
  // For kBox: how much is added to the box's longer side, as a share of it; for kAlign68: dlib's padding.
  double margin = 0;

  bool needs_face() const { return cut != Cut::kLetterbox; }
  size_t size() const { return size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height); }
  TensorLayout layout() const {
    return {width, height, channels_first, blue_first, {mean[0], mean[1], mean[2]}, {scale[0], scale[1], scale[2]}};
  }
};

// A crop that is decided, so that only pixels are left to do, here or on a device.
struct CropPlan {
  std::shared_ptr<const Image> image;
  // By an affine map, or the whole image resized into a part of the crop whose first pixel is (left, top).
  struct Resized {
    ScalePlan plan;
    int left, top, width, height;
  };
  std::variant<Affine, Resized> way;
  // Left and right change places in the crop.
  bool mirrored = false;
};

// The image cut and resized as `input` says. `face` is not looked at where none is needed.
CropPlan PlanCut(const ModelInput& input, std::shared_ptr<const Image> image, const Face& face);
// The image cut by five points of a face, as kAlign5 does.
CropPlan PlanAlign(const ModelInput& input, std::shared_ptr<const Image> image, const FivePoints& points);
// A ready crop: the whole image stretched to the input's size, where it has another.
CropPlan PlanFit(const ModelInput& input, std::shared_ptr<const Image> image);

// The crop, in B, G, R.
Image MakeCrop(const ModelInput& input, const CropPlan& plan);
// Colour order, mean, scale and layout.
void Normalize(const ModelInput& input, const Image& crop, std::span<float> tensor);

}  // namespace maskbench

#endif  // MASKBENCH_EMBED_CUT_H_
