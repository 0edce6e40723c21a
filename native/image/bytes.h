#ifndef MASKBENCH_IMAGE_BYTES_H_
#define MASKBENCH_IMAGE_BYTES_H_

#include <cstdint>
#include <optional>
#include <span>

namespace maskbench {

// Integers at any place in a file's bytes; 0 outside them, so that a short file reads as one that says nothing.
class ByteReader {
 public:
  ByteReader(std::span<const uint8_t> bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  uint32_t U16(size_t at) const { return Integer(at, 2); }
  uint32_t U24(size_t at) const { return Integer(at, 3); }
  uint32_t U32(size_t at) const { return Integer(at, 4); }
  std::span<const uint8_t> bytes() const { return bytes_; }

 private:
  uint32_t Integer(size_t at, size_t size) const {
    if (at > bytes_.size() || bytes_.size() - at < size) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | bytes_[big_endian_ ? at + i : at + size - 1 - i];
    return value;
  }

  std::span<const uint8_t> bytes_;
  bool big_endian_;
};

// The first directory of a TIFF file, or of the same structure in EXIF data (TIFF 6.0, section 2).
class TiffDirectory {
 public:
  // Of bytes that are no TIFF, a directory without entries.
  explicit TiffDirectory(std::span<const uint8_t> bytes)
      : reader_(bytes, !bytes.empty() && bytes[0] == 'M'), start_(reader_.U32(4)) {
    const bool tiff =
        bytes.size() >= 8 && bytes[0] == bytes[1] && (bytes[0] == 'I' || bytes[0] == 'M') && reader_.U16(2) == 42;
    count_ = tiff ? reader_.U16(start_) : 0;
  }

  const ByteReader& reader() const { return reader_; }
  size_t start() const { return start_; }
  size_t count() const { return count_; }

  // Where the 12-byte entry of a tag lies.
  std::optional<size_t> Entry(uint32_t tag) const {
    for (size_t i = 0; i < count_; ++i) {
      const size_t at = start_ + 2 + 12 * i;
      if (reader_.U16(at) == tag) return at;
    }
    return std::nullopt;
  }

  // A tag's single SHORT or LONG; 0 where it is absent.
  uint32_t Value(uint32_t tag) const {
    constexpr uint32_t kShort = 3;
    const std::optional<size_t> at = Entry(tag);
    if (!at) return 0;
    return reader_.U16(*at + 2) == kShort ? reader_.U16(*at + 8) : reader_.U32(*at + 8);
  }

 private:
  ByteReader reader_;
  size_t start_;
  size_t count_ = 0;
};

}  // namespace maskbench

#endif  // MASKBENCH_IMAGE_BYTES_H_
