#include "mask/masker.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "face/detector.h"
#include "mask/random.h"
#include "runtime/memory_budget.h"

namespace maskbench {
namespace {

// Errors of the codecs do not know the file's name.
template <class Work>
auto Naming(const std::string& subject, ErrorCode other, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (!error.subject().empty() || error.code() == ErrorCode::kAborted) throw;
    throw Error(error.code(), subject, error.what());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kTooLarge, subject, "not enough memory for this image");
  } catch (const std::exception& error) {
    throw Error(other, subject, error.what());
  }
}

std::string SubjectOf(const Source& source) {
  if (const auto* file = std::get_if<FilePath>(&source)) return file->path;
  return "input";
}

Image FromRaw(const RawPixels& raw) {
  Image image(raw.width, raw.height);
  const uint8_t* from = raw.data.data();
  const int red = 0;
  const int green = raw.channels == 1 ? 0 : 1;
  const int blue = raw.channels == 1 ? 0 : 2;
  for (size_t i = 0; i < image.pixels.size(); i += 3, from += raw.channels) {
    image.pixels[i] = from[blue];
    image.pixels[i + 1] = from[green];
    image.pixels[i + 2] = from[red];
  }
  return image;
}

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

Decoded DecodeFile(std::span<const uint8_t> file, const Header& header, const MaskerOptions& options) {
  Decoded decoded = Decode(file, header);
  if (decoded.damaged && !options.accept_damaged)
    throw Error(ErrorCode::kDamaged, "", "the file is truncated or its data are corrupt");
  return decoded;
}

}  // namespace

const LandmarkPredictor& Masker::Predictor() {
  std::call_once(loaded_, [this] { predictor_ = LandmarkPredictor::Load(options_.landmark_model); });
  return *predictor_;
}

std::vector<Face> Masker::FindFaces(const MaskRequest& request, const Image& image, const Cancellation& cancellation) {
  std::vector<KnownFace> known;
  if (request.faces) {
    known = *request.faces;
  } else {
    for (const Detection& detection : DetectFaces(image, options_.upsample))
      known.push_back({detection.box, detection.score, std::nullopt});
  }
  cancellation.ThrowIfCancelled();
  std::vector<Face> faces;
  faces.reserve(known.size());
  for (const KnownFace& face : known)
    faces.push_back({face.box, face.score, face.landmarks ? *face.landmarks : Predictor().Predict(image, face.box)});
  return faces;
}

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
  cancellation.ThrowIfCancelled();
  CheckOutput(request);
  MaskResult result;

  Bytes owned;
  std::span<const uint8_t> file;
  Header header{};
  const auto* raw = std::get_if<RawPixels>(&request.source);
  if (raw != nullptr) {
    header.width = raw->width;
    header.height = raw->height;
  } else {
    if (const auto* path = std::get_if<FilePath>(&request.source)) {
      owned = ReadFile(path->path);
      file = owned;
    } else {
      file = std::get<std::span<const uint8_t>>(request.source);
    }
    header = Naming(subject, ErrorCode::kUnreadable, [&] { return Probe(file); });
    result.format = header.format;
  }
  const int64_t pixels = header.width * header.height;
  if (pixels > options_.max_pixels)
    throw Error(ErrorCode::kTooLarge, subject,
                "the image declares " + std::to_string(header.width) + "x" + std::to_string(header.height) +
                    " pixels, more than the limit of " + std::to_string(options_.max_pixels));
  constexpr int64_t kCodecBytesPerPixel = 8;
  const MemoryBudget::Admission admission(static_cast<uint64_t>(
      pixels * kCodecBytesPerPixel + (request.faces ? 0 : DetectionBytes(pixels, options_.upsample))));

  Decoded decoded = Naming(subject, ErrorCode::kUnreadable, [&] {
    return raw != nullptr ? Decoded{FromRaw(*raw), {}, false} : DecodeFile(file, header, options_);
  });
  Image& image = decoded.image;
  result.width = image.width;
  result.height = image.height;
  cancellation.ThrowIfCancelled();

  for (Face& face : Naming(subject, ErrorCode::kUnreadable, [&] { return FindFaces(request, image, cancellation); }))
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
    CopyFileAtomically(std::get<FilePath>(request.source).path, owned, request.copy->path, request.copy->mode);
    result.copied = true;
  }
  result.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace maskbench
