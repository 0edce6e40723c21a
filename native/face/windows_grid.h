#ifndef MASKBENCH_FACE_WINDOWS_GRID_H_
#define MASKBENCH_FACE_WINDOWS_GRID_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "face/window_searcher.h"
#include "face/gradient.h"
#include "face/resize_plan.h"
#include "face/tree_model.h"
#include "runtime/host_device.h"

// What one thread of a grid does for thread `i` of photo (or face) `job`. All arithmetic is dlib's, in its order, so
// that boxes, scores and landmarks are those of the CPU. No thread waits for another: a grid of them may be walked in
// plain loops. Places within a photo are divided as 32-bit numbers, for devices divide longer ones slowly.

namespace maskbench::device {

// Pixels B, G, R to planes. A thread a pixel.
struct SeparateColors {
  const PhotoJob* jobs;

  MASKBENCH_HOST_DEVICE void operator()(size_t job, size_t i) const {
    const PhotoJob& photo = jobs[job];
    const size_t size = static_cast<size_t>(photo.width) * photo.height;
    if (i >= size) return;
    for (size_t color = 0; color < 3; ++color) photo.planes[color * size + i] = photo.pixels[3 * i + color];
  }
};

// A thread a pixel of each plane of the resized image.
struct Resize {
  const ResizeJob* jobs;

  MASKBENCH_HOST_DEVICE void operator()(size_t job, size_t i) const {
    const ResizeJob& resize = jobs[job];
    const auto width = static_cast<uint32_t>(resize.width);
    const uint32_t size = width * resize.height;
    if (i >= size_t{3} * size) return;
    const auto place = static_cast<uint32_t>(i);
    const auto x = static_cast<int>(place % width);
    const auto y = static_cast<int>(place % size / width);
    const uint8_t* plane = resize.in + static_cast<size_t>(place / size) * resize.in_width * resize.in_height;
    const ResizeRowPlace& row = resize.rows[y];
    const uint8_t* above = plane + static_cast<size_t>(row.top) * resize.in_width;
    const uint8_t* below = plane + static_cast<size_t>(row.bottom) * resize.in_width;
    if (x < resize.single) {
      const int left = resize.left[x];
      resize.out[i] = BlendSingle({above[left], above[left + 1], below[left], below[left + 1]}, row.bottom_weight,
                                  resize.right_weight[x]);
    } else {
      const ResizeLastColumn& last = resize.last[x - resize.single];
      resize.out[i] = BlendDouble({above[last.left], above[last.right], below[last.left], below[last.right]},
                                  row.bottom_weight, last.right_weight);
    }
  }
};

// Lengths and orientations of gradients. A thread a pixel.
struct FindGradients {
  const LevelJob* jobs;

  MASKBENCH_HOST_DEVICE void operator()(size_t job, size_t i) const {
    const LevelJob& level = jobs[job];
    const size_t size = static_cast<size_t>(level.width) * level.height;
    if (i >= size || level.rows == 0) return;
    const auto width = static_cast<uint32_t>(level.width);
    const auto x = static_cast<int>(static_cast<uint32_t>(i) % width);
    const auto y = static_cast<int>(static_cast<uint32_t>(i) / width);
    if (x < 1 || y < 1 || x >= level.grid.visible_columns || y >= level.grid.visible_rows) return;
    // Of equal colours the later counts in dlib's vector arithmetic, the earlier in its scalar one.
    const bool later = x < 1 + kCell * level.grid.blocks;
    int best = -1;
    int across = 0;
    int along = 0;
    for (size_t color = 0; color < 3; ++color) {
      const uint8_t* at = level.planes + color * size + i;
      const int dx = at[1] - at[-1];
      const int dy = at[level.width] - at[-level.width];
      const int square = dx * dx + dy * dy;
      if (later ? square < best : square <= best) continue;
      best = square;
      across = dx;
      along = dy;
    }
    level.lengths[i] = std::sqrt(static_cast<float>(best));
    level.orientations[i] = static_cast<uint8_t>(OrientationOf(across, along));
  }
};

// The votes of a cell, in the order of the image's pixels, and their energy. A thread a cell.
struct CountVotes {
  static constexpr int kScratch = kOrientations;
  const LevelJob* jobs;

  MASKBENCH_HOST_DEVICE void operator()(size_t job, size_t i, Scratch votes) const {
    const LevelJob& level = jobs[job];
    if (i >= level.cells() || level.rows == 0) return;
    const auto cells_across = static_cast<uint32_t>(level.grid.cells_across + 2);
    const auto cell_x = static_cast<int>(static_cast<uint32_t>(i) % cells_across);
    const auto cell_y = static_cast<int>(static_cast<uint32_t>(i) / cells_across);
    // Sixteen rows and columns of pixels vote in a cell.
    const int top = kCell * cell_y - kCell - kCell / 2;
    const int left = kCell * cell_x - kCell - kCell / 2;
    for (int o = 0; o < kOrientations; ++o) votes[o] = 0;
    for (int y = Greater(top, 1); y < Lesser(top + 2 * kCell, level.grid.visible_rows); ++y) {
      const Share row = ShareOf(y);
      const float y_share = row.first == cell_y ? row.here : row.next;
      for (int x = Greater(left, 1); x < Lesser(left + 2 * kCell, level.grid.visible_columns); ++x) {
        const Share column = ShareOf(x);
        const float x_share = column.first == cell_x ? column.here : column.next;
        const size_t pixel = static_cast<size_t>(y) * level.width + x;
        const float length = level.lengths[pixel];
        votes[level.orientations[pixel]] +=
            x < 1 + kCell * level.grid.blocks ? (x_share * length) * y_share : (y_share * x_share) * length;
      }
    }
    float energy = 0;
    for (int o = 0; o < kOrientations / 2; ++o) {
      const float both = votes[o] + votes[o + kOrientations / 2];
      energy += both * both;
    }
    for (int o = 0; o < kOrientations; ++o) level.votes[i * kOrientations + o] = votes[o];
    level.energies[i] = energy;
  }

 private:
  MASKBENCH_HOST_DEVICE static int Greater(int a, int b) { return a > b ? a : b; }
  MASKBENCH_HOST_DEVICE static int Lesser(int a, int b) { return a < b ? a : b; }
};

// Felzenszwalb's features, with zeros around them. A thread a cell, the zeros too.
struct MakeFeatures {
  const LevelJob* jobs;

  MASKBENCH_HOST_DEVICE void operator()(size_t job, size_t i) const {
    const LevelJob& level = jobs[job];
    if (level.rows == 0 || i >= level.padded()) return;
    const auto padded_columns = static_cast<uint32_t>(level.padded_columns());
    const int x = static_cast<int>(static_cast<uint32_t>(i) % padded_columns) - kZerosBefore;
    const int y = static_cast<int>(static_cast<uint32_t>(i) / padded_columns) - kZerosBefore;
    if (x < 0 || y < 0 || x >= level.columns || y >= level.rows) {
      for (int feature = 0; feature < kFeatures; ++feature) level.features[feature * level.padded() + i] = 0;
      return;
    }
    // Cells are counted from one before the image, and the first and last have no features.
    const int across = level.grid.cells_across + 2;
    const size_t cell = static_cast<size_t>(y + 2) * across + (x + 2);
    // The blocks of 2 x 2 cells that it is in, in dlib's order.
    const size_t blocks[4] = {cell, cell - across, cell - 1, cell - across - 1};
    float limits[4];
    float factors[4];
    for (int block = 0; block < 4; ++block) {
      const float* energy = level.energies + blocks[block];
      limits[block] = 0.2F * std::sqrt((((energy[0] + energy[1]) + energy[across]) + energy[across + 1]) + 0.0001F);
      factors[block] = 0.1F / limits[block];
    }
    const float* votes = level.votes + cell * kOrientations;
    float texture[4] = {};
    float three[4];
    for (int feature = 0; feature < 27; ++feature) {
      const bool signless = feature >= kOrientations;
      const int o = signless ? feature - kOrientations : feature;
      const float count = signless ? votes[o] + votes[o + kOrientations / 2] : votes[o];
      float part[4];
      for (int block = 0; block < 4; ++block) {
        part[block] = (count < limits[block] ? count : limits[block]) * factors[block];
        if (signless) continue;
        three[block] = feature % 3 == 0 ? part[block] : three[block] + part[block];
        if (feature % 3 == 2) texture[block] = texture[block] + three[block];
      }
      level.features[feature * level.padded() + i] = (part[0] + part[1]) + (part[2] + part[3]);
    }
    for (int block = 0; block < 4; ++block)
      level.features[(27 + block) * level.padded() + i] = texture[block] * 0.4714F;
  }
};

// dlib filters eight columns at a time, adding every third product to the same sum, and the last columns in one sum.
MASKBENCH_HOST_DEVICE inline float SumOfTaps(const float (&products)[kWindow], bool last_columns) {
  if (last_columns) {
    float sum = products[0];
    MASKBENCH_UNROLL
    for (int tap = 1; tap < kWindow; ++tap) sum += products[tap];
    return sum;
  }
  // The first of a sum is not added to zero, for that would lose its sign.
  float parts[3] = {products[0], products[1], products[2]};
  MASKBENCH_UNROLL
  for (int tap = 3; tap < kWindow; ++tap) parts[tap % 3] += products[tap];
  return parts[0] + (parts[1] + parts[2]);
}

MASKBENCH_HOST_DEVICE inline bool IsInLastColumns(const LevelJob& level, int column) {
  return column >= level.columns / 8 * 8;
}

// The row filter of every component. A thread a component, row and column.
struct FilterRows {
  const LevelJob* jobs;
  const frontal::Component* components;
  size_t count;

  MASKBENCH_HOST_DEVICE void operator()(size_t job, size_t i) const {
    const LevelJob& level = jobs[job];
    const auto size = static_cast<uint32_t>(level.filtered_size());
    if (level.rows == 0 || i >= count * size) return;
    const auto place = static_cast<uint32_t>(i);
    const auto columns = static_cast<uint32_t>(level.columns);
    const frontal::Component& component = components[place / size];
    const auto row = static_cast<int>(place % size / columns);
    const auto column = static_cast<int>(place % size % columns);
    const float* taps =
        level.features + component.plane * level.padded() + static_cast<size_t>(row) * level.padded_columns() + column;
    float products[kWindow];
    MASKBENCH_UNROLL
    for (int x = 0; x < kWindow; ++x) products[x] = taps[x] * component.row[x];
    level.filtered[i] = SumOfTaps(products, IsInLastColumns(level, column));
  }
};

// Keeps the windows whose score for a filter reaches its threshold. A thread a filter and window.
struct ScoreWindows {
  const LevelJob* jobs;
  const FilterModel* model;
  FoundWindow* found;
  unsigned* count;
  unsigned capacity;
  int level_number;

  MASKBENCH_HOST_DEVICE void operator()(size_t job, size_t i) const {
    const LevelJob& level = jobs[job];
    if (level.rows == 0 || i >= kFilters * level.windows()) return;
    const auto windows = static_cast<uint32_t>(level.windows());
    const auto filter = static_cast<int>(static_cast<uint32_t>(i) / windows);
    const uint32_t window = static_cast<uint32_t>(i) % windows;
    const auto row = static_cast<int>(window / static_cast<uint32_t>(level.columns));
    const auto column = static_cast<int>(window % static_cast<uint32_t>(level.columns));
    const bool last = IsInLastColumns(level, column);
    float score = 0;
    for (int c = model->first[filter]; c < model->first[filter + 1]; ++c) {
      const frontal::Component& component = model->components[c];
      const float* rows = level.filtered + c * level.filtered_size() + window;
      float products[kWindow];
      MASKBENCH_UNROLL
      for (int y = 0; y < kWindow; ++y)
        products[y] = rows[static_cast<size_t>(y) * level.columns] * component.column[y];
      score += SumOfTaps(products, last);
    }
    if (score < model->thresholds[filter]) return;
    const unsigned place = TakeNext(count);
    if (place < capacity) found[place] = {static_cast<int>(job), level_number, filter, row, column, score};
  }
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
      for (uint32_t next = 0; next < kAtOnce; ++next) sum += some[next];
    }
    for (; tree < trees; ++tree) sum += leaf(tree);
    face.shape[i] = sum;
  }
};

}  // namespace maskbench::device

#endif  // MASKBENCH_FACE_WINDOWS_GRID_H_
