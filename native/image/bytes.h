#ifndef MASKBENCH_IMAGE_BYTES_H_
#define MASKBENCH_IMAGE_BYTES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace maskbench {

// Integers at any place in a file's bytes; 0 outside them, so that a short file reads as one that says nothing. Places
// have 64 bits: those that a file gives can be added to without wrapping.
class ByteReader {
 public:
  ByteReader(std::span<const uint8_t> bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  uint32_t U16(uint64_t at) const { return static_cast<uint32_t>(Integer(at, 2)); }
  uint32_t U32(uint64_t at) const { return static_cast<uint32_t>(Integer(at, 4)); }
  uint64_t U64(uint64_t at) const { return Integer(at, 8); }
  std::span<const uint8_t> bytes() const { return bytes_; }

 private:
  uint64_t Integer(uint64_t at, size_t size) const {
    if (at > bytes_.size() || bytes_.size() - at < size) return 0;
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | bytes_[big_endian_ ? at + i : at + size - 1 - i];
    return value;
  }

  std::span<const uint8_t> bytes_;
  bool big_endian_;
};

// The first directory of a TIFF or BigTIFF file, or of the same structure in EXIF data (TIFF 6.0, section 2).
class TiffDirectory {
 public:
  // Bytes that are not a TIFF give a directory without entries.
  explicit TiffDirectory(std::span<const uint8_t> bytes) : reader_(bytes, !bytes.empty() && bytes[0] == 'M') {
    constexpr uint32_t kTiff = 42;
    constexpr uint32_t kBigTiff = 43;
    if (bytes.size() < 8 || bytes[0] != bytes[1] || (bytes[0] != 'I' && bytes[0] != 'M')) return;
    big_ = reader_.U16(2) == kBigTiff;
    const uint64_t start = big_ ? reader_.U64(8) : reader_.U32(4);
    if ((!big_ && reader_.U16(2) != kTiff) || start > bytes.size()) return;
    first_ = start + (big_ ? 8 : 2);
    count_ = big_ ? reader_.U64(start) : reader_.U16(start);
    // No directory is longer than its file.
    if (count_ > bytes.size() / kEntry) count_ = 0;
  }

  // A tag's single SHORT, LONG or LONG8; 0 where it is absent.
  uint64_t Value(uint32_t tag) const {
    constexpr uint32_t kShort = 3;
    constexpr uint32_t kLong8 = 16;
    for (uint64_t i = 0; i < count_; ++i) {
      const uint64_t at = Entry(i);
      if (reader_.U16(at) != tag) continue;
      const uint64_t value = at + (big_ ? 12 : 8);
      const uint32_t type = reader_.U16(at + 2);
      return type == kShort ? reader_.U16(value) : type == kLong8 ? reader_.U64(value) : reader_.U32(value);
    }
    return 0;
  }

  // The bytes of all tags' values; those that would not fit into the file are left out.
  uint64_t ValueBytes() const {
    constexpr std::array<uint8_t, 19> kTypeSizes = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count_; ++i) {
      const uint32_t type = reader_.U16(Entry(i) + 2);
      const uint64_t values = big_ ? reader_.U64(Entry(i) + 4) : reader_.U32(Entry(i) + 4);
      if (type >= kTypeSizes.size() || values > reader_.bytes().size()) continue;
      const uint64_t size = values * kTypeSizes[type];
      if (size <= reader_.bytes().size()) sum += size;
    }
    return sum;
  }

 private:
  static constexpr uint64_t kEntry = 12;
  static constexpr uint64_t kBigEntry = 20;
  uint64_t Entry(uint64_t i) const { return first_ + i * (big_ ? kBigEntry : kEntry); }

  ByteReader reader_;
  bool big_ = false;
  uint64_t first_ = 0;
  uint64_t count_ = 0;
};

}  // namespace maskbench

#endif  // MASKBENCH_IMAGE_BYTES_H_
