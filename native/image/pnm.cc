#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string>
#include <string_view>

#include "image/codecs.h"
#include "runtime/error.h"

namespace maskbench {
namespace {

// The words of a PNM file: numbers between white space and comments.
class Words {
 public:
  explicit Words(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  // The next number, of so many digits at most; -1 where something else or nothing is.
  int64_t Number(int most_digits = 10) {
    while (at_ < bytes_.size() && (std::isspace(bytes_[at_]) != 0 || bytes_[at_] == '#')) {
      if (bytes_[at_] == '#')
        while (at_ < bytes_.size() && bytes_[at_] != '\n' && bytes_[at_] != '\r') ++at_;
      else
        ++at_;
    }
    int64_t value = -1;
    for (int digits = 0; digits < most_digits && at_ < bytes_.size() && std::isdigit(bytes_[at_]) != 0; ++digits)
      value = 10 * std::max<int64_t>(value, 0) + (bytes_[at_++] - '0');
    return value;
  }
  // What comes after `skip` bytes more.
  std::span<const uint8_t> Rest(size_t skip) const { return bytes_.subspan(std::min(at_ + skip, bytes_.size())); }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 2;  // after "P1" to "P6"
};

struct Pnm {
  Words words;
  int64_t width, height, most;
  bool bits, color, binary;

  explicit Pnm(std::span<const uint8_t> file)
      : words(file),
        width(words.Number()),
        height(words.Number()),
        most(file[1] == '1' || file[1] == '4' ? 1 : words.Number()),
        bits(file[1] == '1' || file[1] == '4'),
        color(file[1] == '3' || file[1] == '6'),
        binary(file[1] >= '4') {}
};

}  // namespace

Header ProbePnm(std::span<const uint8_t> file) {
  const Pnm pnm(file);
  if (pnm.most < 1 || pnm.most > UINT16_MAX) return {Format::kPnm, 0, 0};
  return {Format::kPnm, pnm.width, pnm.height};
}

// To OpenCV's pixels: samples of text are brought to 0..255, binary ones are taken as they are, their high byte where
// they have two.
Decoded DecodePnm(std::span<const uint8_t> file, const Header& header) {
  Pnm pnm(file);
  Decoded out;
  out.image = Image(static_cast<int>(header.width), static_cast<int>(header.height));
  const size_t samples_a_pixel = pnm.color ? 3 : 1;
  const size_t samples_a_row = samples_a_pixel * static_cast<size_t>(header.width);
  const size_t sample_bytes = pnm.most > UINT8_MAX ? 2 : 1;
  const size_t row_bytes = pnm.bits ? (samples_a_row + 7) / 8 : samples_a_row * sample_bytes;
  std::span<const uint8_t> data = pnm.words.Rest(1);
  for (int y = 0; y < out.image.height && !out.damaged; ++y) {
    if (pnm.binary && data.size() < row_bytes) {
      out.damaged = true;
      break;
    }
    const auto sample = [&](size_t i) -> int {
      constexpr int kWhite = 255;
      if (pnm.binary) return pnm.bits ? ((data[i / 8] >> (7 - i % 8) & 1) != 0 ? 0 : kWhite) : data[i * sample_bytes];
      const int64_t value = pnm.words.Number(pnm.bits ? 1 : 10);
      if (value < 0) out.damaged = true;
      if (pnm.bits) return value > 0 ? 0 : kWhite;
      const int64_t in_range = std::clamp<int64_t>(value, 0, pnm.most);
      return static_cast<int>(sample_bytes == 2 ? in_range >> 8 : in_range * kWhite / pnm.most);
    };
    uint8_t* bgr = out.image.row(y);
    for (size_t i = 0; i < samples_a_row && !out.damaged; ++i) {
      const auto value = static_cast<uint8_t>(sample(i));
      if (pnm.color)
        bgr[i - i % 3 + (2 - i % 3)] = value;
      else
        std::fill_n(bgr + 3 * i, 3, value);
    }
    if (pnm.binary) data = data.subspan(row_bytes);
  }
  return out;
}

Bytes EncodePnm(const Image& image) {
  const std::string header = "P6\n" + std::to_string(image.width) + " " + std::to_string(image.height) + "\n255\n";
  Bytes file(header.begin(), header.end());
  file.insert(file.end(), image.pixels.begin(), image.pixels.end());
  for (size_t i = header.size(); i + 2 < file.size(); i += 3) std::swap(file[i], file[i + 2]);
  return file;
}

}  // namespace maskbench
