#ifndef MASKBENCH_MASK_MASKER_H_
#define MASKBENCH_MASK_MASKER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "face/face.h"
#include "face/finder.h"
#include "image/codec.h"
#include "image/image.h"
#include "image/source.h"
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
  DetectorKind detector = DetectorKind::kFast;
  int upsample = 1;
  std::string landmark_model;
  ReadLimits limits;
  std::optional<int> quality;
  bool draw_landmarks = false;
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
  KnownFaces faces;
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
  explicit Masker(MaskerOptions options)
      : options_(std::move(options)), finder_(options_.detector, options_.upsample, options_.landmark_model) {}

  FaceFinder& finder() { return finder_; }
  MaskResult Run(const MaskRequest& request, const Cancellation& cancellation);

 private:
  void Draw(const MaskRequest& request, Image& image, MaskResult& result);

  const MaskerOptions options_;
  FaceFinder finder_;
};

}  // namespace maskbench

#endif  // MASKBENCH_MASK_MASKER_H_
