#include <array>
#include <cstring>
#include <string_view>

#include "image/bytes.h"
#include "image/codecs.h"

namespace maskbench {
namespace {

constexpr uint32_t kTiffIccTag = 34675;  // ICC.1, annex B.4

void AppendLittle(Bytes& bytes, uint32_t value, int size) {
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

void PutLittle32(Bytes& bytes, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<uint8_t>(value >> (8 * i));
}

void AppendText(Bytes& bytes, std::string_view text) { bytes.insert(bytes.end(), text.begin(), text.end()); }

void AppendChunk(Bytes& bytes, std::string_view name, std::span<const uint8_t> data) {
  AppendText(bytes, name);
  AppendLittle(bytes, static_cast<uint32_t>(data.size()), 4);
  bytes.insert(bytes.end(), data.begin(), data.end());
  if (data.size() % 2 != 0) bytes.push_back(0);
}

// Wraps a simple WebP file into the extended container (WebP container specification, "Extended File Format").
Bytes InsertWebpIcc(const Bytes& file, const Image& image, const Bytes& icc) {
  constexpr size_t kRiffHeader = 12;
  constexpr uint32_t kHasIcc = 0x20;
  Bytes out(file.begin(), file.begin() + kRiffHeader);
  Bytes canvas;
  AppendLittle(canvas, kHasIcc, 4);
  AppendLittle(canvas, static_cast<uint32_t>(image.width - 1), 3);
  AppendLittle(canvas, static_cast<uint32_t>(image.height - 1), 3);
  AppendChunk(out, "VP8X", canvas);
  AppendChunk(out, "ICCP", icc);
  out.insert(out.end(), file.begin() + kRiffHeader, file.end());
  PutLittle32(out, 4, static_cast<uint32_t>(out.size() - 8));
  return out;
}

// Appends the profile and a copy of the directory with one entry more. OpenCV writes little-endian files here.
Bytes InsertTiffIcc(Bytes file, const Bytes& icc) {
  constexpr uint32_t kUndefined = 7;
  const Bytes source = file;
  const TiffDirectory directory(source);
  if (directory.count() == 0 || source[0] != 'I') return file;
  const auto profile_at = static_cast<uint32_t>(file.size() + file.size() % 2);
  file.resize(profile_at);
  file.insert(file.end(), icc.begin(), icc.end());
  file.resize(file.size() + file.size() % 2);
  const auto directory_at = static_cast<uint32_t>(file.size());
  AppendLittle(file, static_cast<uint32_t>(directory.count() + 1), 2);
  bool inserted = false;
  const auto insert = [&] {
    AppendLittle(file, kTiffIccTag, 2);
    AppendLittle(file, kUndefined, 2);
    AppendLittle(file, static_cast<uint32_t>(icc.size()), 4);
    AppendLittle(file, profile_at, 4);
    inserted = true;
  };
  for (size_t i = 0; i < directory.count(); ++i) {
    const size_t at = directory.start() + 2 + 12 * i;
    if (!inserted && directory.reader().U16(at) > kTiffIccTag) insert();
    file.insert(file.end(), source.begin() + static_cast<ptrdiff_t>(at),
                source.begin() + static_cast<ptrdiff_t>(at + 12));
  }
  if (!inserted) insert();
  AppendLittle(file, 0, 4);
  PutLittle32(file, 4, directory_at);
  return file;
}

}  // namespace

Bytes ExtractIcc(std::span<const uint8_t> file, Format format) {
  std::span<const uint8_t> profile;
  const auto part = [&](size_t at, size_t size) {
    if (at <= file.size() && size <= file.size() - at) profile = file.subspan(at, size);
  };
  if (format == Format::kWebp) {
    const ByteReader in(file, false);
    for (size_t at = 12; at + 8 <= file.size(); at += 8 + in.U32(at + 4) + in.U32(at + 4) % 2) {
      if (std::memcmp(file.data() + at, "ICCP", 4) == 0) part(at + 8, in.U32(at + 4));
    }
  } else if (format == Format::kTiff) {
    const TiffDirectory directory(file);
    if (const auto at = directory.Entry(kTiffIccTag))
      part(directory.reader().U32(*at + 8), directory.reader().U32(*at + 4));
  }
  return {profile.begin(), profile.end()};
}

Bytes InsertIcc(Bytes file, Format format, const Image& image, const Bytes& icc) {
  if (icc.empty()) return file;
  if (format == Format::kWebp) return InsertWebpIcc(file, image, icc);
  if (format == Format::kTiff) return InsertTiffIcc(std::move(file), icc);
  return file;
}

}  // namespace maskbench
