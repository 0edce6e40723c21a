#include "image/codec.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "image/bytes.h"
#include "image/codecs.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

constexpr std::array<std::pair<Format, std::string_view>, 5> kNames = {{{Format::kJpeg, "jpeg"},
                                                                        {Format::kPng, "png"},
                                                                        {Format::kWebp, "webp"},
                                                                        {Format::kBmp, "bmp"},
                                                                        {Format::kTiff, "tiff"}}};

constexpr std::array<std::pair<std::string_view, Format>, 9> kExtensions = {{{"jpg", Format::kJpeg},
                                                                             {"jpeg", Format::kJpeg},
                                                                             {"jpe", Format::kJpeg},
                                                                             {"png", Format::kPng},
                                                                             {"webp", Format::kWebp},
                                                                             {"bmp", Format::kBmp},
                                                                             {"dib", Format::kBmp},
                                                                             {"tif", Format::kTiff},
                                                                             {"tiff", Format::kTiff}}};

bool StartsWith(std::span<const uint8_t> file, std::string_view signature, size_t at = 0) {
  return file.size() >= at + signature.size() && std::memcmp(file.data() + at, signature.data(), signature.size()) == 0;
}

// The size in the frame header (ITU-T T.81, B.2.2); 0×0 where there is none.
Header ProbeJpeg(const ByteReader& in) {
  const std::span<const uint8_t> bytes = in.bytes();
  size_t at = 2;
  while (at + 9 < bytes.size()) {
    if (bytes[at] != 0xFF) {
      ++at;
      continue;
    }
    const int marker = bytes[at + 1];
    if (marker == 0xFF) {
      ++at;
    } else if (marker == 0 || marker == 1 || (marker >= 0xD0 && marker <= 0xD8)) {
      at += 2;
    } else if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
      return {Format::kJpeg, in.U16(at + 7), in.U16(at + 5)};
    } else if (marker == 0xD9 || marker == 0xDA) {
      break;
    } else {
      at += 2 + in.U16(at + 2);
    }
  }
  return {Format::kJpeg, 0, 0};
}

// The canvas or frame size (WebP container specification; RFC 6386, 9.1).
Header ProbeWebp(const ByteReader& in) {
  const std::span<const uint8_t> bytes = in.bytes();
  if (StartsWith(bytes, "VP8X", 12)) return {Format::kWebp, int64_t{in.U24(24)} + 1, int64_t{in.U24(27)} + 1};
  if (StartsWith(bytes, "VP8L", 12)) {
    const uint32_t bits = in.U32(21);
    return {Format::kWebp, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1};
  }
  return {Format::kWebp, in.U16(26) & 0x3FFF, in.U16(28) & 0x3FFF};
}

Header ProbeBmp(const ByteReader& in) {
  constexpr uint32_t kOldHeaderSize = 12;
  if (in.U32(14) == kOldHeaderSize) return {Format::kBmp, in.U16(18), in.U16(20)};
  // A negative height means rows from the top.
  return {Format::kBmp, static_cast<int32_t>(in.U32(18)), std::abs(int64_t{static_cast<int32_t>(in.U32(22))})};
}

Header ProbeTiff(std::span<const uint8_t> file) {
  constexpr uint32_t kWidthTag = 256;
  constexpr uint32_t kHeightTag = 257;
  const TiffDirectory directory(file);
  return {Format::kTiff, directory.Value(kWidthTag), directory.Value(kHeightTag)};
}

}  // namespace

std::string_view Name(Format format) {
  return std::ranges::find(kNames, format, &std::pair<Format, std::string_view>::first)->second;
}

std::optional<Format> FormatOfName(std::string_view name) {
  const auto* found = std::ranges::find(kNames, name, &std::pair<Format, std::string_view>::second);
  return found == kNames.end() ? std::nullopt : std::optional(found->first);
}

std::optional<Format> FormatOfPath(std::string_view path) {
  std::string extension(path.substr(path.rfind('.') + 1));
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto* found = std::ranges::find(kExtensions, extension, &std::pair<std::string_view, Format>::first);
  return found == kExtensions.end() ? std::nullopt : std::optional(found->second);
}

Header Probe(std::span<const uint8_t> file) {
  using std::string_view_literals::operator""sv;
  if (file.empty()) throw Error(ErrorCode::kUnreadable, "", "the file is empty");
  const ByteReader little(file, false);
  const ByteReader big(file, true);
  Header header{};
  if (StartsWith(file, "\xFF\xD8\xFF"sv))
    header = ProbeJpeg(big);
  else if (StartsWith(file, "\x89PNG\r\n\x1A\n"sv))
    header = {Format::kPng, big.U32(16), big.U32(20)};
  else if (StartsWith(file, "RIFF"sv) && StartsWith(file, "WEBP"sv, 8))
    header = ProbeWebp(little);
  else if (StartsWith(file, "BM"sv))
    header = ProbeBmp(little);
  else if (StartsWith(file, "II*\0"sv) || StartsWith(file, "MM\0*"sv))
    header = ProbeTiff(file);
  else
    throw Error(ErrorCode::kUnreadable, "", "not an image (expected JPEG, PNG, WebP, BMP or TIFF data)");
  if (header.width <= 0 || header.height <= 0)
    throw Error(ErrorCode::kUnreadable, "", "broken " + std::string(Name(header.format)) + " header");
  return header;
}

Decoded Decode(std::span<const uint8_t> file, const Header& header) {
  switch (header.format) {
    case Format::kJpeg:
      return DecodeJpeg(file);
    case Format::kPng:
      return DecodePng(file);
    default:
      return {DecodeOther(file), ExtractIcc(file, header.format), false};
  }
}

Bytes Encode(const Image& image, Format format, const EncodeOptions& options, const Bytes& icc) {
  constexpr int kJpegQuality = 95;
  switch (format) {
    case Format::kJpeg:
      return EncodeJpeg(image, options.quality.value_or(kJpegQuality), icc);
    case Format::kPng:
      return EncodePng(image, options.png_level, icc);
    default:
      return InsertIcc(EncodeOther(image, format, options.quality), format, image, icc);
  }
}

}  // namespace maskbench
