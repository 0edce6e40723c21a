#ifndef MASKBENCH_MASK_MASKER_H_
#define MASKBENCH_MASK_MASKER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "device/handle.h"
#include "face/face.h"
#include "face/finder.h"
#include "image/codec.h"
#include "image/image.h"
#include "image/source.h"
#include "mask/aligned.h"
#include "mask/render.h"
#include "mask/style.h"
#include "mask/template.h"
#include "runtime/cancellation.h"
#include "runtime/file.h"

namespace maskbench {

enum class Select { kLargest, kCentral, kAll, kOnly };

// One way for a mask to look. Of a list of them one is drawn for each face.
struct Style {
  std::string name;
  // How often it is drawn, relative to the others'.
  uint64_t weight;
  // A flat shape, or the number of a template.
  std::variant<FlatStyle, size_t> shape;
  // One is drawn for each face; without any the mask keeps its own.
  std::vector<Color> colors;
  // Any colour is drawn.
  bool any_color;
  // What fills a template instead of a colour; empty: nothing.
  std::string texture;
};

struct MaskerOptions {
  std::vector<Style> styles;
  std::vector<TemplateSource> templates;
  // How much of its own colour a template's tinted part loses to a colour or texture, 0 to 1.
  float tint_weight = 1;
  // How often each Wear is drawn.
  std::array<uint64_t, 3> wears = {1, 0, 0};
  // The most that a template is moved off its place, in distances between the eyes; it is turned and resized likewise.
  double jitter = 0;
  uint64_t seed = 0;
  Select select = Select::kLargest;
  FinderOptions search;
  ReadLimits limits;
  EncodeOptions encode;
  bool draw_landmarks = false;
  // What photos are; known faces come first.
  Aligned aligned = Aligned::kNo;
};

// What was drawn, or is to be drawn, on a face.
struct Look {
  // A number in MaskerOptions::styles.
  size_t style;
  // Absent: the template's own.
  std::optional<Color> color;
  Wear wear;
  Shift shift;
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
  // Only find the faces, and draw them where there is an output.
  bool detect_only = false;
  // Where the result is written; empty: it is given back.
  std::string output;
  bool overwrite = false;
  // For a source that is a path.
  std::optional<PhotoCopy> copy;
  // The format of the result that is given back; absent: the source's (pixels for pixels).
  std::optional<Format> format;
  // What random choices are drawn from, beside the seed.
  std::string key;
  // Faces that need not be searched.
  KnownFaces faces;
  // What to draw on each of these, in their order: nothing where absent. Empty: it is drawn from the seed.
  std::vector<std::optional<Look>> looks;
  // How masks look, of faces without one in `looks`; absent: it is drawn from the seed.
  std::optional<Look> look;
  // Where the matte goes, a grey PNG; empty: nowhere.
  std::string matte_output;
};

struct MaskedFace {
  Face face;
  // Absent: it was not masked.
  std::optional<Look> look;
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
  // `device`: what draws and finds faces in exact searches; null: the CPU.
  explicit Masker(MaskerOptions options, std::shared_ptr<device::Handle> device = nullptr)
      : options_(std::move(options)), device_(std::move(device)), finder_(options_.search, device_) {}

  size_t styles() const { return options_.styles.size(); }
  const Style& style(const Look& look) const { return options_.styles[look.style]; }
  // Loads models and templates, or gives the error of the first try again. Run calls it as needed.
  void Load();
  MaskResult Run(const MaskRequest& request, const Cancellation& cancellation);

 private:
  void LoadTemplates();
  Look DrawnLook(const MaskRequest& request, uint64_t face) const;
  // Gives whether the device drew the mask that `plan` makes.
  bool DrawOnDevice(Image& image, const std::function<Drawing()>& plan, std::span<uint8_t> matte);
  void Draw(const MaskRequest& request, Image& image, MaskResult& result, std::span<uint8_t> matte);

  const MaskerOptions options_;
  const std::shared_ptr<device::Handle> device_;
  FaceFinder finder_;
  std::once_flag templates_loaded_;
  std::vector<Template> templates_;
  // By MaskerOptions::styles.
  std::vector<std::optional<TextureTile>> tiles_;
};

}  // namespace maskbench

#endif  // MASKBENCH_MASK_MASKER_H_
