#ifndef MASKBENCH_EMBED_HALF_H_
#define MASKBENCH_EMBED_HALF_H_

#include <bit>
#include <cmath>
#include <cstdint>

namespace maskbench {

// IEEE 754 half precision, rounded to nearest even.
inline uint16_t ToHalf(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return sign | 0x7E00;            // NaN
  if (magnitude >= 0x47800000 - 0x1000) return sign | 0x7C00;  // rounds to 65536 or more
  if (magnitude < 0x38800000) {
    // Below the least normal number halves are multiples of 2^-24.
    return sign | static_cast<uint16_t>(std::nearbyint(std::abs(value) * 16777216.0F));
  }
  const uint32_t rounded = magnitude + 0xFFF + ((magnitude >> 13) & 1);
  return sign | static_cast<uint16_t>((rounded - 0x38000000) >> 13);
}

inline float FromHalf(uint16_t half) {
  const uint32_t sign = (half & 0x8000U) << 16;
  const uint32_t exponent = (half >> 10) & 31;
  const uint32_t fraction = half & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000 | fraction << 13);
  if (exponent == 0) return (sign != 0 ? -1.0F : 1.0F) * static_cast<float>(fraction) * 0x1p-24F;
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

}  // namespace maskbench

#endif  // MASKBENCH_EMBED_HALF_H_
