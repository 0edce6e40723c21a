#ifndef MASKBENCH_IMAGE_CODECS_H_
#define MASKBENCH_IMAGE_CODECS_H_

// The codecs behind codec.h, one file each.

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "image/codec.h"

namespace maskbench {

// Each takes what Probe said of the file, and throws UNREADABLE before it allocates pixels where its library finds
// another size.
Decoded DecodeJpeg(std::span<const uint8_t> file, const Header& header);
Decoded DecodePng(std::span<const uint8_t> file, const Header& header);
Decoded DecodeWebp(std::span<const uint8_t> file, const Header& header);
Decoded DecodeTiff(std::span<const uint8_t> file, const Header& header);
Decoded DecodeBmp(std::span<const uint8_t> file, const Header& header);
Decoded DecodePnm(std::span<const uint8_t> file, const Header& header);

// The width and height of a file that begins as one of the format; 0 where they are broken.
Header ProbeJpeg(std::span<const uint8_t> file);
Header ProbeWebp(std::span<const uint8_t> file);
Header ProbeTiff(std::span<const uint8_t> file);
Header ProbeBmp(std::span<const uint8_t> file);
Header ProbePnm(std::span<const uint8_t> file);

Bytes EncodeJpeg(const Image& image, int quality, const Bytes& icc);
Bytes EncodePng(const Image& image, int level, const Bytes& icc);
// Without a quality, lossless.
Bytes EncodeWebp(const Image& image, std::optional<int> quality, const Bytes& icc);
Bytes EncodeTiff(const Image& image, const Bytes& icc);
Bytes EncodeBmp(const Image& image);
Bytes EncodePnm(const Image& image);

// A PNG's pixels R, G, B, A, row-major. Throws UNREADABLE, also where it has no alpha channel or transparent colour.
Bytes DecodePngWithAlpha(std::span<const uint8_t> file, int& width, int& height);
// One channel of 8 bits, row-major.
Bytes EncodeGreyPng(std::span<const uint8_t> pixels, int width, int height, int level);

// Throws UNREADABLE unless the image is as wide and high as Probe said, which is what memory was asked for.
void CheckSize(const Header& header, int64_t width, int64_t height);

// The orientation (1-8) in a block of EXIF data that begins with its TIFF header; 1 where there is none.
int ExifOrientation(std::span<const uint8_t> exif);
void ApplyOrientation(int orientation, Image& image);

}  // namespace maskbench

#endif  // MASKBENCH_IMAGE_CODECS_H_
