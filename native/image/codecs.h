#ifndef MASKBENCH_IMAGE_CODECS_H_
#define MASKBENCH_IMAGE_CODECS_H_

// The codecs behind codec.h, one file each.

#include <cstdint>
#include <optional>
#include <span>

#include "image/codec.h"

namespace maskbench {

Decoded DecodeJpeg(std::span<const uint8_t> file);
Bytes EncodeJpeg(const Image& image, int quality, const Bytes& icc);

Decoded DecodePng(std::span<const uint8_t> file);
Bytes EncodePng(const Image& image, int level, const Bytes& icc);
// A PNG's pixels R, G, B, A, row-major. Throws UNREADABLE, also where it has no alpha channel or transparent colour.
Bytes DecodePngWithAlpha(std::span<const uint8_t> file, int& width, int& height);
// One channel of 8 bits, row-major.
Bytes EncodeGreyPng(std::span<const uint8_t> pixels, int width, int height, int level);

// WebP, BMP and TIFF through OpenCV's imgcodecs, in a module of its own that is loaded when first needed: linking it
// costs 110 ms and 56 MB at every start.
Image DecodeOther(std::span<const uint8_t> file);
Bytes EncodeOther(const Image& image, Format format, std::optional<int> quality);

// The ICC profile of a WebP or TIFF file, empty where there is none; and the file with a profile put in.
Bytes ExtractIcc(std::span<const uint8_t> file, Format format);
Bytes InsertIcc(Bytes file, Format format, const Image& image, const Bytes& icc);

// The orientation (1-8) in a block of EXIF data that begins with its TIFF header; 1 where there is none.
int ExifOrientation(std::span<const uint8_t> exif);
void ApplyOrientation(int orientation, Image& image);

}  // namespace maskbench

#endif  // MASKBENCH_IMAGE_CODECS_H_
