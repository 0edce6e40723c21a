#ifndef MASKBENCH_FACE_LANDMARKS_GRID_H_
#define MASKBENCH_FACE_LANDMARKS_GRID_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "device/grid.h"
#include "face/tree_model.h"
#include "face/window_searcher.h"
#include "face/windows_grid.h"
#include "runtime/host_device.h"

// The landmarks of face/landmarks.cc on a grid. What one thread does for thread `i` of face `job`, in dlib's order of
// arithmetic; no thread waits for another.

namespace maskbench {

// All pointers are the device's.
struct FaceJob {
  const uint8_t* pixels;
  int width, height;
  BoxToPixels place;
  // 68 points x, y, in the box's coordinates.
  float* shape;
  float* turn;
  float* values;
  uint32_t* leaves;
};

// How a face's shape is turned and scaled from the initial one (Umeyama, "Least-squares estimation of transformation
// parameters between two point patterns", PAMI 1991; in the plane the best rotation needs no singular values, unless
// the shape is mirrored, which trees never do to a face). dlib's differ in the last bits of the double, which rounding
// to single precision hides. A thread a face.
struct TurnShape {
  const FaceJob* jobs;
  const float* initial;

  MASKBENCH_HOST_DEVICE void operator()(size_t job, size_t i) const {
    const FaceJob& face = jobs[job];
    if (i > 0) return;
    double from_mean[2] = {};
    double to_mean[2] = {};
    for (size_t point = 0; point < kLandmarks; ++point)
      for (int axis = 0; axis < 2; ++axis) {
        from_mean[axis] += initial[2 * point + axis];
        to_mean[axis] += face.shape[2 * point + axis];
      }
    for (int axis = 0; axis < 2; ++axis) {
      from_mean[axis] /= kLandmarks;
      to_mean[axis] /= kLandmarks;
    }
    double along = 0;
    double across = 0;
    double size = 0;
    for (size_t point = 0; point < kLandmarks; ++point) {
      const double x = initial[2 * point] - from_mean[0];
      const double y = initial[2 * point + 1] - from_mean[1];
      const double u = face.shape[2 * point] - to_mean[0];
      const double v = face.shape[2 * point + 1] - to_mean[1];
      along += u * x + v * y;
      across += v * x - u * y;
      size += x * x + y * y;
    }
    const auto cosine = static_cast<float>(along / size);
    const auto sine = static_cast<float>(across / size);
    face.turn[0] = cosine;
    face.turn[1] = -sine;
    face.turn[2] = sine;
    face.turn[3] = cosine;
  }
};

// The pixels that the trees of a cascade look at. A thread a pixel.
struct ReadPixels {
  const FaceJob* jobs;
  const PixelPlace* places;
  size_t count;

  MASKBENCH_HOST_DEVICE void operator()(size_t job, size_t i) const {
    const FaceJob& face = jobs[job];
    if (i >= count) return;
    const PixelPlace& place = places[i];
    const float* anchor = face.shape + size_t{2} * place.anchor;
    const float x = (face.turn[0] * place.dx + face.turn[1] * place.dy) + anchor[0];
    const float y = (face.turn[2] * place.dx + face.turn[3] * place.dy) + anchor[1];
    int column = 0;
    int row = 0;
    face.place.PixelAt(x, y, column, row);
    int intensity = 0;
    if (column >= 0 && row >= 0 && column < face.width && row < face.height) {
      const uint8_t* pixel = face.pixels + 3 * (static_cast<size_t>(row) * face.width + column);
      intensity = (pixel[0] + pixel[1] + pixel[2]) / 3;
    }
    face.values[i] = static_cast<float>(intensity);
  }
};

// Which leaf of each tree a face comes to. A thread a tree.
struct WalkTrees {
  const FaceJob* jobs;
  const Split* splits;
  uint32_t trees, leaves;

  MASKBENCH_HOST_DEVICE void operator()(size_t job, size_t i) const {
    const FaceJob& face = jobs[job];
    if (i >= trees) return;
    const Split* tree = splits + i * (leaves - 1);
    uint32_t node = 0;
    while (node < leaves - 1) {
      const Split& split = tree[node];
      node = 2 * node + (face.values[split.first] - face.values[split.second] > split.threshold ? 1 : 2);
    }
    face.leaves[i] = static_cast<uint32_t>(i * leaves + (node - (leaves - 1)));
  }
};

// Adds the leaves to the shape, in the order of the trees. A thread a number of the shape.
struct AddLeaves {
  const FaceJob* jobs;
  const float* leaves;
  uint32_t trees;

  MASKBENCH_HOST_DEVICE void operator()(size_t job, size_t i) const {
    const FaceJob& face = jobs[job];
    if (i >= kShape) return;
    const auto leaf = [&](uint32_t tree) { return leaves[static_cast<size_t>(face.leaves[tree]) * kLeafStride + i]; };
    float sum = face.shape[i];
    // Many are read before the first is added, so that their reads overlap.
    constexpr uint32_t kAtOnce = 20;
    uint32_t tree = 0;
    for (; tree + kAtOnce <= trees; tree += kAtOnce) {
      float some[kAtOnce];
      MASKBENCH_UNROLL
      for (uint32_t next = 0; next < kAtOnce; ++next) some[next] = leaf(tree + next);
      MASKBENCH_UNROLL
      for (uint32_t next = 0; next < kAtOnce; ++next) sum += some[next];  // NOLINT(modernize-loop-convert)
    }
    for (; tree < trees; ++tree) sum += leaf(tree);
    face.shape[i] = sum;
  }
};

// Landmarks of many faces at once.
template <class Grid>
class LandmarksGrid {
 public:
  explicit LandmarksGrid(Grid& grid) : grid_(grid) {}

  void LoadTrees(std::span<const uint8_t> trees) {
    if (trees_.data() != nullptr) return;
    trees_.Upload(trees);
    std::memcpy(&trees_header_, trees.data(), sizeof(trees_header_));
    initial_.resize(kShape);
    const TreeLayout layout(trees_header_);
    std::memcpy(initial_.data(), trees.data() + layout.initial_shape, kShape * sizeof(float));
  }

  std::vector<std::array<float, kShape>> Find(std::span<const FaceInput> faces, const std::vector<PhotoJob>& photos) {
    if (faces.empty()) return {};
    const size_t pixels = trees_header_.features;
    const size_t trees = trees_header_.trees;
    std::vector<float> shapes;
    for (size_t i = 0; i < faces.size(); ++i) shapes.insert(shapes.end(), initial_.begin(), initial_.end());
    float* shape = shapes_.Upload(shapes);
    float* turn = turns_.Reserve(4 * faces.size());
    float* values = values_.Reserve(pixels * faces.size());
    uint32_t* leaves = leaves_.Reserve(trees * faces.size());
    std::vector<FaceJob> jobs;
    for (size_t i = 0; i < faces.size(); ++i) {
      const PhotoJob& photo = photos[static_cast<size_t>(faces[i].photo)];
      jobs.push_back({photo.pixels, photo.width, photo.height, faces[i].place, shape + kShape * i, turn + 4 * i,
                      values + pixels * i, leaves + trees * i});
    }
    const FaceJob* all = face_jobs_.Upload(jobs);
    const TreeLayout layout(trees_header_);
    const auto* initial = reinterpret_cast<const float*>(trees_.data() + layout.initial_shape);
    for (uint32_t cascade = 0; cascade < trees_header_.cascades; ++cascade) {
      const uint8_t* base = trees_.data() + cascade * layout.cascade_bytes;
      grid_.Launch(faces.size(), 1, TurnShape{all, initial});
      grid_.Launch(faces.size(), pixels,
                   ReadPixels{all, reinterpret_cast<const PixelPlace*>(base + layout.features), pixels});
      grid_.Launch(faces.size(), trees,
                   WalkTrees{all, reinterpret_cast<const Split*>(base + layout.splits), trees_header_.trees,
                             trees_header_.leaves});
      grid_.Launch(faces.size(), kShape,
                   AddLeaves{all, reinterpret_cast<const float*>(base + layout.leaves), trees_header_.trees});
    }
    std::vector<std::array<float, kShape>> found(faces.size());
    grid_.Download(found.data(), shape, found.size() * sizeof(found[0]));
    return found;
  }

 private:
  Grid& grid_;
  TreeFileHeader trees_header_{};
  std::vector<float> initial_;

  device::GridBuffer<Grid, uint8_t> trees_{grid_};
  device::GridBuffer<Grid, FaceJob> face_jobs_{grid_};
  device::GridBuffer<Grid, float> shapes_{grid_};
  device::GridBuffer<Grid, float> turns_{grid_};
  device::GridBuffer<Grid, float> values_{grid_};
  device::GridBuffer<Grid, uint32_t> leaves_{grid_};
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_LANDMARKS_GRID_H_
