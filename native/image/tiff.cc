#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "image/bytes.h"
#include "image/codecs.h"
#include "image/tiff_unpack.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

// A file in memory as libtiff reads or writes it, and what it has to say.
struct File {
  std::span<const uint8_t> read;
  Bytes* written = nullptr;
  uint64_t at = 0;
  std::string problem;
  // Strips or tiles are being decoded: messages from here on are about pixels.
  bool decoding = false;
  bool damaged = false;
};

File& Of(thandle_t handle) { return *static_cast<File*>(handle); }

tmsize_t Read(thandle_t handle, void* to, tmsize_t size) {
  File& file = Of(handle);
  if (size <= 0 || file.at >= file.read.size()) return 0;
  const size_t count = std::min<uint64_t>(size, file.read.size() - file.at);
  std::memcpy(to, file.read.data() + file.at, count);
  file.at += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t Write(thandle_t handle, void* from, tmsize_t size) {
  File& file = Of(handle);
  if (file.written == nullptr || size < 0) return 0;
  const auto end = file.at + static_cast<uint64_t>(size);
  if (file.written->size() < end) file.written->resize(end);
  std::memcpy(file.written->data() + file.at, from, static_cast<size_t>(size));
  file.at = end;
  return size;
}

toff_t Size(thandle_t handle) {
  const File& file = Of(handle);
  return file.written != nullptr ? file.written->size() : file.read.size();
}

toff_t Seek(thandle_t handle, toff_t offset, int whence) {
  const toff_t base = whence == SEEK_CUR ? Of(handle).at : whence == SEEK_END ? Size(handle) : 0;
  return Of(handle).at = base + offset;
}

int Map(thandle_t handle, void** base, toff_t* size) {
  *base = const_cast<uint8_t*>(Of(handle).read.data());
  *size = Of(handle).read.size();
  return 1;
}

int TakeError(TIFF* /*tiff*/, void* user, const char* /*module*/, const char* format, va_list arguments) {
  File& file = *static_cast<File*>(user);
  if (file.decoding) file.damaged = true;
  std::array<char, 256> text{};
  if (file.problem.empty() && std::vsnprintf(text.data(), text.size(), format, arguments) > 0)
    file.problem = text.data();
  return 1;
}

// The decoders that skip lost data with no more than a warning.
int TakeWarning(TIFF* /*tiff*/, void* user, const char* module, const char* /*format*/, va_list /*arguments*/) {
  File& file = *static_cast<File*>(user);
  const std::string_view decoder(module == nullptr ? "" : module);
  if (file.decoding && (decoder == "JPEGLib" || decoder.starts_with("Fax") || decoder.starts_with("PackBits") ||
                        decoder.starts_with("LZWDecode")))
    file.damaged = true;
  return 1;
}

using Handle = std::unique_ptr<TIFF, decltype(&TIFFClose)>;

// `most_bytes`: of any one piece of memory that libtiff asks for; 0: any.
Handle Open(File& file, const char* mode, int64_t most_bytes) {
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                 TIFFOpenOptionsFree);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), TakeError, &file);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), TakeWarning, &file);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), most_bytes);
  return {TIFFClientOpenExt(
              "TIFF", mode, &file, Read, Write, Seek, [](thandle_t) { return 0; }, Size, Map,
              [](thandle_t, void*, toff_t) {}, options.get()),
          TIFFClose};
}

template <class T>
T Field(TIFF* tiff, uint32_t tag) {
  T value{};
  TIFFGetFieldDefaulted(tiff, tag, &value);
  return value;
}

[[noreturn]] void Refuse(const std::string& problem) { throw Error(ErrorCode::kUnreadable, "", "TIFF: " + problem); }

// Those whose decoders ask for as much memory as the data say, or are kept by nobody.
void CheckCompression(TIFF* tiff) {
  const auto scheme = Field<uint16_t>(tiff, TIFFTAG_COMPRESSION);
  constexpr std::array<std::pair<uint16_t, const char*>, 4> kRefused = {{{COMPRESSION_OJPEG, "old-style JPEG"},
                                                                         {COMPRESSION_JBIG, "JBIG"},
                                                                         {COMPRESSION_LZMA, "LZMA"},
                                                                         {COMPRESSION_LERC, "LERC"}}};
  for (const auto& [refused, name] : kRefused)
    if (scheme == refused) Refuse(std::string("its compression, ") + name + ", is not read");
}

// Strips and tiles that share their data with others would be decoded once for each.
void CheckPieces(TIFF* tiff, uint64_t file_size) {
  constexpr uint64_t kMostShared = 16;
  const uint32_t pieces = TIFFIsTiled(tiff) != 0 ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
  uint64_t sum = 0;
  for (uint32_t i = 0; i < pieces; ++i) {
    sum += std::min<uint64_t>(TIFFGetStrileByteCount(tiff, i), file_size);
    if (sum > kMostShared * file_size) Refuse("its strips or tiles are longer than the file");
  }
}

// Whether all data of strips and tiles were used, to the end: where a piece gives another number of bytes than it
// should, it is corrupt.
bool PiecesAreWhole(TIFF* tiff, std::span<const uint8_t> file) {
  const auto scheme = Field<uint16_t>(tiff, TIFFTAG_COMPRESSION);
  if (Field<uint16_t>(tiff, TIFFTAG_FILLORDER) != FILLORDER_MSB2LSB) return true;
  const bool tiled = TIFFIsTiled(tiff) != 0;
  const auto height = Field<uint32_t>(tiff, TIFFTAG_IMAGELENGTH);
  const uint32_t rows = tiled ? height : std::min(Field<uint32_t>(tiff, TIFFTAG_ROWSPERSTRIP), height);
  const uint32_t strips_a_plane = (height + rows - 1) / rows;
  const auto full = static_cast<size_t>(tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff));
  const uint32_t pieces = tiled ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
  Bytes room;
  for (uint32_t i = 0; i < pieces; ++i) {
    const uint64_t at = TIFFGetStrileOffset(tiff, i);
    const uint64_t size = TIFFGetStrileByteCount(tiff, i);
    if (size == 0 || at > file.size() || file.size() - at < size) continue;  // libtiff has told, or knows better
    const std::span<const uint8_t> data = file.subspan(at, size);
    // The last strip may be shorter, or be filled up.
    const uint32_t first_row = i % strips_a_plane * rows;
    const size_t least = tiled ? full : static_cast<size_t>(TIFFVStripSize(tiff, std::min(rows, height - first_row)));
    std::optional<size_t> unpacked = least;
    if (scheme == COMPRESSION_LZW) {
      const bool old_style = size >= 2 && data[0] == 0 && (data[1] & 1) != 0;
      if (!old_style) unpacked = LzwSize(data);
    } else if (scheme == COMPRESSION_PACKBITS) {
      unpacked = PackBitsSize(data);
    } else if (scheme == COMPRESSION_DEFLATE || scheme == COMPRESSION_ADOBE_DEFLATE) {
      room.resize(full);
      unpacked = DeflateSize(data, room);
    }
    if (unpacked != least && unpacked != full) return false;
  }
  return true;
}

}  // namespace

Header ProbeTiff(std::span<const uint8_t> file) {
  constexpr uint32_t kWidthTag = 256;
  constexpr uint32_t kHeightTag = 257;
  const TiffDirectory directory(file);
  // libtiff copies every tag's value, also those that overlap.
  if (directory.ValueBytes() > 2 * file.size()) return {Format::kTiff, 0, 0};
  const auto size = [&](uint32_t tag) {
    return static_cast<int64_t>(std::min<uint64_t>(directory.Value(tag), INT32_MAX));
  };
  return {Format::kTiff, size(kWidthTag), size(kHeightTag)};
}

Decoded DecodeTiff(std::span<const uint8_t> file, const Header& header) {
  File source;
  source.read = file;
  // A tile may be larger than the image; and there are samples of 64 bits.
  constexpr int64_t kBytesPerPixel = 32;
  constexpr int64_t kTileBytes = int64_t{64} << 20;
  const Handle tiff = Open(source, "r", kTileBytes + kBytesPerPixel * header.width * header.height);
  if (!tiff) Refuse(source.problem.empty() ? "the header cannot be read" : source.problem);
  CheckSize(header, Field<uint32_t>(tiff.get(), TIFFTAG_IMAGEWIDTH), Field<uint32_t>(tiff.get(), TIFFTAG_IMAGELENGTH));
  CheckCompression(tiff.get());
  CheckPieces(tiff.get(), file.size());
  std::array<char, 1024> reason{};
  TIFFRGBAImage reader;
  if (TIFFRGBAImageOK(tiff.get(), reason.data()) == 0 ||
      TIFFRGBAImageBegin(&reader, tiff.get(), /*stop=*/0, reason.data()) == 0)
    Refuse(reason.data());
  const std::unique_ptr<TIFFRGBAImage, decltype(&TIFFRGBAImageEnd)> end(&reader, TIFFRGBAImageEnd);
  // Rows as they are stored: they are turned below.
  reader.req_orientation = reader.orientation;
  Decoded out;
  out.image = Image(static_cast<int>(header.width), static_cast<int>(header.height));
  std::vector<uint32_t> raster(size_t{1} * header.width * header.height);
  source.decoding = true;
  const bool whole = TIFFRGBAImageGet(&reader, raster.data(), reader.width, reader.height) != 0;
  source.decoding = false;
  out.damaged = source.damaged || !whole || !PiecesAreWhole(tiff.get(), file);
  uint8_t* bgr = out.image.pixels.data();
  for (const uint32_t pixel : raster) {
    *bgr++ = static_cast<uint8_t>(TIFFGetB(pixel));
    *bgr++ = static_cast<uint8_t>(TIFFGetG(pixel));
    *bgr++ = static_cast<uint8_t>(TIFFGetR(pixel));
  }
  uint32_t profile_size = 0;
  const uint8_t* profile = nullptr;
  if (TIFFGetField(tiff.get(), TIFFTAG_ICCPROFILE, &profile_size, &profile) != 0)
    out.icc.assign(profile, profile + profile_size);
  ApplyOrientation(reader.orientation, out.image);
  return out;
}

// As OpenCV writes it: LZW over differences, strips of 8 kB.
Bytes EncodeTiff(const Image& image, const Bytes& icc) {
  Bytes bytes;
  File file;
  file.written = &bytes;
  {
    constexpr int kChannels = 3;
    constexpr int kStripBytes = 1 << 13;
    const Handle tiff = Open(file, "w", 0);
    const int rows = std::clamp(kStripBytes / kChannels / image.width, 1, image.height);
    bool good = tiff != nullptr;
    const auto set = [&](uint32_t tag, auto... values) {
      good = good && TIFFSetField(tiff.get(), tag, values...) != 0;
    };
    set(TIFFTAG_IMAGEWIDTH, image.width);
    set(TIFFTAG_IMAGELENGTH, image.height);
    set(TIFFTAG_BITSPERSAMPLE, 8);
    set(TIFFTAG_COMPRESSION, COMPRESSION_LZW);
    set(TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
    set(TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
    set(TIFFTAG_SAMPLESPERPIXEL, kChannels);
    set(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    set(TIFFTAG_ROWSPERSTRIP, rows);
    set(TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
    if (!icc.empty()) set(TIFFTAG_ICCPROFILE, static_cast<uint32_t>(icc.size()), icc.data());
    Bytes row(size_t{kChannels} * image.width);
    for (int y = 0; good && y < image.height; ++y) {
      const uint8_t* bgr = image.row(y);
      for (size_t i = 0; i < row.size(); ++i) row[i] = bgr[i - i % 3 + (2 - i % 3)];
      good = TIFFWriteScanline(tiff.get(), row.data(), static_cast<uint32_t>(y), 0) == 1;
    }
    if (!good || TIFFWriteDirectory(tiff.get()) == 0)
      throw Error(ErrorCode::kWriteFailed, "", "cannot be encoded as TIFF: " + file.problem);
  }
  return bytes;
}

}  // namespace maskbench
