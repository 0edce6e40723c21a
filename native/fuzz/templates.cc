// A template's picture, and the same bytes as a texture's file.

#include "image/codec.h"
#include "mask/template.h"
#include "png_checksums.h"
#include "runtime/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int64_t kMostPixels = 1'000'000;
  try {
    const maskbench::Header header = maskbench::Probe({data, size});
    if (header.width * header.height > kMostPixels) return 0;
    const auto width = static_cast<double>(header.width);
    const auto height = static_cast<double>(header.height);
    maskbench::TemplateSource source{"fuzzed", {}, std::nullopt, std::nullopt};
    source.front.parts.push_back({"picture", maskbench::Bytes(data, data + size), true});
    source.front.anchors = {
        {28.5, {width / 2, 0}}, {1.9, {0, height / 5}}, {14.1, {width, height / 5}}, {8, {width / 2, height}}};
    const maskbench::Template made(source);
    std::vector<uint32_t> texels;
    for (const maskbench::TemplateLevel& level : made.View(0).levels)
      maskbench::TintLevel(level, {maskbench::Color{10, 100, 200}, nullptr, 1, 0.5F}, 0, texels);
  } catch (const maskbench::Error&) {  // what is expected of most
  }
  return 0;
}
