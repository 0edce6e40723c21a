#include "embed/cut.h"

#include "face/dlib_config.h"
// dlib's configuration comes first.
#include <dlib/image_transforms/interpolation.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "runtime/error.h"
#include "runtime/length.h"

namespace maskbench {
namespace {

Affine Inverse(const dlib::point_transform_affine& transform) {
  const dlib::point_transform_affine back = dlib::inv(transform);
  const auto& m = back.get_m();
  const auto& b = back.get_b();
  return {m(0, 0), m(0, 1), b(0), m(1, 0), m(1, 1), b(1)};
}

// Half the size, each pixel the mean of four.
Image Halve(const Image& image) {
  Image half(std::max(1, image.width / 2), std::max(1, image.height / 2));
  for (int y = 0; y < half.height; ++y) {
    const uint8_t* upper = image.row(std::min(2 * y, image.height - 1));
    const uint8_t* lower = image.row(std::min(2 * y + 1, image.height - 1));
    uint8_t* to = half.row(y);
    for (int x = 0; x < half.width; ++x) {
      const int left = 6 * x;
      const int right = 3 * std::min(2 * x + 1, image.width - 1);
      for (int c = 0; c < 3; ++c)
        to[3 * x + c] =
            static_cast<uint8_t>((upper[left + c] + upper[right + c] + lower[left + c] + lower[right + c] + 2) / 4);
    }
  }
  return half;
}

// By a map to the image's pixels. An image that is much larger than the crop is halved first, so that no pixel is
// skipped.
CropPlan PlanWarp(std::shared_ptr<const Image> image, Affine map) {
  while (std::max(Length(map.xx, map.yx), Length(map.xy, map.yy)) >= 2 && std::min(image->width, image->height) > 1) {
    image = std::make_shared<Image>(Halve(*image));
    for (double* value : {&map.xx, &map.xy, &map.yx, &map.yy}) *value /= 2;
    map.x0 = (map.x0 - 0.5) / 2;
    map.y0 = (map.y0 - 0.5) / 2;
  }
  return {std::move(image), map};
}

CropPlan PlanLetterbox(const ModelInput& input, std::shared_ptr<const Image> image) {
  const double width = image->width;
  const double height = image->height;
  // In doubles and in this order: the paper's program truncates, so that another order is another size now and then.
  int to_width = input.width;
  int to_height = input.height;
  if (height * input.width > width * input.height)
    to_width = static_cast<int>(width * (input.height / height));
  else
    to_height = static_cast<int>(height * (input.width / width));
  if (to_width == 0 || to_height == 0)
    throw Error(ErrorCode::kUnreadable, "",
                "an image of " + std::to_string(image->width) + "x" + std::to_string(image->height) +
                    " has no pixels left at the model's size");
  const ScalePlan plan(image->width, image->height, to_width, to_height, false);
  return {std::move(image),
          CropPlan::Resized{plan, (input.width - to_width) / 2, (input.height - to_height) / 2, to_width, to_height}};
}

FivePoints FiveOf(const Landmarks& landmarks) {
  const auto mean = [&](int first, int last) {
    dlib::dpoint sum(0, 0);
    for (int i = first; i <= last; ++i) sum += dlib::dpoint(landmarks[i].x, landmarks[i].y);
    sum /= last - first + 1;
    return std::array<double, 2>{sum.x(), sum.y()};
  };
  return {mean(36, 41), mean(42, 47), mean(30, 30), mean(48, 48), mean(54, 54)};
}

Affine Align5(const ModelInput& input, const FivePoints& points) {
  std::vector<dlib::dpoint> from;
  std::vector<dlib::dpoint> to;
  from.reserve(points.size());
  to.reserve(kArcFace.size());
  for (const auto& [x, y] : points) from.emplace_back(x, y);
  for (const auto& [x, y] : kArcFace) to.emplace_back(x * input.width / kArcFaceSide, y * input.height / kArcFaceSide);
  return Inverse(dlib::find_similarity_transform(from, to));
}

Affine Align68(const ModelInput& input, const Face& face) {
  std::vector<dlib::point> parts;
  parts.reserve(kLandmarks);
  for (const Point& point : face.landmarks) parts.emplace_back(point.x, point.y);
  const dlib::full_object_detection detection({face.box.left, face.box.top, face.box.right, face.box.bottom}, parts);
  const dlib::chip_details chip =
      dlib::get_face_chip_details(detection, static_cast<uint64_t>(input.width), input.margin);
  return Inverse(dlib::get_mapping_to_chip(chip));
}

Affine AroundBox(const ModelInput& input, const Box& box) {
  const double side = (1 + input.margin) * std::max(box.right - box.left + 1, box.bottom - box.top + 1);
  const double x_step = side / input.width;
  const double y_step = side / input.height;
  const double x0 = (box.left + box.right - side + x_step) / 2;
  const double y0 = (box.top + box.bottom - side + y_step) / 2;
  return {x_step, 0, x0, 0, y_step, y0};
}

}  // namespace

CropPlan PlanCut(const ModelInput& input, std::shared_ptr<const Image> image, const Face& face) {
  switch (input.cut) {
    case Cut::kLetterbox:
      return PlanLetterbox(input, std::move(image));
    case Cut::kBox:
      return PlanWarp(std::move(image), AroundBox(input, face.box));
    case Cut::kAlign5:
      return PlanWarp(std::move(image), Align5(input, FiveOf(face.landmarks)));
    case Cut::kAlign68:
      return PlanWarp(std::move(image), Align68(input, face));
  }
  throw std::logic_error("no such cut");
}

CropPlan PlanAlign(const ModelInput& input, std::shared_ptr<const Image> image, const FivePoints& points) {
  return PlanWarp(std::move(image), Align5(input, points));
}

CropPlan PlanFit(const ModelInput& input, std::shared_ptr<const Image> image) {
  const ScalePlan plan(image->width, image->height, input.width, input.height, true);
  return {std::move(image), CropPlan::Resized{plan, 0, 0, input.width, input.height}};
}

namespace {

Image MakeUpright(const ModelInput& input, const CropPlan& plan) {
  const Image& image = *plan.image;
  if (image.width == input.width && image.height == input.height && std::holds_alternative<CropPlan::Resized>(plan.way))
    return image;
  Image crop(input.width, input.height);
  if (const auto* resized = std::get_if<CropPlan::Resized>(&plan.way)) {
    ScaleInto(resized->plan, image, crop, resized->left, resized->top, resized->width, resized->height);
    return crop;
  }
  const auto& map = std::get<Affine>(plan.way);
  for (int y = 0; y < crop.height; ++y)
    for (int x = 0; x < crop.width; ++x)
      CropPixel(image.pixels.data(), image.width, image.height, map, x, y, crop.row(y) + size_t{3} * x);
  return crop;
}

}  // namespace

Image MakeCrop(const ModelInput& input, const CropPlan& plan) {
  Image crop = MakeUpright(input, plan);
  if (!plan.mirrored) return crop;
  for (int y = 0; y < crop.height; ++y)
    for (int x = 0; x < crop.width / 2; ++x) {
      uint8_t* const left = crop.row(y) + size_t{3} * x;
      std::swap_ranges(left, left + 3, crop.row(y) + size_t{3} * (crop.width - 1 - x));
    }
  return crop;
}

void Normalize(const ModelInput& input, const Image& crop, std::span<float> tensor) {
  const TensorLayout layout = input.layout();
  const size_t pixels = crop.pixels.size() / 3;
  for (int channel = 0; channel < 3; ++channel) {
    const uint8_t* from = crop.pixels.data() + layout.ColorOf(channel);
    for (size_t i = 0; i < pixels; ++i) tensor[layout.PlaceOf(channel, i)] = layout.NumberOf(channel, from[3 * i]);
  }
}

}  // namespace maskbench
