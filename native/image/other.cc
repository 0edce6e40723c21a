#include <dlfcn.h>

#include <exception>
#include <filesystem>
#include <string>

#include "image/codecs.h"
#include "image/formats_module.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

// Loaded once and kept for the life of the process.
struct Module {
  decltype(&MaskbenchDecode) decode = nullptr;
  decltype(&MaskbenchEncode) encode = nullptr;
  std::string problem;

  Module() {
    Dl_info self{};
    dladdr(reinterpret_cast<void*>(&DecodeOther), &self);
    const auto path = std::filesystem::path(self.dli_fname).parent_path() / "maskbench_formats.so";
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      problem = dlerror();
      return;
    }
    reinterpret_cast<decltype(&MaskbenchOpenFormats)>(dlsym(library, "MaskbenchOpenFormats"))();
    decode = reinterpret_cast<decltype(decode)>(dlsym(library, "MaskbenchDecode"));
    encode = reinterpret_cast<decltype(encode)>(dlsym(library, "MaskbenchEncode"));
  }
};

const Module& Formats() {
  static const Module module;
  if (!module.problem.empty())
    throw Error(ErrorCode::kUnsupportedFormat, "",
                "WebP, BMP and TIFF need the package libopencv-imgcodecs-dev at build time: " + module.problem);
  return module;
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
  const std::string extension = "." + std::string(Name(format));
  if (!Formats().encode(image, extension.c_str(), quality.value_or(0), file))
    throw Error(ErrorCode::kWriteFailed, "", "cannot be encoded as " + std::string(Name(format)));
  return file;
}

}  // namespace maskbench
