#include "embed/cut.h"

#include "face/dlib_config.h"
// dlib's configuration comes first.
#include <dlib/image_transforms/interpolation.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "embed/scale.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

// Where a pixel of the crop lies in the image: (xx * x + xy * y + x0, yx * x + yy * y + y0).
struct Affine {
  double xx, xy, x0;
  double yx, yy, y0;
};

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

// Bilinear, black outside. An image that is much larger than the crop is halved first, so that no pixel is skipped.
Image Warp(const Image& image, Affine map, int width, int height) {
  Image halved;
  const Image* from = &image;
  while (std::max(std::hypot(map.xx, map.yx), std::hypot(map.xy, map.yy)) >= 2 &&
         std::min(from->width, from->height) > 1) {
    halved = Halve(*from);
    from = &halved;
    for (double* value : {&map.xx, &map.xy, &map.yx, &map.yy}) *value /= 2;
    map.x0 = (map.x0 - 0.5) / 2;
    map.y0 = (map.y0 - 0.5) / 2;
  }
  Image crop(width, height);
  constexpr int kOne = 1 << 11;
  for (int y = 0; y < height; ++y) {
    uint8_t* to = crop.row(y);
    for (int x = 0; x < width; ++x, to += 3) {
      const double u = map.xx * x + map.xy * y + map.x0;
      const double v = map.yx * x + map.yy * y + map.y0;
      const int left = static_cast<int>(std::floor(u));
      const int top = static_cast<int>(std::floor(v));
      if (left < 0 || top < 0 || left + 1 >= from->width || top + 1 >= from->height) continue;
      const int right_weight = static_cast<int>((u - left) * kOne);
      const int bottom_weight = static_cast<int>((v - top) * kOne);
      const uint8_t* upper = from->row(top) + size_t{3} * left;
      const uint8_t* lower = upper + size_t{3} * from->width;
      for (int c = 0; c < 3; ++c) {
        const int above = upper[c] * (kOne - right_weight) + upper[c + 3] * right_weight;
        const int below = lower[c] * (kOne - right_weight) + lower[c + 3] * right_weight;
        to[c] = static_cast<uint8_t>((above * (kOne - bottom_weight) + below * bottom_weight + (1 << 21)) >> 22);
      }
    }
  }
  return crop;
}

Image Letterbox(const ModelInput& input, const Image& image) {
  const double width = image.width;
  const double height = image.height;
  // In doubles and in this order: the paper's program truncates, so that another order is another size now and then.
  int to_width = input.width;
  int to_height = input.height;
  if (height > width)
    to_width = static_cast<int>(width * (input.height / height));
  else
    to_height = static_cast<int>(height * (input.width / width));
  if (to_width == 0 || to_height == 0)
    throw Error(ErrorCode::kUnreadable, "",
                "an image of " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                    " has no pixels left at the model's size");
  Image crop(input.width, input.height);
  ScaleInto(image, crop, (input.width - to_width) / 2, (input.height - to_height) / 2, to_width, to_height, false);
  return crop;
}

// ArcFace's template for 112 x 112 pixels: eyes, nose tip, corners of the mouth.
constexpr std::array<std::array<double, 2>, 5> kArcFace = {
    {{38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}}};

dlib::dpoint MeanOf(const Landmarks& landmarks, int first, int last) {
  dlib::dpoint sum(0, 0);
  for (int i = first; i <= last; ++i) sum += dlib::dpoint(landmarks[i].x, landmarks[i].y);
  return sum / (last - first + 1);
}

Image Align5(const ModelInput& input, const Image& image, const Landmarks& landmarks) {
  const auto at = [&](int i) { return dlib::dpoint(landmarks[i].x, landmarks[i].y); };
  const std::vector<dlib::dpoint> from = {MeanOf(landmarks, 36, 41), MeanOf(landmarks, 42, 47), at(30), at(48), at(54)};
  std::vector<dlib::dpoint> to;
  to.reserve(kArcFace.size());
  for (const auto& [x, y] : kArcFace) to.emplace_back(x * input.width / 112, y * input.height / 112);
  return Warp(image, Inverse(dlib::find_similarity_transform(from, to)), input.width, input.height);
}

Image Align68(const ModelInput& input, const Image& image, const Face& face) {
  std::vector<dlib::point> parts;
  parts.reserve(kLandmarks);
  for (const Point& point : face.landmarks) parts.emplace_back(point.x, point.y);
  const dlib::full_object_detection detection({face.box.left, face.box.top, face.box.right, face.box.bottom}, parts);
  const dlib::chip_details chip =
      dlib::get_face_chip_details(detection, static_cast<uint64_t>(input.width), input.margin);
  return Warp(image, Inverse(dlib::get_mapping_to_chip(chip)), input.width, input.height);
}

Image CutBox(const ModelInput& input, const Image& image, const Box& box) {
  const double side = (1 + input.margin) * std::max(box.right - box.left + 1, box.bottom - box.top + 1);
  const double x_step = side / input.width;
  const double y_step = side / input.height;
  const double x0 = (box.left + box.right - side + x_step) / 2;
  const double y0 = (box.top + box.bottom - side + y_step) / 2;
  return Warp(image, {x_step, 0, x0, 0, y_step, y0}, input.width, input.height);
}

}  // namespace

Image CutFace(const ModelInput& input, const Image& image, const Face& face) {
  switch (input.cut) {
    case Cut::kLetterbox:
      return Letterbox(input, image);
    case Cut::kBox:
      return CutBox(input, image, face.box);
    case Cut::kAlign5:
      return Align5(input, image, face.landmarks);
    case Cut::kAlign68:
      return Align68(input, image, face);
  }
  throw std::logic_error("no such cut");
}

Image FitCrop(const ModelInput& input, const Image& image) {
  if (image.width == input.width && image.height == input.height) return image;
  Image crop(input.width, input.height);
  ScaleInto(image, crop, 0, 0, input.width, input.height, true);
  return crop;
}

void Normalize(const ModelInput& input, const Image& crop, std::span<float> tensor) {
  const size_t pixels = crop.pixels.size() / 3;
  for (size_t channel = 0; channel < 3; ++channel) {
    const float mean = input.mean[channel];
    const float scale = input.scale[channel];
    const uint8_t* from = crop.pixels.data() + (input.blue_first ? channel : 2 - channel);
    float* to = tensor.data() + (input.channels_first ? channel * pixels : channel);
    const size_t step = input.channels_first ? 1 : 3;
    for (size_t i = 0; i < pixels; ++i) to[i * step] = (static_cast<float>(from[3 * i]) - mean) * scale;
  }
}

}  // namespace maskbench
