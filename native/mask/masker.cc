#include "mask/masker.h"

#include <malloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include "face/choice.h"
#include "image/codecs.h"
#include "mask/draw_request.h"
#include "runtime/random.h"
#include "runtime/naming.h"

namespace maskbench {
namespace {

// In the order of the source's colours.
Bytes ToPixels(Image image, const RawPixels& source) {
  if (!source.blue_first)
    for (size_t i = 0; i < image.pixels.size(); i += 3) std::swap(image.pixels[i], image.pixels[i + 2]);
  return std::move(image.pixels);
}

// The format that the output's name says. A source whose name says nothing of its format may have a twin that is named
// alike.
std::optional<Format> OutputFormat(const MaskRequest& request, std::optional<Format> source) {
  const std::optional<Format> named = FormatOfPath(request.output);
  const auto* file = std::get_if<FilePath>(&request.source);
  if (named || file == nullptr) return named;
  const auto extension = [](const std::string& path) { return std::filesystem::path(path).extension(); };
  return extension(request.output) == extension(file->path) ? source : std::nullopt;
}

// Refuses to write over a file that was not offered, and ever over the source itself.
void CheckOutput(const MaskRequest& request) {
  if (request.output.empty()) return;
  struct stat output {};
  if (stat(request.output.c_str(), &output) != 0) return;
  struct stat source {};
  const auto* file = std::get_if<FilePath>(&request.source);
  if (file != nullptr && stat(file->path.c_str(), &source) == 0 && source.st_dev == output.st_dev &&
      source.st_ino == output.st_ino)
    throw Error(ErrorCode::kInvalidArgument, request.output, "the output is the input file itself");
  if (!request.overwrite) throw Error(ErrorCode::kOutputExists, request.output, "the output exists already");
}

}  // namespace

void Masker::LoadTemplates() {
  std::call_once(templates_loaded_, [this] {
    std::vector<Template> templates;
    for (const TemplateSource& source : options_.templates) templates.emplace_back(source);
    for (const Style& style : options_.styles)
      tiles_.push_back(style.texture.empty() ? std::nullopt : std::optional(LoadTile(style.texture)));
    templates_ = std::move(templates);
    // To make them took several times the memory that they keep.
    malloc_trim(0);
  });
}

void Masker::Load() {
  // Whose landmarks are the template's needs no model of them.
  if (options_.aligned != Aligned::kTemplate) finder_.Load();
  if (device_ != nullptr) device_->Open();
  LoadTemplates();
}

Look Masker::DrawnLook(const MaskRequest& request, uint64_t face) const {
  NamedRandom random(options_.seed, request.key, face);
  const auto pick = [&](const auto& weighted, auto weight) {
    uint64_t sum = 0;
    for (const auto& choice : weighted) sum += weight(choice);
    uint64_t at = random.Below(sum);
    size_t i = 0;
    while (at >= weight(weighted[i])) at -= weight(weighted[i++]);
    return i;
  };
  Look look{pick(options_.styles, [](const Style& style) { return style.weight; }), std::nullopt, Wear::kCorrect, {}};
  const Style& style = options_.styles[look.style];
  constexpr unsigned kColorBits = 24;
  const uint64_t color = random.Below(uint64_t{1} << kColorBits);
  if (style.any_color)
    look.color =
        Color{static_cast<uint8_t>(color >> 16U), static_cast<uint8_t>(color >> 8U), static_cast<uint8_t>(color)};
  else if (!style.colors.empty())
    look.color = style.colors[(color * style.colors.size()) >> kColorBits];
  if (std::holds_alternative<FlatStyle>(style.shape)) return look;
  look.wear = static_cast<Wear>(pick(options_.wears, [](uint64_t weight) { return weight; }));
  // A tenth of a distance between the eyes goes with ten degrees, and with a tenth in size.
  constexpr std::array<double, 4> kMost = {1, 1, 100, 1};
  // Rounded, so that a manifest's numbers are these.
  constexpr int kSteps = 10'000;
  for (size_t i = 0; i < look.shift.size(); ++i) {
    const auto drawn = static_cast<double>(random.Below(2 * kSteps + 1)) / kSteps - 1;
    look.shift[i] = std::round(drawn * options_.jitter * kMost[i] * kSteps) / kSteps;
  }
  return look;
}

bool Masker::DrawOnDevice(Image& image, const std::function<Drawing()>& plan, std::span<uint8_t> matte) {
  if (device_ == nullptr || !device_->Open()) return false;
  const Drawing drawing = plan();
  DrawRequest request{{&image, &drawing, matte}};
  return device_->Do(request);
}

void Masker::Draw(const MaskRequest& request, Image& image, MaskResult& result, std::span<uint8_t> matte) {
  LoadTemplates();
  const FaceChoice choice = options_.select == Select::kCentral ? FaceChoice::kCentral : FaceChoice::kLargest;
  const auto chosen = std::ranges::max_element(
      result.faces, {}, [&](const MaskedFace& masked) { return WeightOf(masked.face.box, choice, image); });
  for (auto face = result.faces.begin(); face != result.faces.end(); ++face) {
    const auto number = static_cast<size_t>(face - result.faces.begin());
    if (!request.looks.empty()) {
      face->look = request.looks[number];
      if (!face->look) continue;
    } else {
      if (options_.select != Select::kAll && face != chosen) continue;
      face->look = request.look ? *request.look : DrawnLook(request, number);
    }
    const Style& style = options_.styles[face->look->style];
    const auto* flat = std::get_if<FlatStyle>(&style.shape);
    constexpr Color kWhite{255, 255, 255};
    const Color color = face->look->color.value_or(kWhite);
    const Landmarks& landmarks = face->face.landmarks;
    if (options_.draw_landmarks) {
      DrawOutline(image, landmarks, flat, color);
    } else if (flat != nullptr) {
      if (!DrawOnDevice(
              image, [&] { return PlanFlat(image, landmarks, *flat, color); }, matte))
        DrawFlat(image, landmarks, *flat, color, matte);
    } else {
      const std::optional<TextureTile>& tile = tiles_[face->look->style];
      const Template& mask = templates_[std::get<size_t>(style.shape)];
      const TemplateLook look{
          {face->look->color, tile ? &*tile : nullptr, options_.tint_weight, 1}, face->look->wear, face->look->shift};
      if (!DrawOnDevice(
              image, [&] { return PlanTemplate(image, landmarks, mask, look); }, matte))
        DrawTemplate(image, landmarks, mask, look, matte);
    }
  }
}

MaskResult Masker::Run(const MaskRequest& request, const Cancellation& cancellation) {
  const auto start = std::chrono::steady_clock::now();
  const std::string subject = SubjectOf(request.source);
  CheckOutput(request);
  MaskResult result;
  ReadImage read = Read(
      request.source, options_.limits, [&](int64_t pixels) { return finder_.Bytes(pixels, request.faces); },
      cancellation);
  Decoded& decoded = read.decoded;
  result.format = read.format;
  Image& image = decoded.image;
  result.width = image.width;
  result.height = image.height;

  const std::vector<Face> faces = Naming(subject, ErrorCode::kUnreadable, [&] {
    const bool is_placed = !request.faces && options_.aligned != Aligned::kNo;
    return finder_.Find(image, is_placed ? AlignedFace(image.width, image.height, options_.aligned) : request.faces, {},
                        cancellation);
  });
  for (const Face& face : faces) result.faces.push_back({face, std::nullopt});
  const auto write = [&] {
    const std::optional<Format> format = OutputFormat(request, read.format);
    if (!format)
      throw Error(ErrorCode::kInvalidArgument, request.output,
                  "expected an output name that ends in .jpg, .png, .webp, .bmp, .tif or .ppm");
    Naming(request.output, ErrorCode::kWriteFailed,
           [&] { WriteFileAtomically(request.output, Encode(image, *format, options_.encode, decoded.icc)); });
  };
  if (request.detect_only) {
    result.status = MaskStatus::kDetected;
    if (!request.output.empty()) {
      DrawFaces(image, faces);
      write();
    }
  } else if (result.faces.empty()) {
    result.status = MaskStatus::kNoFace;
  } else if (options_.select == Select::kOnly && result.faces.size() > 1 && request.looks.empty()) {
    result.status = MaskStatus::kSeveralFaces;
  } else {
    result.status = MaskStatus::kMasked;
    Bytes matte(request.matte_output.empty() ? 0 : size_t{1} * image.width * image.height);
    Draw(request, image, result, matte);
    cancellation.ThrowIfCancelled();
    if (!matte.empty())
      Naming(request.matte_output, ErrorCode::kWriteFailed, [&] {
        WriteFileAtomically(request.matte_output,
                            EncodeGreyPng(matte, image.width, image.height, options_.encode.png_level));
      });
    if (!request.output.empty()) {
      write();
    } else {
      if (request.format) result.format = request.format;
      result.image = Naming(subject, ErrorCode::kWriteFailed, [&] {
        return result.format ? Encode(image, *result.format, options_.encode, decoded.icc)
                             : ToPixels(std::move(image), std::get<RawPixels>(request.source));
      });
    }
  }
  if (request.copy && (result.status == MaskStatus::kMasked || request.copy->always)) {
    CopyFileAtomically(std::get<FilePath>(request.source).path, read.file, request.copy->path, request.copy->mode);
    result.copied = true;
  }
  result.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace maskbench
