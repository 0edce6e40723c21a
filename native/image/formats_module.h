#ifndef MASKBENCH_IMAGE_FORMATS_MODULE_H_
#define MASKBENCH_IMAGE_FORMATS_MODULE_H_

#include <cstdint>
#include <span>

#include "image/image.h"
#include "runtime/file.h"

// What maskbench_formats.so exports. Both calls give false where OpenCV cannot do it, or throw cv::Exception.
extern "C" {
void MaskbenchOpenFormats();
bool MaskbenchDecode(std::span<const uint8_t> file, maskbench::Image& image);
// `webp_quality` 0 is lossless.
bool MaskbenchEncode(const maskbench::Image& image, const char* extension, int webp_quality, maskbench::Bytes& file);
}

#endif  // MASKBENCH_IMAGE_FORMATS_MODULE_H_
