#ifndef MASKBENCH_OPEN_DEVICE_PROGRAMS_H_
#define MASKBENCH_OPEN_DEVICE_PROGRAMS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "face/window_searcher.h"
#include "embed/cut.h"
#include "face/pyramid.h"
#include "face/tree_model.h"
#include "image/image.h"
#include "mask/drawing.h"
#include "all_pairs/all_pairs.h"

// What the CUDA module gives to the rest, which knows nothing of CUDA; and the CUDA module knows nothing of dlib.

namespace maskbench::device {

struct PhotoInput {
  // B, G, R bytes.
  const uint8_t* pixels;
  ImageSize size;
  PyramidSizes sizes;
};

struct FaceInput {
  // Of the photos that windows were found in last.
  int photo;
  BoxToPixels place;
};

struct DrawInput {
  Image* image;
  const Drawing* drawing;
  // Of the whole image, a byte a pixel; empty: none.
  std::span<uint8_t> matte;
};

// Panels of probes times panels of references.
struct PairBlock {
  Range panels, columns;
};

// Pairs of a block that a backend can keep.
inline constexpr unsigned kMostKept = 1U << 19U;

// What all work needs: lies on the host, and is copied to the device once.
struct Models {
  std::vector<frontal::Component> components;
  FilterModel filters;
  // The landmarks' compact file; empty where no landmarks are asked for.
  std::span<const uint8_t> trees;
  // The noise of masks, GrainTile().
  std::vector<float> grain_tile;
};

// One queue of work on a device, with its own memory. Not safe to use from two threads at once.
class Backend {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // In no order. The photos stay on the device until the next call.
  virtual std::vector<FoundWindow> FindWindows(std::span<const PhotoInput> photos) = 0;
  // 68 points x, y of each face, in its box's coordinates.
  virtual std::vector<std::array<float, kShape>> FindLandmarks(std::span<const FaceInput> faces) = 0;
  // Draws on images. None of them twice.
  virtual void Draw(std::span<const DrawInput> masks) = 0;
  // The crops as a model's input, [crops, ...] as `layout` says. On the device; lasts until the next call.
  virtual float* MakeTensor(std::span<const CropPlan* const> crops, const TensorLayout& layout) = 0;
  virtual void Read(const float* tensor, std::span<float> numbers) = 0;
  // Copies both sides to the device, where they are not there yet, and begins with empty bins.
  virtual void StartPairs(const AllPairs& pairs) = 0;
  // Scores a block, counting its impostors by bins where `counts`. Gives genuine pairs and what reaches the limits of
  // `PairCounts::limits`, in no order; nothing where they are more than fit.
  virtual std::optional<std::vector<ScoredPair>> ScorePairs(const PairBlock& block, std::span<const float> limits,
                                                            bool counts) = 0;
  virtual void ReadBins(std::span<unsigned> bins) = 0;
};

// Thrown by backends: the device is not there, busy, out of memory, or lost.
struct __attribute__((visibility("default"))) DeviceError {
  std::string what;
  bool out_of_memory;
};

struct DeviceInfo {
  std::string name;
  uint64_t memory;
  // Of its architecture: 9, 0.
  int major, minor;
  // The CUDA version that the driver knows, as 13000 for 13.0.
  int driver;
};

// The module's functions, by name. They throw DeviceError.
inline constexpr char kDevicesFunction[] = "MaskbenchDevices";
using DevicesFunction = void (*)(std::vector<DeviceInfo>& devices);
inline constexpr char kOpenFunction[] = "MaskbenchOpenDevice";
// `memory`: bytes that it may take at most.
using OpenFunction = Backend* (*)(int device, uint64_t memory, const Models& models);

}  // namespace maskbench::device

#endif  // MASKBENCH_OPEN_DEVICE_PROGRAMS_H_
