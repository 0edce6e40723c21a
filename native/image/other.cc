#include <exception>
#include <string>

#include "image/codecs.h"
#include "opencv/module.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

const opencv::Functions& Formats() {
  try {
    return opencv::Load();
  } catch (const std::exception& error) {
    throw Error(
        ErrorCode::kUnsupportedFormat, "",
        std::string("WebP, BMP and TIFF are read and written by OpenCV, which cannot be loaded: ") + error.what());
  }
}

}  // namespace

Image DecodeOther(std::span<const uint8_t> file) {
  Image image;
  std::string reason;
  try {
    if (Formats().decode(file, image)) return image;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    reason = std::string(": ") + error.what();
  }
  throw Error(ErrorCode::kUnreadable, "", "the image data cannot be decoded" + reason);
}

Bytes EncodeOther(const Image& image, Format format, std::optional<int> quality) {
  Bytes file;
  if (!Formats().encode(image, "." + std::string(Name(format)), quality.value_or(0), file))
    throw Error(ErrorCode::kWriteFailed, "", "cannot be encoded as " + std::string(Name(format)));
  return file;
}

}  // namespace maskbench
