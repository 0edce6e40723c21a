#ifndef MASKBENCH_OPENCV_MODULE_H_
#define MASKBENCH_OPENCV_MODULE_H_

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "face/face.h"
#include "image/image.h"
#include "mask/style.h"
#include "runtime/file.h"

// What maskbench_opencv.so does: all that OpenCV is needed for at run time. It is loaded when it is first asked for,
// since OpenCV's libraries take a tenth of a second to load, and one of them starts threads.

namespace maskbench::opencv {

// Both give false where OpenCV cannot do it, or throw cv::Exception.
using DecodeFunction = bool (*)(std::span<const uint8_t> file, Image& image);
// `webp_quality` 0 is lossless.
using EncodeFunction = bool (*)(const Image& image, const std::string& extension, int webp_quality, Bytes& file);
// The shape's outline, if there is one, and numbered points.
using OutlineFunction = void (*)(Image& image, const FlatShape* shape, const Landmarks& landmarks, Color color);

struct Functions {
  DecodeFunction decode;
  EncodeFunction encode;
  OutlineFunction outline;
};

// The module's only symbol is a function that gives them.
inline constexpr char kEntry[] = "MaskbenchOpenCv";
using Entry = void (*)(Functions& functions);

// Throws std::runtime_error where it cannot be loaded.
const Functions& Load();

}  // namespace maskbench::opencv

#endif  // MASKBENCH_OPENCV_MODULE_H_
