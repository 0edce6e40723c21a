// Every image reader, as a photo goes through it.

#include <cstdlib>

#include "image/source.h"
#include "png_checksums.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using maskbench::Source;
  const maskbench::ReadLimits limits{1'000'000, /*accept_damaged=*/true};
  try {
    const maskbench::ReadImage read =
        maskbench::Read(Source(std::span(data, size)), limits, [](int64_t) { return 0; }, {});
    const maskbench::Image& image = read.decoded.image;
    if (image.width < 1 || image.height < 1 || image.pixels.size() != size_t{3} * image.width * image.height ||
        int64_t{image.width} * image.height > limits.max_pixels)
      std::abort();
  } catch (const maskbench::Error&) {  // what is expected of most
  }
  return 0;
}
