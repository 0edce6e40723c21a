#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include "image/bytes.h"
#include "image/codecs.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

enum Compression : uint8_t { kRgb = 0, kRle8 = 1, kRle4 = 2, kBitFields = 3 };

constexpr uint64_t kFileHeader = 14;
constexpr uint32_t kOldHeader = 12;
constexpr uint32_t kInfoHeader = 40;

using Color = std::array<uint8_t, 3>;  // blue, green, red

// Pixels row by row, from the file's first.
class Rows {
 public:
  Rows(Image& image, bool from_top) : image_(image), from_top_(from_top) {}
  uint8_t* operator[](int row) const { return image_.row(from_top_ ? row : image_.height - 1 - row); }

 private:
  Image& image_;
  bool from_top_;
};

// Run-length codes of 4 or 8 bits a pixel. What they leave out gets the palette's first colour. False where they end
// early or run over a row's end.
bool DecodeRuns(std::span<const uint8_t> data, int bits, const std::array<Color, 256>& palette, const Rows& rows,
                const Image& image) {
  const int width = image.width;
  int x = 0;
  int y = 0;
  // A run of bytes that fills a row continues in the next one; an end of row that follows says so again.
  bool went_on = false;
  const auto skip = [&](int64_t count) {
    do {
      const int here = static_cast<int>(std::min<int64_t>(count, width - x));
      for (int i = 0; i < here; ++i) std::ranges::copy(palette[0], rows[y] + ptrdiff_t{3} * (x + i));
      x += here;
      count -= here;
      if (x == width) {
        x = 0;
        ++y;
      }
    } while (count > 0 && y < image.height);
  };
  const auto put = [&](int index) { std::ranges::copy(palette[index], rows[y] + ptrdiff_t{3} * x++); };
  constexpr int kEndOfRow = 0;
  constexpr int kEndOfImage = 1;
  constexpr int kMove = 2;
  for (size_t at = 0; y < image.height;) {
    if (data.size() - at < 2) return false;
    const int count = data[at];
    const int code = data[at + 1];
    at += 2;
    if (count > 0) {
      if (x + count > width) return false;
      for (int i = 0; i < count; ++i) put(bits == 8 ? code : i % 2 == 0 ? code >> 4 : code & 15);
      went_on = bits == 8 && x == width;
      if (went_on) {
        x = 0;
        ++y;
      }
    } else if (code == kEndOfRow) {
      if (!went_on || x > 0) skip(width - x);
      went_on = false;
    } else if (code == kEndOfImage) {
      skip(int64_t{image.height - y} * width - x);
    } else if (code == kMove) {
      if (data.size() - at < 2) return false;
      skip(data[at] + int64_t{data[at + 1]} * width);
      at += 2;
      went_on = false;
    } else {
      const size_t bytes = (static_cast<size_t>(code) * bits + 15) / 16 * 2;
      if (x + code > width || data.size() - at < bytes) return false;
      for (int i = 0; i < code; ++i)
        put(bits == 8 ? data[at + i] : i % 2 == 0 ? data[at + i / 2] >> 4 : data[at + i / 2] & 15);
      at += bytes;
      went_on = false;
    }
  }
  return true;
}

}  // namespace

Header ProbeBmp(std::span<const uint8_t> file) {
  const ByteReader in(file, false);
  if (in.U32(kFileHeader) == kOldHeader) return {Format::kBmp, in.U16(18), in.U16(20)};
  // A negative height means rows from the top.
  return {Format::kBmp, static_cast<int32_t>(in.U32(18)), std::abs(int64_t{static_cast<int32_t>(in.U32(22))})};
}

// To OpenCV's pixels: colours of 5 and 6 bits are shifted up, and the masks of 32 bits a pixel are not looked at.
Decoded DecodeBmp(std::span<const uint8_t> file, const Header& header) {
  const ByteReader in(file, false);
  const uint32_t header_size = in.U32(kFileHeader);
  const bool old = header_size == kOldHeader;
  const uint32_t bits = in.U16(old ? 24 : 28);
  const uint32_t compression = old ? static_cast<uint32_t>(kRgb) : in.U32(30);
  if (!old && header_size < kInfoHeader) throw Error(ErrorCode::kUnreadable, "", "broken bmp header");
  const bool plain =
      compression == kRgb && (bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32);
  const bool masked = compression == kBitFields && (bits == 16 || bits == 32);
  const bool runs = (compression == kRle4 && bits == 4) || (compression == kRle8 && bits == 8);
  if (!plain && !masked && !runs)
    throw Error(ErrorCode::kUnreadable, "",
                "a BMP of " + std::to_string(bits) + " bits a pixel in compression " + std::to_string(compression) +
                    " is not read");
  const uint64_t after_header = kFileHeader + header_size;
  int green_bits = 5;
  if (masked && bits == 16) {
    constexpr uint64_t kMasks = kFileHeader + kInfoHeader;
    const std::array<uint32_t, 3> masks = {in.U32(kMasks), in.U32(kMasks + 4), in.U32(kMasks + 8)};
    if (masks == std::array<uint32_t, 3>{0xF800, 0x7E0, 0x1F})
      green_bits = 6;
    else if (masks != std::array<uint32_t, 3>{0x7C00, 0x3E0, 0x1F})
      throw Error(ErrorCode::kUnreadable, "", "a BMP of 16 bits a pixel with these masks is not read");
  }
  std::array<Color, 256> palette{};
  if (bits <= 8) {
    const uint32_t used = old ? 0 : in.U32(46);
    const uint32_t colors = used == 0 ? 1U << bits : used;
    if (colors > palette.size()) throw Error(ErrorCode::kUnreadable, "", "broken bmp header: its palette is too long");
    for (uint32_t i = 0; i < colors; ++i) {
      const uint32_t entry = in.U32(after_header + uint64_t{i} * (old ? 3 : 4));
      palette[i] = {static_cast<uint8_t>(entry), static_cast<uint8_t>(entry >> 8), static_cast<uint8_t>(entry >> 16)};
    }
  }
  Decoded out;
  Image& image = out.image;
  image = Image(static_cast<int>(header.width), static_cast<int>(header.height));
  const Rows rows(image, !old && static_cast<int32_t>(in.U32(22)) < 0);
  std::span<const uint8_t> data = file.subspan(std::min<size_t>(in.U32(10), file.size()));
  if (runs) {
    out.damaged = !DecodeRuns(data, static_cast<int>(bits), palette, rows, image);
    return out;
  }
  const size_t pitch = (static_cast<size_t>(image.width) * bits + 31) / 32 * 4;
  for (int y = 0; y < image.height; ++y, data = data.subspan(pitch)) {
    if (data.size() < pitch) {
      out.damaged = true;
      break;
    }
    uint8_t* bgr = rows[y];
    for (size_t x = 0; x < static_cast<size_t>(image.width); ++x, bgr += 3) {
      if (bits <= 8) {
        const size_t at = x * bits;
        std::ranges::copy(palette[data[at / 8] >> (8 - bits - at % 8) & ((1U << bits) - 1)], bgr);
      } else if (bits == 16) {
        const unsigned pixel = data[2 * x] | static_cast<unsigned>(data[2 * x + 1]) << 8;
        bgr[0] = static_cast<uint8_t>(pixel << 3);
        bgr[1] = static_cast<uint8_t>(pixel >> 5 << (8 - green_bits));
        bgr[2] = static_cast<uint8_t>(pixel >> (5 + green_bits) << 3);
      } else {
        std::copy_n(data.data() + x * (bits / 8), 3, bgr);
      }
    }
  }
  return out;
}

Bytes EncodeBmp(const Image& image) {
  constexpr uint32_t kHeaders = kFileHeader + kInfoHeader;
  const size_t row_bytes = size_t{3} * image.width;
  const size_t pitch = (row_bytes + 3) / 4 * 4;
  const size_t size = kHeaders + pitch * image.height;
  if (size > std::numeric_limits<int32_t>::max())
    throw Error(ErrorCode::kWriteFailed, "", "cannot be encoded as BMP, which has at most 2 GB");
  Bytes file(size);
  size_t at = 0;
  const auto put = [&](uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) file[at++] = static_cast<uint8_t>(value >> (8 * i));
  };
  put('B' | 'M' << 8, 2);
  put(static_cast<uint32_t>(size), 4);
  put(0, 4);
  put(kHeaders, 4);
  put(kInfoHeader, 4);
  put(static_cast<uint32_t>(image.width), 4);
  put(static_cast<uint32_t>(image.height), 4);
  put(1, 2);   // planes
  put(24, 2);  // bits a pixel; the rest stays 0
  for (int y = 0; y < image.height; ++y)
    std::copy_n(image.row(image.height - 1 - y), row_bytes, file.data() + kHeaders + pitch * y);
  return file;
}

}  // namespace maskbench
