#ifndef MASKBENCH_MASK_MASKER_H_
#define MASKBENCH_MASK_MASKER_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "face/face.h"
#include "face/landmarks.h"
#include "image/codec.h"
#include "image/image.h"
#include "mask/style.h"
#include "runtime/cancellation.h"
#include "runtime/file.h"

namespace maskbench {

enum class Select { kLargest, kAll, kOnly };

struct MaskerOptions {
  // One of kStyles; absent: drawn for each face.
  std::optional<char> style;
  std::optional<Color> color;
  uint64_t seed = 0;
  Select select = Select::kLargest;
  int upsample = 1;
  std::string landmark_model;
  int64_t max_pixels = 0;
  bool accept_damaged = false;
  std::optional<int> quality;
  bool draw_landmarks = false;
};

struct RawPixels {
  std::span<const uint8_t> data;
  int width;
  int height;
  int channels;  // 1 grey, 3 RGB, 4 RGBA
};

struct FilePath {
  std::string path;
};

// A path, a file's bytes, or pixels.
using Source = std::variant<FilePath, std::span<const uint8_t>, RawPixels>;

struct KnownFace {
  Box box;
  double score;
  std::optional<Landmarks> landmarks;
};

// The photo itself, beside its masked twin.
struct PhotoCopy {
  std::string path;
  CopyMode mode;
  // Also where nothing is masked.
  bool always;
};

struct MaskRequest {
  Source source;
  // Only find the faces.
  bool detect_only = false;
  // Where the result is written; empty: it is given back.
  std::string output;
  bool overwrite = false;
  // For a source that is a path.
  std::optional<PhotoCopy> copy;
  // Of the result that is given back; absent: the source's (pixels for pixels).
  std::optional<Format> format;
  // What random choices are drawn from, beside the seed.
  std::string key;
  // Faces that need not be searched.
  std::optional<std::vector<KnownFace>> faces;
};

struct MaskedFace {
  Face face;
  bool masked = false;
  char style = 0;
  Color color{};
};

enum class MaskStatus { kMasked, kNoFace, kSeveralFaces, kDetected };

struct MaskResult {
  MaskStatus status = MaskStatus::kNoFace;
  bool copied = false;
  int width = 0;
  int height = 0;
  std::vector<MaskedFace> faces;
  // The result where it is given back: a file's bytes, or pixels R, G, B where `format` is absent.
  Bytes image;
  std::optional<Format> format;
  double milliseconds = 0;
};

// Image in, masked image out: decode, detect, find landmarks, draw, encode. Safe to use from many threads at once.
class Masker {
 public:
  explicit Masker(MaskerOptions options) : options_(std::move(options)) {}

  // Loads the landmark model, or gives the error of the first try again. Run calls it as needed.
  const LandmarkPredictor& Predictor();
  MaskResult Run(const MaskRequest& request, const Cancellation& cancellation);

 private:
  std::vector<Face> FindFaces(const MaskRequest& request, const Image& image, const Cancellation& cancellation);
  void Draw(const MaskRequest& request, Image& image, MaskResult& result);

  const MaskerOptions options_;
  std::once_flag loaded_;
  std::shared_ptr<const LandmarkPredictor> predictor_;
};

}  // namespace maskbench

#endif  // MASKBENCH_MASK_MASKER_H_
