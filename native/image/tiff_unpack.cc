#include "image/tiff_unpack.h"

#include <libdeflate.h>

#include <array>
#include <memory>

namespace maskbench {

std::optional<size_t> LzwSize(std::span<const uint8_t> data) {
  constexpr uint32_t kClear = 256;
  constexpr uint32_t kEnd = 257;
  constexpr uint32_t kFirstFree = 258;
  constexpr uint32_t kLeastBits = 9;
  constexpr uint32_t kMostBits = 12;
  // The length of the string that each code stands for.
  std::array<uint32_t, 1U << kMostBits> sizes;
  sizes.fill(1);
  uint32_t free = kFirstFree;
  uint32_t bits = kLeastBits;
  uint32_t before = kClear;
  uint32_t held = 0;
  uint32_t held_bits = 0;
  size_t size = 0;
  for (size_t at = 0;;) {
    while (held_bits < bits) {
      if (at == data.size()) return size;  // some writers leave out the end code
      held = held << 8 | data[at++];
      held_bits += 8;
    }
    held_bits -= bits;
    const uint32_t code = held >> held_bits & ((1U << bits) - 1);
    if (code == kEnd) return size;
    if (code == kClear) {
      free = kFirstFree;
      bits = kLeastBits;
    } else {
      if (before != kClear && free < sizes.size()) sizes[free++] = sizes[before] + 1;
      if (code >= (before == kClear ? kClear : free)) return std::nullopt;
      size += sizes[code];
      // One code early, as TIFF has it.
      if (free > (1U << bits) - 2 && bits < kMostBits) ++bits;
    }
    before = code;
  }
}

std::optional<size_t> PackBitsSize(std::span<const uint8_t> data) {
  constexpr uint8_t kNothing = 128;
  size_t size = 0;
  for (size_t at = 0; at < data.size();) {
    const uint8_t code = data[at++];
    if (code == kNothing) continue;
    const size_t count = code < kNothing ? code + 1 : 257 - code;
    const size_t bytes = code < kNothing ? count : 1;
    // A lone byte may pad the data to an even length.
    if (data.size() - at < bytes) return at == data.size() ? std::optional(size) : std::nullopt;
    at += bytes;
    size += count;
  }
  return size;
}

std::optional<size_t> DeflateSize(std::span<const uint8_t> data, std::span<uint8_t> room) {
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> decompressor(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  size_t size = 0;
  if (libdeflate_zlib_decompress(decompressor.get(), data.data(), data.size(), room.data(), room.size(), &size) !=
      LIBDEFLATE_SUCCESS)
    return std::nullopt;
  return size;
}

}  // namespace maskbench
