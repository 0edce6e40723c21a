#include <libdeflate.h>
#include <spng.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "image/bytes.h"
#include "image/codecs.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

using Context = std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)>;

void Check(int error, ErrorCode code) {
  if (error == SPNG_EMEM) code = ErrorCode::kOutOfMemory;
  if (error != 0) throw Error(code, "", std::string("PNG: ") + spng_strerror(error));
}

// RGB to BGR or back.
void SwapChannels(std::span<uint8_t> pixels) {
  for (size_t i = 0; i + 2 < pixels.size(); i += 3) std::swap(pixels[i], pixels[i + 2]);
}

// The file without its texts and suggested palettes, where it has any: libspng would decompress and keep them all.
Bytes WithoutTexts(std::span<const uint8_t> file) {
  constexpr size_t kSignature = 8;
  constexpr uint64_t kAround = 12;  // a chunk's length, type and checksum
  constexpr std::array<std::string_view, 4> kTexts = {"tEXt", "zTXt", "iTXt", "sPLT"};
  const ByteReader in(file, true);
  Bytes kept;
  size_t kept_to = 0;
  for (uint64_t at = kSignature; at + kAround <= file.size();) {
    const uint64_t end = std::min<uint64_t>(at + kAround + in.U32(at), file.size());
    const std::string_view type(reinterpret_cast<const char*>(file.data()) + at + 4, 4);
    if (std::ranges::find(kTexts, type) != kTexts.end()) {
      kept.insert(kept.end(), file.begin() + static_cast<ptrdiff_t>(kept_to),
                  file.begin() + static_cast<ptrdiff_t>(at));
      kept_to = end;
    }
    at = end;
  }
  if (kept_to > 0) kept.insert(kept.end(), file.begin() + static_cast<ptrdiff_t>(kept_to), file.end());
  return kept;
}

// A file that libspng has begun to read.
struct Reader {
  const Bytes without_texts;
  const Context context{spng_ctx_new(0), spng_ctx_free};
  spng_ihdr header{};

  explicit Reader(std::span<const uint8_t> file) : without_texts(WithoutTexts(file)) {
    // Bytes of decompressed profiles and whatever else is kept.
    constexpr size_t kMostMetadata = size_t{32} << 20;
    const std::span<const uint8_t> bytes = without_texts.empty() ? file : without_texts;
    Check(spng_set_chunk_limits(context.get(), kMostMetadata, kMostMetadata), ErrorCode::kUnreadable);
    Check(spng_set_png_buffer(context.get(), bytes.data(), bytes.size()), ErrorCode::kUnreadable);
    Check(spng_get_ihdr(context.get(), &header), ErrorCode::kUnreadable);
  }
};

}  // namespace

Decoded DecodePng(std::span<const uint8_t> file, const Header& header) {
  const Reader reader(file);
  const Context& context = reader.context;
  CheckSize(header, reader.header.width, reader.header.height);
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

// One a thread, made anew where the level changes.
libdeflate_compressor* Compressor(int level) {
  thread_local int made_level = -1;
  thread_local std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      nullptr, libdeflate_free_compressor);
  if (std::exchange(made_level, level) != level) compressor.reset(libdeflate_alloc_compressor(level));
  return compressor.get();
}

void AppendBig32(Bytes& bytes, uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<uint8_t>(value >> shift));
}

// A chunk of the PNG specification (section 5.3) in a file that is being made.
class Chunk {
 public:
  Chunk(Bytes& file, std::string_view type) : file_(file), start_(file.size()) {
    AppendBig32(file_, 0);
    file_.insert(file_.end(), type.begin(), type.end());
  }
  // Appends data in zlib's format.
  void Deflate(std::span<const uint8_t> data, int level) {
    libdeflate_compressor* compressor = Compressor(level);
    const size_t at = file_.size();
    file_.resize(at + libdeflate_zlib_compress_bound(compressor, data.size()));
    file_.resize(at +
                 libdeflate_zlib_compress(compressor, data.data(), data.size(), file_.data() + at, file_.size() - at));
  }
  void End() {
    const auto size = static_cast<uint32_t>(file_.size() - start_ - 8);
    for (unsigned i = 0; i < 4; ++i) file_[start_ + i] = static_cast<uint8_t>(size >> (24 - 8 * i));
    AppendBig32(file_, libdeflate_crc32(0, file_.data() + start_ + 4, size + 4));
  }

 private:
  Bytes& file_;
  size_t start_;
};

// Rows of `channels` bytes a pixel, each told as its difference from the pixel to the left ("Sub", section 9.2), as
// OpenCV's imwrite does.
template <class Pixel>
Bytes WritePng(int width, int height, int channels, int level, const Bytes& icc, const Pixel& pixel) {
  constexpr uint8_t kGrey = 0;
  constexpr uint8_t kRgb = 2;
  constexpr uint8_t kSub = 1;
  Bytes file = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  Chunk header(file, "IHDR");
  AppendBig32(file, static_cast<uint32_t>(width));
  AppendBig32(file, static_cast<uint32_t>(height));
  file.insert(file.end(), {8, channels == 1 ? kGrey : kRgb, 0, 0, 0});
  header.End();
  if (!icc.empty()) {
    constexpr std::string_view kName("ICC profile\0\0", 13);  // a name, its end, and zlib's method
    Chunk profile(file, "iCCP");
    file.insert(file.end(), kName.begin(), kName.end());
    profile.Deflate(icc, level);
    profile.End();
  }
  thread_local Bytes rows;
  const size_t row_bytes = 1 + static_cast<size_t>(width) * channels;
  rows.resize(row_bytes * height);
  for (int y = 0; y < height; ++y) {
    uint8_t* row = rows.data() + row_bytes * y;
    *row++ = kSub;
    pixel(y, row);
  }
  Chunk data(file, "IDAT");
  data.Deflate(rows, level);
  data.End();
  Chunk(file, "IEND").End();
  return file;
}

}  // namespace

Bytes EncodePng(const Image& image, int level, const Bytes& icc) {
  return WritePng(image.width, image.height, 3, level, icc, [&](int y, uint8_t* row) {
    const uint8_t* bgr = image.row(y);
    for (int channel = 0; channel < 3; ++channel) row[channel] = bgr[2 - channel];
    for (int i = 3; i < 3 * image.width; i += 3)
      for (int channel = 0; channel < 3; ++channel)
        row[i + channel] = static_cast<uint8_t>(bgr[i + 2 - channel] - bgr[i - 1 - channel]);
  });
}

Bytes EncodeGreyPng(std::span<const uint8_t> pixels, int width, int height, int level) {
  return WritePng(width, height, 1, level, {}, [&](int y, uint8_t* row) {
    const uint8_t* grey = pixels.data() + static_cast<ptrdiff_t>(y) * width;
    row[0] = grey[0];
    for (int i = 1; i < width; ++i) row[i] = static_cast<uint8_t>(grey[i] - grey[i - 1]);
  });
}

Bytes DecodePngWithAlpha(std::span<const uint8_t> file, int& width, int& height) {
  const Reader reader(file);
  const Context& context = reader.context;
  const spng_ihdr& header = reader.header;
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
