#ifndef MASKBENCH_FUZZ_PNG_CHECKSUMS_H_
#define MASKBENCH_FUZZ_PNG_CHECKSUMS_H_

#include <libdeflate.h>

#include <cstdint>
#include <cstring>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

// libFuzzer's own mutations, and then right checksums for the chunks of a PNG: without them no reader looks further.
// NOLINTNEXTLINE(misc-definitions-in-headers): each program includes it once
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned /*seed*/) {
  constexpr char kSignature[] = "\x89PNG\r\n\x1A\n";
  constexpr size_t kAround = 12;  // a chunk's length, type and checksum
  const auto big32 = [&](size_t at) {
    return size_t{data[at]} << 24 | size_t{data[at + 1]} << 16 | size_t{data[at + 2]} << 8 | data[at + 3];
  };
  size = LLVMFuzzerMutate(data, size, max_size);
  if (size < 8 || std::memcmp(data, kSignature, 8) != 0) return size;
  for (size_t at = 8; at + kAround <= size;) {
    const size_t length = big32(at);
    if (length > size - at - kAround) break;
    const uint32_t sum = libdeflate_crc32(0, data + at + 4, length + 4);
    for (size_t i = 0; i < 4; ++i) data[at + 8 + length + i] = static_cast<uint8_t>(sum >> (24 - 8 * i));
    at += length + kAround;
  }
  return size;
}

#endif  // MASKBENCH_FUZZ_PNG_CHECKSUMS_H_
