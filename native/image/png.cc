#include <spng.h>

#include <cstdlib>
#include <limits>
#include <memory>
#include <utility>

#include "image/codecs.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

using Context = std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)>;

void Check(int error, ErrorCode code) {
  if (error != 0) throw Error(code, "", std::string("PNG: ") + spng_strerror(error));
}

// RGB to BGR or back.
void SwapChannels(std::span<uint8_t> pixels) {
  for (size_t i = 0; i + 2 < pixels.size(); i += 3) std::swap(pixels[i], pixels[i + 2]);
}

}  // namespace

Decoded DecodePng(std::span<const uint8_t> file) {
  const Context context(spng_ctx_new(0), spng_ctx_free);
  Check(spng_set_png_buffer(context.get(), file.data(), file.size()), ErrorCode::kUnreadable);
  spng_ihdr header{};
  Check(spng_get_ihdr(context.get(), &header), ErrorCode::kUnreadable);
  Decoded out;
  out.image = Image(static_cast<int>(header.width), static_cast<int>(header.height));
  Check(spng_decode_image(context.get(), out.image.pixels.data(), out.image.pixels.size(), SPNG_FMT_RGB8, 0),
        ErrorCode::kUnreadable);
  SwapChannels(out.image.pixels);
  spng_iccp icc{};
  if (spng_get_iccp(context.get(), &icc) == 0) out.icc.assign(icc.profile, icc.profile + icc.profile_len);
  spng_exif exif{};
  if (spng_get_exif(context.get(), &exif) == 0)
    ApplyOrientation(ExifOrientation({reinterpret_cast<const uint8_t*>(exif.data), exif.length}), out.image);
  return out;
}

namespace {

// As OpenCV's imwrite: fastest level, run lengths only, the "sub" filter.
Context MakeEncoder(int width, int height, spng_color_type color) {
  constexpr int kRunLengthStrategy = 3;
  Context context(spng_ctx_new(SPNG_CTX_ENCODER), spng_ctx_free);
  spng_ctx* png = context.get();
  spng_set_option(png, SPNG_ENCODE_TO_BUFFER, 1);
  spng_set_option(png, SPNG_IMG_COMPRESSION_LEVEL, 1);
  spng_set_option(png, SPNG_IMG_COMPRESSION_STRATEGY, kRunLengthStrategy);
  spng_set_option(png, SPNG_FILTER_CHOICE, SPNG_FILTER_CHOICE_SUB);
  spng_ihdr header{};
  header.width = static_cast<uint32_t>(width);
  header.height = static_cast<uint32_t>(height);
  header.bit_depth = 8;
  header.color_type = static_cast<uint8_t>(color);
  Check(spng_set_ihdr(png, &header), ErrorCode::kWriteFailed);
  return context;
}

Bytes Finish(spng_ctx* png, std::span<const uint8_t> pixels) {
  Check(spng_encode_image(png, pixels.data(), pixels.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE),
        ErrorCode::kWriteFailed);
  size_t size = 0;
  int error = 0;
  const std::unique_ptr<void, decltype(&std::free)> data(spng_get_png_buffer(png, &size, &error), std::free);
  Check(error, ErrorCode::kWriteFailed);
  const auto* begin = static_cast<const uint8_t*>(data.get());
  return {begin, begin + size};
}

}  // namespace

Bytes EncodePng(const Image& image, const Bytes& icc) {
  const Context context = MakeEncoder(image.width, image.height, SPNG_COLOR_TYPE_TRUECOLOR);
  if (!icc.empty()) {
    spng_iccp chunk{};
    std::snprintf(chunk.profile_name, sizeof(chunk.profile_name), "ICC profile");
    chunk.profile_len = icc.size();
    chunk.profile = reinterpret_cast<char*>(const_cast<uint8_t*>(icc.data()));
    Check(spng_set_iccp(context.get(), &chunk), ErrorCode::kWriteFailed);
  }
  std::vector<uint8_t> rgb = image.pixels;
  SwapChannels(rgb);
  return Finish(context.get(), rgb);
}

Bytes EncodeGreyPng(std::span<const uint8_t> pixels, int width, int height) {
  return Finish(MakeEncoder(width, height, SPNG_COLOR_TYPE_GRAYSCALE).get(), pixels);
}

Bytes DecodePngWithAlpha(std::span<const uint8_t> file, int& width, int& height) {
  const Context context(spng_ctx_new(0), spng_ctx_free);
  Check(spng_set_png_buffer(context.get(), file.data(), file.size()), ErrorCode::kUnreadable);
  spng_ihdr header{};
  Check(spng_get_ihdr(context.get(), &header), ErrorCode::kUnreadable);
  spng_trns transparent{};
  if (header.color_type != SPNG_COLOR_TYPE_TRUECOLOR_ALPHA && header.color_type != SPNG_COLOR_TYPE_GRAYSCALE_ALPHA &&
      spng_get_trns(context.get(), &transparent) != 0)
    throw Error(ErrorCode::kUnreadable, "", "expected a PNG with an alpha channel; it has none");
  width = static_cast<int>(header.width);
  height = static_cast<int>(header.height);
  Bytes pixels(size_t{4} * header.width * header.height);
  Check(spng_decode_image(context.get(), pixels.data(), pixels.size(), SPNG_FMT_RGBA8, SPNG_DECODE_TRNS),
        ErrorCode::kUnreadable);
  return pixels;
}

}  // namespace maskbench
