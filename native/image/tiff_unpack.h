#ifndef MASKBENCH_IMAGE_TIFF_UNPACK_H_
#define MASKBENCH_IMAGE_TIFF_UNPACK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace maskbench {

// libtiff stops as soon as a strip or tile has all its bytes, and so never sees that there are more, or that a checksum
// is wrong. These tell how many bytes come out of all of its data, nothing where the data are corrupt.

std::optional<size_t> LzwSize(std::span<const uint8_t> data);
std::optional<size_t> PackBitsSize(std::span<const uint8_t> data);
// At most as many as `room` has, which is written over.
std::optional<size_t> DeflateSize(std::span<const uint8_t> data, std::span<uint8_t> room);

}  // namespace maskbench

#endif  // MASKBENCH_IMAGE_TIFF_UNPACK_H_
