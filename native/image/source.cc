#include "image/source.h"

#include "runtime/naming.h"

namespace maskbench {
namespace {

Image FromRaw(const RawPixels& raw) {
  Image image(raw.width, raw.height);
  const uint8_t* from = raw.data.data();
  const int green = raw.channels == 1 ? 0 : 1;
  const int red = raw.channels > 1 && raw.blue_first ? 2 : 0;
  const int blue = 2 * green - red;
  for (size_t i = 0; i < image.pixels.size(); i += 3, from += raw.channels) {
    image.pixels[i] = from[blue];
    image.pixels[i + 1] = from[green];
    image.pixels[i + 2] = from[red];
  }
  return image;
}

Decoded DecodeFile(std::span<const uint8_t> file, const Header& header, const ReadLimits& limits) {
  Decoded decoded = Decode(file, header);
  if (decoded.damaged && !limits.accept_damaged)
    throw Error(ErrorCode::kDamaged, "", "the file is truncated or its data are corrupt");
  return decoded;
}

}  // namespace

std::string SubjectOf(const Source& source) {
  if (const auto* file = std::get_if<FilePath>(&source)) return file->path;
  return "input";
}

ReadImage Read(const Source& source, const ReadLimits& limits, const std::function<int64_t(int64_t)>& more_bytes,
               const Cancellation& cancellation) {
  const std::string subject = SubjectOf(source);
  cancellation.ThrowIfCancelled();
  ReadImage read;
  std::span<const uint8_t> file;
  Header header{};
  const auto* raw = std::get_if<RawPixels>(&source);
  if (raw != nullptr) {
    header.width = raw->width;
    header.height = raw->height;
  } else {
    if (const auto* path = std::get_if<FilePath>(&source)) {
      read.file = ReadFile(path->path);
      file = read.file;
    } else {
      file = std::get<std::span<const uint8_t>>(source);
    }
    header = Naming(subject, ErrorCode::kUnreadable, [&] { return Probe(file); });
    read.format = header.format;
  }
  const int64_t pixels = header.width * header.height;
  if (pixels > limits.max_pixels)
    throw Error(ErrorCode::kTooLarge, subject,
                "the image declares " + std::to_string(header.width) + "x" + std::to_string(header.height) +
                    " pixels, more than the limit of " + std::to_string(limits.max_pixels));
  constexpr int64_t kCodecBytesPerPixel = 8;
  read.admission = std::make_unique<MemoryBudget::Admission>(
      static_cast<uint64_t>(pixels * kCodecBytesPerPixel + more_bytes(pixels)));
  read.decoded = Naming(subject, ErrorCode::kUnreadable, [&] {
    return raw != nullptr ? Decoded{FromRaw(*raw), {}, false} : DecodeFile(file, header, limits);
  });
  cancellation.ThrowIfCancelled();
  return read;
}

}  // namespace maskbench
