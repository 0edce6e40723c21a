#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

// jpeglib.h needs stdio's types declared before it.
#include <jerror.h>
#include <jpeglib.h>

#include "image/bytes.h"
#include "image/codecs.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

// Scans of a progressive file, as libtiff has it for those inside a TIFF (libjpeg-turbo's own, where it is asked for
// one, is 500); encoders write about ten. Each costs a pass over the whole image, and may take but a few bytes.
constexpr int kMostScans = 100;

// libjpeg reports an error by not returning; its messages are kept here instead of being printed.
struct ErrorManager : jpeg_error_mgr {
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX] = "";
  bool damaged = false;
  // The file ended before its end marker.
  bool ended = false;
};

ErrorManager& Manager(j_common_ptr info) { return *static_cast<ErrorManager*>(info->err); }

// The warnings that mean lost pixels. Others are harmless (extra bytes before a marker, odd JFIF versions). The warning
// of a file's end is left out: if pixels are missing, JWRN_HIT_MARKER follows.
bool MeansDamage(int code) { return code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC; }

void Install(jpeg_common_struct* info, ErrorManager& errors) {
  info->err = jpeg_std_error(&errors);
  errors.error_exit = [](j_common_ptr common) {
    ErrorManager& manager = Manager(common);
    manager.format_message(common, manager.message);
    std::longjmp(manager.escape, 1);
  };
  errors.emit_message = [](j_common_ptr common, int level) {
    ErrorManager& manager = Manager(common);
    if (level < 0 && MeansDamage(manager.msg_code)) manager.damaged = true;
    if (level < 0 && manager.msg_code == JWRN_JPEG_EOF) manager.ended = true;
  };
  errors.output_message = [](j_common_ptr) {};
}

// Inverted CMYK, as Adobe writes it, by the integer formula of OpenCV's imgcodecs.
void CmykToBgr(const uint8_t* cmyk, uint8_t* bgr, int width) {
  for (int x = 0; x < width; ++x, cmyk += 4, bgr += 3) {
    const int k = cmyk[3];
    for (int channel = 0; channel < 3; ++channel)
      bgr[2 - channel] = static_cast<uint8_t>(k - (((255 - cmyk[channel]) * k) >> 8));
  }
}

int Orientation(const jpeg_decompress_struct& info) {
  constexpr char kExif[] = "Exif\0";
  for (jpeg_saved_marker_ptr marker = info.marker_list; marker != nullptr; marker = marker->next) {
    if (marker->marker == JPEG_APP0 + 1 && marker->data_length > 6 && std::memcmp(marker->data, kExif, 6) == 0)
      return ExifOrientation({marker->data + 6, marker->data_length - 6});
  }
  return 1;
}

struct Decoder {
  jpeg_decompress_struct info{};
  ErrorManager errors{};
  jpeg_progress_mgr progress{};
  size_t file_size = 0;
  // Up to here the file's last whole scan had been read.
  size_t scans_end = 0;

  Decoder() { Install(reinterpret_cast<jpeg_common_struct*>(&info), errors); }
  ~Decoder() { jpeg_destroy_decompress(&info); }
};

// Looks at a file of several scans while it is read.
void Watch(j_common_ptr common) {
  if (common->is_decompressor == FALSE) return;
  auto& decoder = *static_cast<Decoder*>(common->client_data);
  jpeg_decompress_struct& info = decoder.info;
  if (info.input_scan_number > kMostScans) {
    std::snprintf(decoder.errors.message, sizeof(decoder.errors.message), "it has more than %d scans", kMostScans);
    std::longjmp(decoder.errors.escape, 1);
  }
  if (info.input_iMCU_row == info.total_iMCU_rows) decoder.scans_end = decoder.file_size - info.src->bytes_in_buffer;
}

// Whether the scans that were read hold all of the image; where the end marker was read, nobody else can know.
bool Complete(const jpeg_decompress_struct& info) {
  for (int i = 0; i < info.num_components; ++i) {
    // Set by a component's first scan.
    if (info.comp_info[i].quant_table == nullptr) return false;
    // How many low bits a coefficient lacks, -1: all.
    if (info.coef_bits != nullptr)
      for (int k = 0; k < DCTSIZE2; ++k)
        if (info.coef_bits[i][k] != 0) return false;
  }
  return true;
}

// Everything between setjmp and longjmp lives in `decoder`, `out` and `line`, outside this frame. False on a fatal
// error.
bool Run(Decoder& decoder, std::span<const uint8_t> file, const Header& header, Decoded& out, Bytes& line,
         int& orientation) {
  jpeg_decompress_struct& info = decoder.info;
  if (setjmp(decoder.errors.escape) != 0) return false;
  jpeg_create_decompress(&info);
  info.client_data = &decoder;
  decoder.progress.progress_monitor = Watch;
  info.progress = &decoder.progress;
  decoder.file_size = file.size();
  jpeg_mem_src(&info, file.data(), file.size());
  jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
  jpeg_save_markers(&info, JPEG_APP0 + 2, 0xFFFF);
  jpeg_read_header(&info, TRUE);
  CheckSize(header, info.image_width, info.image_height);
  orientation = Orientation(info);
  JOCTET* profile = nullptr;
  unsigned int profile_size = 0;
  if (jpeg_read_icc_profile(&info, &profile, &profile_size) == TRUE) {
    out.icc.assign(profile, profile + profile_size);
    std::free(profile);
  }
  const bool cmyk = info.num_components == 4;
  info.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_BGR;
  jpeg_start_decompress(&info);
  out.image = Image(static_cast<int>(info.output_width), static_cast<int>(info.output_height));
  if (cmyk) line.resize(size_t{4} * info.output_width);
  while (info.output_scanline < info.output_height) {
    const int y = static_cast<int>(info.output_scanline);
    JSAMPROW row = cmyk ? line.data() : out.image.row(y);
    jpeg_read_scanlines(&info, &row, 1);
    if (cmyk) CmykToBgr(row, out.image.row(y), out.image.width);
  }
  // What comes after the pixels is left alone: it may be a camera's trailer, without an end marker before it.
  out.damaged = decoder.errors.damaged ||
                (decoder.errors.ended &&
                 (info.arith_code == TRUE || (jpeg_has_multiple_scans(&info) == TRUE && !Complete(info))));
  return true;
}

struct Encoder {
  jpeg_compress_struct info{};
  ErrorManager errors{};
  unsigned char* data = nullptr;
  unsigned long size = 0;  // NOLINT(google-runtime-int): libjpeg's type
  ~Encoder() {
    jpeg_destroy_compress(&info);
    std::free(data);
  }
};

bool Run(Encoder& encoder, const Image& image, int quality, const Bytes& icc) {
  jpeg_compress_struct& info = encoder.info;
  if (setjmp(encoder.errors.escape) != 0) return false;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &encoder.data, &encoder.size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = 3;
  info.in_color_space = JCS_EXT_BGR;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  if (!icc.empty()) jpeg_write_icc_profile(&info, icc.data(), static_cast<unsigned int>(icc.size()));
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<uint8_t*>(image.row(static_cast<int>(info.next_scanline)));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace

// The size in the frame header (ITU-T T.81, B.2.2); 0×0 where there is none.
Header ProbeJpeg(std::span<const uint8_t> file) {
  const ByteReader in(file, true);
  for (uint64_t at = 2; at + 9 < file.size();) {
    const int marker = file[at + 1];
    if (file[at] != 0xFF || marker == 0xFF) {
      ++at;
    } else if (marker == 0 || marker == 1 || (marker >= 0xD0 && marker <= 0xD8)) {
      at += 2;
    } else if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
      return {Format::kJpeg, in.U16(at + 7), in.U16(at + 5)};
    } else if (marker == 0xD9 || marker == 0xDA) {
      break;
    } else {
      at += 2 + in.U16(at + 2);
    }
  }
  return {Format::kJpeg, 0, 0};
}

Decoded DecodeJpeg(std::span<const uint8_t> file, const Header& header) {
  Decoder decoder;
  Decoded out;
  Bytes line;
  int orientation = 1;
  bool whole = Run(decoder, file, header, out, line, orientation);
  if (!whole && decoder.scans_end > 0 && decoder.info.input_scan_number <= kMostScans) {
    // Something that is not a scan came after several scans. If they hold all of the image, it is only a trailer.
    Decoder without_rest;
    out = {};
    whole = Run(without_rest, file.first(decoder.scans_end), header, out, line, orientation) && !out.damaged;
  }
  if (!whole)
    throw Error(decoder.errors.msg_code == JERR_OUT_OF_MEMORY ? ErrorCode::kOutOfMemory : ErrorCode::kUnreadable, "",
                std::string("not a readable JPEG: ") + decoder.errors.message);
  ApplyOrientation(orientation, out.image);
  return out;
}

Bytes EncodeJpeg(const Image& image, int quality, const Bytes& icc) {
  Encoder encoder;
  Install(reinterpret_cast<jpeg_common_struct*>(&encoder.info), encoder.errors);
  if (!Run(encoder, image, quality, icc))
    throw Error(ErrorCode::kWriteFailed, "", std::string("cannot be encoded as JPEG: ") + encoder.errors.message);
  return {encoder.data, encoder.data + encoder.size};
}

}  // namespace maskbench
