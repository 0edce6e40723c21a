#include "mask/template.h"

#include "face/dlib_config.h"
// dlib's configuration comes first.
#include <dlib/matrix.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "image/codec.h"
#include "image/codecs.h"
#include "image/source.h"
#include "runtime/error.h"
#include "runtime/length.h"
#include "runtime/naming.h"

namespace maskbench {
namespace {

constexpr int64_t kMostPixels = int64_t{1} << 26;
// Degrees from which a face is seen from the side.
constexpr double kSideYaw = 15;

double Bend(PointF a, PointF b) {
  const double square = (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y);
  return square == 0 ? 0 : square * std::log(square);
}

// Blue, green, red, alpha and tint, colours and tint multiplied by alpha.
struct Layered {
  int width, height;
  std::vector<std::array<float, 5>> pixels;
};

void PutOver(const Bytes& rgba, bool tinted, Layered& under) {
  for (size_t i = 0; i < under.pixels.size(); ++i) {
    const uint8_t* top = rgba.data() + 4 * i;
    const float alpha = static_cast<float>(top[3]) / 255;
    const std::array<float, 5> over = {alpha * static_cast<float>(top[2]), alpha * static_cast<float>(top[1]),
                                       alpha * static_cast<float>(top[0]), alpha * 255, tinted ? alpha * 255 : 0};
    for (size_t channel = 0; channel < over.size(); ++channel)
      under.pixels[i][channel] = over[channel] + (1 - alpha) * under.pixels[i][channel];
  }
}

Layered LoadParts(const TemplateViewSource& source) {
  Layered made{};
  for (const TemplatePart& part : source.parts) {
    const std::string& path = part.path;
    const Bytes read = part.file.empty() ? ReadFile(path) : Bytes();
    const Bytes& file = part.file.empty() ? read : part.file;
    Naming(path, ErrorCode::kUnreadable, [&] {
      const Header header = Probe(file);
      if (header.format != Format::kPng)
        throw Error(ErrorCode::kUnreadable, "", "expected a PNG with an alpha channel");
      if (header.width * header.height > kMostPixels)
        throw Error(ErrorCode::kTooLarge, "",
                    "the template's picture is of " + std::to_string(header.width) + "x" +
                        std::to_string(header.height) + " pixels, more than the limit of " +
                        std::to_string(kMostPixels));
      int width = 0;
      int height = 0;
      const Bytes rgba = DecodePngWithAlpha(file, width, height);
      if (made.pixels.empty()) made = {width, height, std::vector<std::array<float, 5>>(size_t{1} * width * height)};
      if (made.width != width || made.height != height)
        throw Error(ErrorCode::kInvalidArgument, "",
                    "expected a picture of " + std::to_string(made.width) + "x" + std::to_string(made.height) +
                        " pixels, as the template's first; it has " + std::to_string(width) + "x" +
                        std::to_string(height));
      PutOver(rgba, part.tinted, made);
    });
  }
  const auto& pixels = made.pixels;
  const std::string& path = source.parts.front().path;
  if (std::ranges::all_of(pixels, [](const auto& pixel) { return pixel[3] >= 255; }))
    throw Error(ErrorCode::kInvalidArgument, path, "expected a mask on a transparent ground; every pixel is opaque");
  if (std::ranges::none_of(pixels, [](const auto& pixel) { return pixel[3] >= 128; }))
    throw Error(ErrorCode::kInvalidArgument, path, "expected a mask; no pixel is opaque");
  return made;
}

TemplateLevel ToLevel(const Layered& layered) {
  TemplateLevel level{layered.width + 2, layered.height + 2, {}, {}};
  const size_t count = size_t{1} * level.width * level.height;
  level.texels.resize(count);
  const bool tinted = std::ranges::any_of(layered.pixels, [](const auto& pixel) { return pixel[4] > 0; });
  if (tinted) level.tint.resize(count);
  for (int y = 0; y < layered.height; ++y)
    for (int x = 0; x < layered.width; ++x) {
      const auto& pixel = layered.pixels[size_t{1} * y * layered.width + x];
      const size_t at = size_t{1} * (y + 1) * level.width + x + 1;
      for (unsigned channel = 0; channel < 4; ++channel)
        level.texels[at] |= static_cast<uint32_t>(std::lround(pixel[channel])) << (8 * channel);
      if (tinted && pixel[3] > 0) level.tint[at] = static_cast<uint8_t>(std::lround(255 * pixel[4] / pixel[3]));
    }
  return level;
}

Layered Halve(const Layered& from) {
  Layered half{(from.width + 1) / 2, (from.height + 1) / 2, {}};
  half.pixels.resize(size_t{1} * half.width * half.height);
  for (int y = 0; y < from.height; ++y)
    for (int x = 0; x < from.width; ++x)
      for (size_t channel = 0; channel < 5; ++channel)
        half.pixels[size_t{1} * (y / 2) * half.width + x / 2][channel] +=
            from.pixels[size_t{1} * y * from.width + x][channel] / 4;
  return half;
}

// A box of 2 radius + 1 texels, along rows and then columns.
void Soften(std::vector<float>& plane, int width, int height, int radius) {
  const auto pass = [radius](float* first, int count, int stride) {
    std::vector<float> line(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
      float sum = 0;
      for (int j = std::max(0, i - radius); j <= std::min(count - 1, i + radius); ++j)
        sum += first[static_cast<ptrdiff_t>(j) * stride];
      line[i] = sum / static_cast<float>(2 * radius + 1);
    }
    for (int i = 0; i < count; ++i) first[static_cast<ptrdiff_t>(i) * stride] = line[i];
  };
  for (int y = 0; y < height; ++y) pass(plane.data() + static_cast<ptrdiff_t>(y) * width, width, 1);
  for (int x = 0; x < width; ++x) pass(plane.data() + x, height, width);
}

// The matte, softened by about a tenth of the distance between the eyes.
void CastShadow(TemplateView& view, double texels_per_unit) {
  constexpr double kTexels = 32;
  const int wanted = std::max(0, static_cast<int>(std::lround(std::log2(texels_per_unit / kTexels))));
  view.shadow_level = std::min(wanted, static_cast<int>(view.levels.size()) - 1);
  const TemplateLevel& level = view.levels[view.shadow_level];
  std::vector<float> matte(level.texels.size());
  for (size_t i = 0; i < matte.size(); ++i) matte[i] = static_cast<float>(level.texels[i] >> 24U);
  const double unit = texels_per_unit / (1 << view.shadow_level);
  constexpr double kReach = 0.06;
  const int radius = std::max(1, static_cast<int>(std::lround(kReach * unit)));
  Soften(matte, level.width, level.height, radius);
  Soften(matte, level.width, level.height, radius);
  view.shadow.resize(matte.size());
  const double size = 1 << view.shadow_level;
  view.first = {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  view.last = {0, 0};
  for (int y = 0; y < level.height; ++y)
    for (int x = 0; x < level.width; ++x) {
      const size_t at = size_t{1} * y * level.width + x;
      view.shadow[at] = static_cast<uint32_t>(std::lround(matte[at]));
      if (view.shadow[at] == 0) continue;
      view.first = {std::min(view.first.x, (x - 2) * size), std::min(view.first.y, (y - 2) * size)};
      view.last = {std::max(view.last.x, (x + 1) * size), std::max(view.last.y, (y + 1) * size)};
    }
}

bool Covers(const TemplateView& view, PointF canonical) {
  const TemplateLevel& level = view.levels.front();
  const PointF at = view.map.At(canonical);
  const auto x = static_cast<int64_t>(std::floor(at.x)) + 1;
  const auto y = static_cast<int64_t>(std::floor(at.y)) + 1;
  return x >= 0 && y >= 0 && x < level.width && y < level.height &&
         level.texels[static_cast<size_t>(y) * level.width + x] >> 24U >= 128;
}

TemplateView MakeView(const TemplateViewSource& source, bool frontal) {
  const std::string& path = source.parts.front().path;
  Layered layered = LoadParts(source);
  for (const auto& [landmark, at] : source.anchors) {
    // A point may lie a little beyond a picture that was cut close.
    const double room_x = 0.25 * layered.width;
    const double room_y = 0.25 * layered.height;
    if (at.x < -room_x || at.y < -room_y || at.x > layered.width + room_x || at.y > layered.height + room_y)
      throw Error(ErrorCode::kInvalidArgument, path,
                  "expected points within the picture of " + std::to_string(layered.width) + "x" +
                      std::to_string(layered.height) + " pixels; the one for landmark " + std::to_string(landmark) +
                      " lies far outside");
  }
  TemplateView view{Naming(path, ErrorCode::kInvalidArgument, [&] { return TemplateMap(source.anchors); }),
                    {},
                    {},
                    0,
                    0,
                    0,
                    {},
                    {},
                    frontal};
  constexpr int kSmallest = 8;
  view.levels.push_back(ToLevel(layered));
  while (std::min(layered.width, layered.height) > kSmallest) {
    layered = Halve(layered);
    view.levels.push_back(ToLevel(layered));
  }
  const PointF left = view.map.At(kCanonicalFace[3]);
  const PointF right = view.map.At(kCanonicalFace[13]);
  const double width = kCanonicalFace[13].x - kCanonicalFace[3].x;
  CastShadow(view, std::max(1.0, Length(right.x - left.x, right.y - left.y) / width));
  constexpr double kStep = 0.01;
  constexpr double kLowest = 3.5;
  view.top = kLowest;
  for (double y = -0.5; y < kLowest; y += kStep) {
    if (!Covers(view, {0, y})) continue;
    view.top = std::min(view.top, y);
    view.bottom = y;
  }
  if (view.top >= view.bottom)
    throw Error(ErrorCode::kInvalidArgument, path, "expected anchors that place the mask on the middle of the face");
  return view;
}

}  // namespace

TemplateMap::TemplateMap(const std::vector<TemplateAnchor>& anchors) {
  for (const TemplateAnchor& anchor : anchors) centers_.push_back(CanonicalAt(anchor.landmark));
  const auto count = static_cast<int>(centers_.size());
  dlib::matrix<double> left = dlib::zeros_matrix<double>(count + 3, count + 3);
  dlib::matrix<double> right = dlib::zeros_matrix<double>(count + 3, 2);
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < count; ++j) left(i, j) = Bend(centers_[i], centers_[j]);
    const double row[3] = {1, centers_[i].x, centers_[i].y};
    for (int j = 0; j < 3; ++j) left(i, count + j) = left(count + j, i) = row[j];
    right(i, 0) = anchors[i].at.x;
    right(i, 1) = anchors[i].at.y;
  }
  const dlib::lu_decomposition<dlib::matrix<double>> decomposition(left);
  if (decomposition.is_singular())
    throw Error(ErrorCode::kInvalidArgument, "", "expected at least three points that do not lie on a line");
  const dlib::matrix<double> solved = decomposition.solve(right);
  for (int i = 0; i < count + 3; ++i) weights_.push_back({solved(i, 0), solved(i, 1)});
}

PointF TemplateMap::At(PointF canonical) const {
  const size_t count = centers_.size();
  PointF sum{weights_[count].x + weights_[count + 1].x * canonical.x + weights_[count + 2].x * canonical.y,
             weights_[count].y + weights_[count + 1].y * canonical.x + weights_[count + 2].y * canonical.y};
  for (size_t i = 0; i < count; ++i) {
    const double bend = Bend(canonical, centers_[i]);
    sum = {sum.x + bend * weights_[i].x, sum.y + bend * weights_[i].y};
  }
  return sum;
}

Template::Template(const TemplateSource& source) : name_(source.name), front_(MakeView(source.front, true)) {
  if (source.left) left_ = MakeView(*source.left, false);
  if (source.right) right_ = MakeView(*source.right, false);
}

const TemplateView& Template::View(double yaw) const {
  if (yaw < -kSideYaw && left_) return *left_;
  if (yaw > kSideYaw && right_) return *right_;
  return front_;
}

TextureTile LoadTile(const std::string& path) {
  const Bytes file = ReadFile(path);
  return Naming(path, ErrorCode::kUnreadable, [&] {
    const Header header = Probe(file);
    if (header.width * header.height > kMostPixels)
      throw Error(ErrorCode::kTooLarge, "", "the texture is larger than " + std::to_string(kMostPixels) + " pixels");
    Decoded decoded = Decode(file, header);
    if (decoded.damaged) throw Error(ErrorCode::kDamaged, "", "the file is truncated or its data are corrupt");
    return TextureTile{path, decoded.image.width, decoded.image.height, std::move(decoded.image.pixels)};
  });
}

void TintLevel(const TemplateLevel& level, const Tint& tint, int level_number, std::vector<uint32_t>& texels) {
  texels.resize(level.texels.size());
  const bool colored = !level.tint.empty() && (tint.color || tint.tile != nullptr);
  for (int y = 0; y < level.height; ++y)
    for (int x = 0; x < level.width; ++x) {
      const size_t at = size_t{1} * y * level.width + x;
      const uint32_t texel = level.texels[at];
      if (texel >> 24U == 0) {
        texels[at] = 0;
        continue;
      }
      float bgr[3];
      for (unsigned channel = 0; channel < 3; ++channel)
        bgr[channel] = static_cast<float>(texel >> (8 * channel) & 0xFFU);
      // Rec. 601.
      const auto luminance = [&] { return 0.114F * bgr[0] + 0.587F * bgr[1] + 0.299F * bgr[2]; };
      if (colored) {
        const float share = tint.weight * static_cast<float>(level.tint[at]) / 255;
        float wanted[3];
        if (tint.tile != nullptr) {
          // The tile has the resolution of the whole picture.
          const int64_t row = (int64_t{y} << level_number) % tint.tile->height;
          const int64_t column = (int64_t{x} << level_number) % tint.tile->width;
          for (int channel = 0; channel < 3; ++channel)
            wanted[channel] = tint.tile->pixels[3 * (row * tint.tile->width + column) + channel];
        } else {
          wanted[0] = tint.color->blue;
          wanted[1] = tint.color->green;
          wanted[2] = tint.color->red;
        }
        const float light = luminance() / 255;
        for (int channel = 0; channel < 3; ++channel) bgr[channel] += share * (light * wanted[channel] - bgr[channel]);
      }
      if (tint.saturation < 1) {
        const float grey = luminance();
        for (float& value : bgr) value = grey + tint.saturation * (value - grey);
      }
      uint32_t made = texel & 0xFF000000U;
      for (unsigned channel = 0; channel < 3; ++channel)
        made |= static_cast<uint32_t>(std::min(255L, std::lround(bgr[channel]))) << (8 * channel);
      texels[at] = made;
    }
}

}  // namespace maskbench
