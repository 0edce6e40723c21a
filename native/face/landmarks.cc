#include "face/landmarks.h"

#include "face/dlib_config.h"

#include <dlib/image_processing/shape_predictor.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "face/leaves.h"
#include "face/tree_model.h"
#include "runtime/error.h"
#include "runtime/file.h"
#include "runtime/thread_pool.h"

namespace maskbench {
namespace {

constexpr uint64_t kMagic = 0x32304B4D4C424DULL;  // changes with the layout of tree_model.h

// Four independent sums, so that memory alone bounds it.
uint64_t ChecksumOfPart(std::span<const uint8_t> bytes) {
  constexpr uint64_t kPrime = 0x9E3779B97F4A7C15ULL;
  uint64_t lanes[4] = {1, 2, 3, 4};
  size_t at = 0;
  for (; at + 32 <= bytes.size(); at += 32) {
    uint64_t words[4];
    std::memcpy(words, bytes.data() + at, sizeof(words));
    for (int i = 0; i < 4; ++i) lanes[i] = (std::rotl(lanes[i], 31) ^ words[i]) * kPrime;
  }
  uint64_t sum = bytes.size();
  for (; at < bytes.size(); ++at) sum = (sum ^ bytes[at]) * kPrime;
  for (const uint64_t lane : lanes) sum = (std::rotl(sum, 31) ^ lane) * kPrime;
  return sum;
}

// Idle threads help: the first look at 65 MB of a mapped file takes long.
uint64_t Checksum(std::span<const uint8_t> bytes) {
  constexpr size_t kParts = 8;
  std::array<uint64_t, kParts> sums;
  RunTogether(kParts, [&](int part) {
    const size_t first = bytes.size() * part / kParts;
    sums[part] = ChecksumOfPart(bytes.subspan(first, bytes.size() * (part + 1) / kParts - first));
  });
  return ChecksumOfPart({reinterpret_cast<const uint8_t*>(sums.data()), sizeof(sums)});
}

struct DlibModel {
  dlib::matrix<float, 0, 1> initial_shape;
  std::vector<std::vector<dlib::impl::regression_tree>> forests;
  std::vector<std::vector<unsigned long>> anchors;  // NOLINT(google-runtime-int): dlib's type
  std::vector<std::vector<dlib::vector<float, 2>>> deltas;
};

// When a file was changed, in nanoseconds.
int64_t TimeOf(const struct stat& file) { return int64_t{file.st_mtim.tv_sec} * 1'000'000'000 + file.st_mtim.tv_nsec; }

[[noreturn]] void Corrupt(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::kModelCorrupt, path, "not a usable 68-point dlib shape predictor: " + what);
}

DlibModel ReadDlib(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  DlibModel model;
  try {
    int version = 0;
    dlib::deserialize(version, in);
    if (version != 1) Corrupt(path, "unknown version");
    dlib::deserialize(model.initial_shape, in);
    dlib::deserialize(model.forests, in);
    dlib::deserialize(model.anchors, in);
    dlib::deserialize(model.deltas, in);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    Corrupt(path, error.what());
  }
  return model;
}

TreeFileHeader Describe(const DlibModel& model, const struct stat& source, const std::string& path) {
  if (model.initial_shape.size() != kShape)
    Corrupt(path, "it has " + std::to_string(model.initial_shape.size() / 2) + " points");
  const size_t cascades = model.forests.size();
  if (cascades == 0 || model.anchors.size() != cascades || model.deltas.size() != cascades || model.forests[0].empty())
    Corrupt(path, "its parts do not fit together");
  const size_t features = model.deltas[0].size();
  const size_t trees = model.forests[0].size();
  const size_t leaves = model.forests[0][0].leaf_values.size();
  bool uniform = std::has_single_bit(leaves) && features <= UINT16_MAX + 1U;
  for (size_t i = 0; i < cascades; ++i) {
    uniform = uniform && model.forests[i].size() == trees && model.deltas[i].size() == features &&
              model.anchors[i].size() == features;
    for (const auto anchor : model.anchors[i]) uniform = uniform && anchor < kLandmarks;
    for (const auto& tree : model.forests[i]) {
      uniform = uniform && tree.leaf_values.size() == leaves && tree.splits.size() == leaves - 1;
      for (const auto& split : tree.splits) uniform = uniform && split.idx1 < features && split.idx2 < features;
      for (const auto& leaf : tree.leaf_values) uniform = uniform && leaf.size() == kShape;
    }
  }
  if (!uniform) Corrupt(path, "its trees are of different sizes");
  return {kMagic,
          static_cast<uint64_t>(source.st_size),
          TimeOf(source),
          0,
          static_cast<uint32_t>(cascades),
          static_cast<uint32_t>(features),
          static_cast<uint32_t>(trees),
          static_cast<uint32_t>(leaves)};
}

Bytes Compact(const DlibModel& model, TreeFileHeader header) {
  const TreeLayout layout(header);
  Bytes file(layout.total);
  std::memcpy(file.data() + layout.initial_shape, &model.initial_shape(0), kShape * sizeof(float));
  for (uint32_t c = 0; c < header.cascades; ++c) {
    uint8_t* base = file.data() + c * layout.cascade_bytes;
    auto* feature = reinterpret_cast<PixelPlace*>(base + layout.features);
    for (uint32_t i = 0; i < header.features; ++i)
      *feature++ = {static_cast<uint32_t>(model.anchors[c][i]), model.deltas[c][i].x(), model.deltas[c][i].y()};
    auto* split = reinterpret_cast<Split*>(base + layout.splits);
    auto* leaf = reinterpret_cast<float*>(base + layout.leaves);
    for (const auto& tree : model.forests[c]) {
      for (const auto& from : tree.splits)
        *split++ = {static_cast<uint16_t>(from.idx1), static_cast<uint16_t>(from.idx2), from.thresh};
      for (const auto& from : tree.leaf_values) {
        std::memcpy(leaf, &from(0), kShape * sizeof(float));
        leaf += kLeafStride;
      }
    }
  }
  header.checksum = Checksum(std::span(file).subspan(sizeof(TreeFileHeader)));
  std::memcpy(file.data(), &header, sizeof(header));
  return file;
}

// Whether a layout can be worked out without overflow, and has trees.
bool IsPlausible(const TreeFileHeader& header) {
  constexpr uint32_t kMost = UINT16_MAX + 1U;
  return header.cascades >= 1 && header.cascades <= kMost && header.features <= kMost && header.trees <= kMost &&
         header.leaves <= kMost && std::has_single_bit(header.leaves);
}

// Whether every place that the trees name is one that there is.
bool IsSound(std::span<const uint8_t> file, const TreeFileHeader& header) {
  const TreeLayout layout(header);
  for (uint32_t c = 0; c < header.cascades; ++c) {
    const uint8_t* base = file.data() + c * layout.cascade_bytes;
    const std::span features(reinterpret_cast<const PixelPlace*>(base + layout.features), header.features);
    const std::span splits(reinterpret_cast<const Split*>(base + layout.splits),
                           size_t{header.trees} * (header.leaves - 1));
    if (!std::ranges::all_of(features, [](const PixelPlace& place) { return place.anchor < kLandmarks; }) ||
        !std::ranges::all_of(splits, [&](const Split& split) {
          return split.first < header.features && split.second < header.features;
        }))
      return false;
  }
  return true;
}

// The header of a compact file that is whole and was made from `source`; nothing otherwise.
std::optional<TreeFileHeader> Verify(std::span<const uint8_t> file, const struct stat& source) {
  TreeFileHeader header;
  if (file.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, file.data(), sizeof(header));
  const bool fits = header.magic == kMagic && IsPlausible(header) &&
                    header.source_size == static_cast<uint64_t>(source.st_size) &&
                    header.source_time == TimeOf(source) && file.size() == TreeLayout(header).total &&
                    header.checksum == Checksum(file.subspan(sizeof(TreeFileHeader))) && IsSound(file, header);
  return fits ? std::optional(header) : std::nullopt;
}

class CompactPredictor : public LandmarkPredictor {
 public:
  CompactPredictor(const TreeFileHeader& header, LargePageFile file)
      : file_(std::move(file)), header_(header), layout_(header), data_(file_->bytes().data()) {}
  CompactPredictor(const TreeFileHeader& header, Bytes file)
      : owned_(std::move(file)), header_(header), layout_(header), data_(owned_.data()) {}

  Landmarks Predict(const Image& image, const Box& box) const override;
  std::span<const uint8_t> trees() const override { return {data_, layout_.total}; }

 private:
  const std::optional<LargePageFile> file_;
  const Bytes owned_;
  const TreeFileHeader header_;
  const TreeLayout layout_;
  const uint8_t* const data_;
};

dlib::point_transform_affine ToImage(const Box& box) {
  return dlib::impl::unnormalizing_tform(dlib::rectangle(box.left, box.top, box.right, box.bottom));
}

// dlib's expressions, types and order of operations throughout, so that every point is the same.
Landmarks CompactPredictor::Predict(const Image& image, const Box& box) const {
  const dlib::point_transform_affine to_image = ToImage(box);
  const dlib::matrix<float, 0, 1> initial =
      dlib::mat(reinterpret_cast<const float*>(data_ + layout_.initial_shape), kShape);
  dlib::matrix<float, 0, 1> shape = initial;
  std::vector<float> values(header_.features);
  std::vector<const float*> chosen(header_.trees);
  std::array<float, kLeafStride> sums{};
  for (uint32_t c = 0; c < header_.cascades; ++c) {
    const uint8_t* base = data_ + c * layout_.cascade_bytes;
    const dlib::matrix<float, 2, 2> turn =
        dlib::matrix_cast<float>(dlib::impl::find_tform_between_shapes(initial, shape).get_m());
    const auto* feature = reinterpret_cast<const PixelPlace*>(base + layout_.features);
    for (float& value : values) {
      const dlib::vector<float, 2> delta(feature->dx, feature->dy);
      const dlib::dpoint at = to_image(turn * delta + dlib::impl::location(shape, feature->anchor));
      ++feature;
      const int x = NearestPixel(at.x());
      const int y = NearestPixel(at.y());
      const bool inside = x >= 0 && y >= 0 && x < image.width && y < image.height;
      const uint8_t* pixel = inside ? image.row(y) + ptrdiff_t{3} * x : nullptr;
      const int intensity = inside ? (pixel[0] + pixel[1] + pixel[2]) / 3 : 0;
      value = static_cast<float>(intensity);
    }
    const auto* splits = reinterpret_cast<const Split*>(base + layout_.splits);
    const auto* leaves = reinterpret_cast<const float*>(base + layout_.leaves);
    // Leaves lie all over the file: all are on their way before the first is added.
    for (const float*& leaf : chosen) {
      uint32_t node = 0;
      while (node < header_.leaves - 1) {
        const Split& split = splits[node];
        // Which way it goes can't be foretold: no branch.
        node = 2 * node + 2 - static_cast<uint32_t>(values[split.first] - values[split.second] > split.threshold);
      }
      leaf = leaves + size_t{kLeafStride} * (node - (header_.leaves - 1));
      // Into the second cache: the first has no room for so many.
      constexpr int kSecondCache = 2;
      for (int line = 0; line < kLeafStride; line += 16) __builtin_prefetch(leaf + line, 0, kSecondCache);
      splits += header_.leaves - 1;
      leaves += size_t{kLeafStride} * header_.leaves;
    }
    std::ranges::copy(shape, sums.begin());
    SumLeaves(chosen, sums.data());
    std::copy_n(sums.begin(), kShape, shape.begin());
  }
  Landmarks landmarks;
  for (int i = 0; i < kLandmarks; ++i) {
    const dlib::dpoint at = to_image(dlib::impl::location(shape, i));
    landmarks[i] = {NearestPixel(at.x()), NearestPixel(at.y())};
  }
  return landmarks;
}

// From the compact copy in the cache folder, which is made where it is missing.
std::shared_ptr<const LandmarkPredictor> ReadPredictor(const std::string& path, const struct stat& source) {
  const std::string folder = CacheFolder();
  const std::string cached =
      folder.empty() ? "" : folder + "/landmarks-" + std::to_string(std::hash<std::string>{}(path)) + ".bin";
  const auto load_cached = [&]() -> std::shared_ptr<const LandmarkPredictor> {
    try {
      LargePageFile file(cached);
      if (const auto header = Verify(file.bytes(), source))
        return std::make_shared<CompactPredictor>(*header, std::move(file));
    } catch (const Error&) {  // absent or unreadable: made again below
    }
    return nullptr;
  };
  if (!cached.empty()) {
    if (auto predictor = load_cached()) return predictor;
  }
  const DlibModel model = ReadDlib(path);
  const TreeFileHeader header = Describe(model, source, path);
  Bytes file = Compact(model, header);
  if (!cached.empty()) {
    try {
      WriteFileAtomically(cached, file);
      if (auto predictor = load_cached()) return predictor;
    } catch (const Error&) {  // a full or read-only cache folder costs only the next start's time
    }
  }
  return std::make_shared<CompactPredictor>(header, std::move(file));
}

}  // namespace

BoxToPixels PixelsOf(const Box& box) {
  const dlib::point_transform_affine to_image = ToImage(box);
  const auto& m = to_image.get_m();
  const auto& b = to_image.get_b();
  return {{m(0, 0), m(0, 1), m(1, 0), m(1, 1)}, {b.x(), b.y()}};
}

std::shared_ptr<const LandmarkPredictor> LandmarkPredictor::Load(const std::string& path) {
  struct stat source {};
  if (stat(path.c_str(), &source) != 0)
    throw Error(ErrorCode::kModelMissing, path,
                "the landmark model is missing (run \"npx maskbench models fetch dlib-68\", install the Debian package "
                "libdlib-data, or set MASKBENCH_LANDMARKS)");
  if (!S_ISREG(source.st_mode))
    throw Error(ErrorCode::kModelMissing, path,
                S_ISDIR(source.st_mode) ? "expected the file of a landmark model, found a folder"
                                        : "expected the file of a landmark model, found something else");
  struct Loaded {
    int64_t size = 0;
    int64_t time = 0;
    std::weak_ptr<const LandmarkPredictor> predictor;
  };
  static std::mutex mutex;
  // Never destroyed: threads may still load while the program ends.
  static auto& loaded = *new std::map<std::string, Loaded>;
  const std::lock_guard lock(mutex);
  Loaded& known = loaded[path];
  std::shared_ptr<const LandmarkPredictor> predictor = known.predictor.lock();
  if (predictor && known.size == source.st_size && known.time == TimeOf(source)) return predictor;
  predictor = ReadPredictor(path, source);
  known = {source.st_size, TimeOf(source), predictor};
  return predictor;
}

}  // namespace maskbench
