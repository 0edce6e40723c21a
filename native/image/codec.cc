#include "image/codec.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <utility>

#include "image/bytes.h"
#include "image/codecs.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

constexpr std::array<std::pair<Format, std::string_view>, 6> kNames = {{{Format::kJpeg, "jpeg"},
                                                                        {Format::kPng, "png"},
                                                                        {Format::kWebp, "webp"},
                                                                        {Format::kBmp, "bmp"},
                                                                        {Format::kTiff, "tiff"},
                                                                        {Format::kPnm, "pnm"}}};

constexpr std::array<std::pair<std::string_view, Format>, 14> kExtensions = {{{"jpg", Format::kJpeg},
                                                                              {"jpeg", Format::kJpeg},
                                                                              {"jfif", Format::kJpeg},
                                                                              {"jpe", Format::kJpeg},
                                                                              {"png", Format::kPng},
                                                                              {"webp", Format::kWebp},
                                                                              {"bmp", Format::kBmp},
                                                                              {"dib", Format::kBmp},
                                                                              {"tif", Format::kTiff},
                                                                              {"tiff", Format::kTiff},
                                                                              {"pbm", Format::kPnm},
                                                                              {"pgm", Format::kPnm},
                                                                              {"ppm", Format::kPnm},
                                                                              {"pnm", Format::kPnm}}};

// What is often found under a photo's name, and is not read: a signature, where it stands, and the format.
struct Foreign {
  size_t at;
  std::string_view signature;
  std::string_view name;
};
constexpr std::array<Foreign, 14> kForeign = {{{0, "GIF8", "GIF"},
                                               {0, std::string_view("\0\0\0\x0CjP  \r\n\x87\n", 12), "JPEG 2000"},
                                               {0, "\xFF\x4F\xFF\x51", "JPEG 2000"},
                                               {0, std::string_view("\0\0\0\x0CJXL \r\n\x87\n", 12), "JPEG XL"},
                                               {0, "\xFF\x0A", "JPEG XL"},
                                               {4, "ftypavif", "AVIF"},
                                               {4, "ftypavis", "AVIF"},
                                               {4, "ftyphei", "HEIC"},
                                               {4, "ftyphev", "HEIC"},
                                               {0, "8BPS", "Photoshop"},
                                               {0, "\x76\x2F\x31\x01", "OpenEXR"},
                                               {0, "#?RADIANCE", "Radiance HDR"},
                                               {0, "P7\n", "PAM"},
                                               {0, "%PDF-", "PDF"}}};

bool StartsWith(std::span<const uint8_t> file, std::string_view signature, size_t at = 0) {
  return file.size() >= at + signature.size() && std::memcmp(file.data() + at, signature.data(), signature.size()) == 0;
}

std::string_view NameOfForeign(std::span<const uint8_t> file) {
  for (const Foreign& foreign : kForeign)
    if (StartsWith(file, foreign.signature, foreign.at)) return foreign.name;
  // HEIF's general brands do not say which it is; the list of compatible brands does.
  if (!StartsWith(file, "ftypmif1", 4) && !StartsWith(file, "ftypmsf1", 4)) return "";
  const uint64_t box = std::min<uint64_t>(file.size(), ByteReader(file, true).U32(0));
  for (size_t at = 16; at + 4 <= box; at += 4)
    if (StartsWith(file, "avif", at)) return "AVIF";
  return "HEIC";
}

// By a file's first bytes.
std::optional<Format> FormatOfStart(std::span<const uint8_t> file) {
  using std::string_view_literals::operator""sv;
  if (StartsWith(file, "\xFF\xD8\xFF"sv)) return Format::kJpeg;
  if (StartsWith(file, "\x89PNG\r\n\x1A\n"sv)) return Format::kPng;
  if (StartsWith(file, "RIFF"sv) && StartsWith(file, "WEBP"sv, 8)) return Format::kWebp;
  if (StartsWith(file, "BM"sv)) return Format::kBmp;
  if (StartsWith(file, "II*\0"sv) || StartsWith(file, "MM\0*"sv) || StartsWith(file, "II+\0"sv) ||
      StartsWith(file, "MM\0+"sv))
    return Format::kTiff;
  if (file.size() >= 3 && file[0] == 'P' && file[1] >= '1' && file[1] <= '6' && std::isspace(file[2]) != 0)
    return Format::kPnm;
  return std::nullopt;
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

std::string_view KindOfStart(std::span<const uint8_t> start) {
  const std::optional<Format> format = FormatOfStart(start);
  // Texts may begin with the same two letters. A BMP has four zeros behind its size, a PNM a number or a comment.
  if (format == Format::kBmp && !StartsWith(start, std::string_view("\0\0\0\0", 4), 6)) return "";
  if (format == Format::kPnm && (start.size() <= 3 || (std::isdigit(start[3]) == 0 && start[3] != '#'))) return "";
  if (format) return Name(*format);
  const std::string_view foreign = NameOfForeign(start);
  return foreign.empty() || foreign == "PDF" ? "" : "other";
}

Header Probe(std::span<const uint8_t> file) {
  if (file.empty()) throw Error(ErrorCode::kUnreadable, "", "the file is empty");
  Header header{};
  const std::optional<Format> format = FormatOfStart(file);
  if (format == Format::kJpeg) {
    header = ProbeJpeg(file);
  } else if (format == Format::kPng) {
    const ByteReader big(file, true);
    header = {Format::kPng, big.U32(16), big.U32(20)};
  } else if (format == Format::kWebp) {
    header = ProbeWebp(file);
  } else if (format == Format::kBmp) {
    header = ProbeBmp(file);
  } else if (format == Format::kTiff) {
    header = ProbeTiff(file);
  } else if (format == Format::kPnm) {
    header = ProbePnm(file);
  } else {
    constexpr std::string_view kExpected = "expected JPEG, PNG, WebP, BMP, TIFF or PNM data";
    const std::string_view name = NameOfForeign(file);
    throw Error(ErrorCode::kUnreadable, "",
                name.empty()
                    ? "not an image (" + std::string(kExpected) + ")"
                    : "the file is " + std::string(name) + ", which is not read (" + std::string(kExpected) + ")");
  }
  if (header.width <= 0 || header.height <= 0 || header.width > INT32_MAX || header.height > INT32_MAX)
    throw Error(ErrorCode::kUnreadable, "", "broken " + std::string(Name(header.format)) + " header");
  return header;
}

void CheckSize(const Header& header, int64_t width, int64_t height) {
  if (width != header.width || height != header.height)
    throw Error(ErrorCode::kUnreadable, "",
                "broken " + std::string(Name(header.format)) + " header: its size is both " +
                    std::to_string(header.width) + "x" + std::to_string(header.height) + " and " +
                    std::to_string(width) + "x" + std::to_string(height));
}

Decoded Decode(std::span<const uint8_t> file, const Header& header) {
  Decoded decoded = [&] {
    switch (header.format) {
      case Format::kJpeg:
        return DecodeJpeg(file, header);
      case Format::kPng:
        return DecodePng(file, header);
      case Format::kWebp:
        return DecodeWebp(file, header);
      case Format::kBmp:
        return DecodeBmp(file, header);
      case Format::kTiff:
        return DecodeTiff(file, header);
      case Format::kPnm:
        return DecodePnm(file, header);
    }
    return Decoded{};
  }();
  // The pixels are red, green and blue now: the profile of a grey or CMYK file says nothing of them (ICC.1, 7.2.8).
  constexpr size_t kColorSpaceAt = 16;
  if (!StartsWith(decoded.icc, "RGB ", kColorSpaceAt)) decoded.icc.clear();
  return decoded;
}

Bytes Encode(const Image& image, Format format, const EncodeOptions& options, const Bytes& icc) {
  constexpr int kJpegQuality = 95;
  switch (format) {
    case Format::kJpeg:
      return EncodeJpeg(image, options.quality.value_or(kJpegQuality), icc);
    case Format::kPng:
      return EncodePng(image, options.png_level, icc);
    case Format::kWebp:
      return EncodeWebp(image, options.quality, icc);
    case Format::kBmp:
      return EncodeBmp(image);
    case Format::kTiff:
      return EncodeTiff(image, icc);
    case Format::kPnm:
      return EncodePnm(image);
  }
  return {};
}

}  // namespace maskbench
