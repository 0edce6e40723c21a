#ifndef MASKBENCH_IMAGE_SOURCE_H_
#define MASKBENCH_IMAGE_SOURCE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "image/codec.h"
#include "runtime/cancellation.h"
#include "runtime/error.h"
#include "runtime/file.h"
#include "runtime/memory_budget.h"

namespace maskbench {

struct RawPixels {
  std::span<const uint8_t> data;
  int width;
  int height;
  int channels;  // 1 grey, 3 RGB, 4 RGBA
  // BGR and BGRA.
  bool blue_first;
};

struct FilePath {
  std::string path;
};

// A path, a file's bytes, or pixels.
using Source = std::variant<FilePath, std::span<const uint8_t>, RawPixels>;

struct ReadLimits {
  int64_t max_pixels = 0;
  bool accept_damaged = false;
};

struct ReadImage {
  Decoded decoded;
  // Absent for pixels.
  std::optional<Format> format;
  // The file's bytes, of a path.
  Bytes file;
  // The memory that was asked for, as long as this lives.
  std::unique_ptr<MemoryBudget::Admission> admission;
};

// What errors call the source.
std::string SubjectOf(const Source& source);

// Reads and decodes. `more_bytes` tells how much memory the caller will need beside, by the number of pixels.
ReadImage Read(const Source& source, const ReadLimits& limits, const std::function<int64_t(int64_t)>& more_bytes,
               const Cancellation& cancellation);

}  // namespace maskbench

#endif  // MASKBENCH_IMAGE_SOURCE_H_
