#ifndef MASKBENCH_IMAGE_CODEC_H_
#define MASKBENCH_IMAGE_CODEC_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "image/image.h"
#include "runtime/file.h"

namespace maskbench {

enum class Format { kJpeg, kPng, kWebp, kBmp, kTiff, kPnm };

// "jpeg", "png", "webp", "bmp", "tiff" or "pnm".
std::string_view Name(Format format);
std::optional<Format> FormatOfName(std::string_view name);
// By a path's extension, in either case.
std::optional<Format> FormatOfPath(std::string_view path);

struct Header {
  Format format;
  // Each at most 2^31 - 1.
  int64_t width;
  int64_t height;
};

struct Decoded {
  Image image;
  // The ICC profile of the red, green and blue in `image`, empty where there is none.
  Bytes icc;
  // The file ends early or its data are corrupt; what could be read is in `image`.
  bool damaged = false;
};

// Errors of these functions have an empty subject: they do not know the file's name.

// The format of a file that begins with `start`: its name, "other" for an image of a format that is not read, empty if
// the file is not an image. 64 bytes suffice.
std::string_view KindOfStart(std::span<const uint8_t> start);
// What the file says it is, without decoding. Throws UNREADABLE.
Header Probe(std::span<const uint8_t> file);
// The pixels that OpenCV's imread gives in its colour mode: EXIF orientation applied, grey and CMYK made BGR, 16-bit
// made 8-bit, alpha dropped; of several images or frames the first. Throws UNREADABLE.
Decoded Decode(std::span<const uint8_t> file, const Header& header);

struct EncodeOptions {
  // For JPEG (95 if not given) and WebP (lossless if not given), 1 to 100.
  std::optional<int> quality;
  // How hard PNG is compressed, libdeflate's 0 to 12.
  int png_level = 1;
};
// BMP and PNM carry no ICC profile. PNM is always P6, whose three channels a mask's colour needs.
Bytes Encode(const Image& image, Format format, const EncodeOptions& options, const Bytes& icc);

}  // namespace maskbench

#endif  // MASKBENCH_IMAGE_CODEC_H_
