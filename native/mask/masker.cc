#include "mask/masker.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "mask/random.h"

namespace maskbench {
namespace {

Bytes ToRgb(Image image) {
  for (size_t i = 0; i < image.pixels.size(); i += 3) std::swap(image.pixels[i], image.pixels[i + 2]);
  return std::move(image.pixels);
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

void Masker::Draw(const MaskRequest& request, Image& image, MaskResult& result) {
  // The first of the largest, as the paper's program chooses.
  const auto largest =
      std::ranges::max_element(result.faces, {}, [](const MaskedFace& masked) { return masked.face.box.Area(); });
  for (auto face = result.faces.begin(); face != result.faces.end(); ++face) {
    if (options_.select == Select::kLargest && face != largest) continue;
    NamedRandom random(options_.seed, request.key, static_cast<uint64_t>(face - result.faces.begin()));
    const char drawn_style = kStyles[random.Below(kStyles.size())];
    const auto drawn_color = static_cast<uint32_t>(random.Below(1 << 24));
    face->masked = true;
    face->style = options_.style.value_or(drawn_style);
    face->color =
        options_.color.value_or(Color{static_cast<uint8_t>(drawn_color >> 16), static_cast<uint8_t>(drawn_color >> 8),
                                      static_cast<uint8_t>(drawn_color)});
    const auto draw = options_.draw_landmarks ? DrawOutline : DrawMask;
    draw(image, face->face.landmarks, face->style, face->color);
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

  for (Face& face :
       Naming(subject, ErrorCode::kUnreadable, [&] { return finder_.Find(image, request.faces, cancellation); }))
    result.faces.push_back({face});
  if (request.detect_only) {
    result.status = MaskStatus::kDetected;
  } else if (result.faces.empty()) {
    result.status = MaskStatus::kNoFace;
  } else if (options_.select == Select::kOnly && result.faces.size() > 1) {
    result.status = MaskStatus::kSeveralFaces;
  } else {
    result.status = MaskStatus::kMasked;
    Draw(request, image, result);
    cancellation.ThrowIfCancelled();
    if (!request.output.empty()) {
      const std::optional<Format> format = FormatOfPath(request.output);
      if (!format)
        throw Error(ErrorCode::kInvalidArgument, request.output,
                    "expected an output name that ends in .jpg, .png, .webp, .bmp or .tif");
      Naming(request.output, ErrorCode::kWriteFailed,
             [&] { WriteFileAtomically(request.output, Encode(image, *format, options_.quality, decoded.icc)); });
    } else {
      if (request.format) result.format = request.format;
      result.image = Naming(subject, ErrorCode::kWriteFailed, [&] {
        return result.format ? Encode(image, *result.format, options_.quality, decoded.icc) : ToRgb(std::move(image));
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
