#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <memory>
#include <string_view>
#include <utility>

#include "image/codecs.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

struct Delete {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
  void operator()(WebPIDecoder* decoder) const { WebPIDelete(decoder); }
  void operator()(WebPMux* mux) const { WebPMuxDelete(mux); }
  void operator()(uint8_t* bytes) const { WebPFree(bytes); }
};
template <class T>
using Owned = std::unique_ptr<T, Delete>;

std::span<const uint8_t> View(const WebPData& data) { return {data.bytes, data.size}; }

// The first chunk of a name; empty where there is none.
Bytes Chunk(const WebPDemuxer* demuxer, const char* name) {
  WebPChunkIterator chunk;
  if (WebPDemuxGetChunk(demuxer, name, 1, &chunk) == 0) return {};
  const std::span<const uint8_t> data = View(chunk.chunk);
  Bytes bytes(data.begin(), data.end());
  WebPDemuxReleaseChunkIterator(&chunk);
  return bytes;
}

// Decodes one picture into `image` from (x, y) on; false where the data end early.
bool DecodeInto(std::span<const uint8_t> data, Image& image, int x, int y) {
  uint8_t* first = image.row(y) + ptrdiff_t{3} * x;
  WebPDecBuffer output;
  WebPInitDecBuffer(&output);
  output.colorspace = MODE_BGR;
  output.is_external_memory = 1;
  output.u.RGBA = {first, 3 * image.width, image.pixels.size() - static_cast<size_t>(first - image.pixels.data())};
  const Owned<WebPIDecoder> decoder(WebPINewDecoder(&output));
  if (!decoder) throw Error(ErrorCode::kUnreadable, "", "WebP: the decoder cannot be made");
  const VP8StatusCode status = WebPIUpdate(decoder.get(), data.data(), data.size());
  if (status != VP8_STATUS_OK && status != VP8_STATUS_SUSPENDED && status != VP8_STATUS_NOT_ENOUGH_DATA)
    throw Error(ErrorCode::kUnreadable, "", "WebP: the image data cannot be decoded");
  return status == VP8_STATUS_OK;
}

}  // namespace

Header ProbeWebp(std::span<const uint8_t> file) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(file.data(), file.size(), &features) != VP8_STATUS_OK) return {Format::kWebp, 0, 0};
  return {Format::kWebp, features.width, features.height};
}

Decoded DecodeWebp(std::span<const uint8_t> file, const Header& header) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(file.data(), file.size(), &features) != VP8_STATUS_OK)
    throw Error(ErrorCode::kUnreadable, "", "broken webp header");
  CheckSize(header, features.width, features.height);
  Decoded out;
  out.image = Image(features.width, features.height);
  // What is around the image may be broken: then a still image has neither profile nor orientation.
  const WebPData data = {file.data(), file.size()};
  WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
  const Owned<WebPDemuxer> demuxer(WebPDemuxPartial(&data, &state));
  if (features.has_animation == 0) {
    out.damaged = !DecodeInto(file, out.image, 0, 0);
  } else {
    WebPIterator frame;
    if (!demuxer || WebPDemuxGetFrame(demuxer.get(), 1, &frame) == 0)
      throw Error(ErrorCode::kUnreadable, "", "WebP: the animation has no readable frame");
    const std::unique_ptr<WebPIterator, decltype(&WebPDemuxReleaseIterator)> release(&frame, WebPDemuxReleaseIterator);
    const std::span<const uint8_t> fragment = View(frame.fragment);
    WebPBitstreamFeatures picture;
    if (WebPGetFeatures(fragment.data(), fragment.size(), &picture) != VP8_STATUS_OK || frame.x_offset < 0 ||
        frame.y_offset < 0 || int64_t{frame.x_offset} + picture.width > header.width ||
        int64_t{frame.y_offset} + picture.height > header.height)
      throw Error(ErrorCode::kUnreadable, "", "WebP: the animation's first frame is not within the image");
    out.damaged = !DecodeInto(fragment, out.image, frame.x_offset, frame.y_offset);
  }
  if (!demuxer) return out;
  out.icc = Chunk(demuxer.get(), "ICCP");
  const Bytes chunk = Chunk(demuxer.get(), "EXIF");
  std::span<const uint8_t> exif = chunk;
  // Some writers keep the start that EXIF has in a JPEG.
  constexpr std::string_view kJpegStart("Exif\0\0", 6);
  if (std::string_view(reinterpret_cast<const char*>(exif.data()), exif.size()).starts_with(kJpegStart))
    exif = exif.subspan(kJpegStart.size());
  ApplyOrientation(ExifOrientation(exif), out.image);
  return out;
}

Bytes EncodeWebp(const Image& image, std::optional<int> quality, const Bytes& icc) {
  if (image.width > WEBP_MAX_DIMENSION || image.height > WEBP_MAX_DIMENSION)
    throw Error(ErrorCode::kWriteFailed, "",
                "cannot be encoded as WebP, which has at most " + std::to_string(WEBP_MAX_DIMENSION) +
                    " pixels a side; the image is of " + std::to_string(image.width) + "x" +
                    std::to_string(image.height));
  const int stride = 3 * image.width;
  uint8_t* made = nullptr;
  const size_t size = quality ? WebPEncodeBGR(image.pixels.data(), image.width, image.height, stride,
                                              static_cast<float>(*quality), &made)
                              : WebPEncodeLosslessBGR(image.pixels.data(), image.width, image.height, stride, &made);
  const Owned<uint8_t> owned(made);
  if (size == 0) throw Error(ErrorCode::kWriteFailed, "", "cannot be encoded as WebP");
  if (icc.empty()) return {made, made + size};
  const WebPData file = {made, size};
  const WebPData profile = {icc.data(), icc.size()};
  const Owned<WebPMux> mux(WebPMuxCreate(&file, 0));
  WebPData assembled = {nullptr, 0};
  if (!mux || WebPMuxSetChunk(mux.get(), "ICCP", &profile, 0) != WEBP_MUX_OK ||
      WebPMuxAssemble(mux.get(), &assembled) != WEBP_MUX_OK)
    throw Error(ErrorCode::kWriteFailed, "", "the ICC profile cannot be put into the WebP file");
  const Owned<uint8_t> whole(const_cast<uint8_t*>(assembled.bytes));
  return {assembled.bytes, assembled.bytes + assembled.size};
}

}  // namespace maskbench
