#ifndef MASKBENCH_FACE_WINDOWS_GRID_H_
#define MASKBENCH_FACE_WINDOWS_GRID_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "device/grid.h"
#include "face/gradient.h"
#include "face/resize_plan.h"
#include "face/window_searcher.h"
#include "runtime/host_device.h"

// The windows of face/detector.cc on a grid.

namespace maskbench {

// What the kernels are given. All pointers are the device's.

inline constexpr int kZerosAround = kZerosBefore + kZerosAfter;

struct PhotoJob {
  // B, G, R bytes, row-major.
  const uint8_t* pixels;
  int width, height;
  // [color][row][column]
  uint8_t* planes;
};

// One resizing of a photo; nothing to do where the width is 0.
struct ResizeJob {
  const uint8_t* in;
  uint8_t* out;
  int in_width, in_height, width, height;
  const ResizeRowPlace* rows;
  // Columns before `single` are in single precision.
  const int* left;
  const float* right_weight;
  const ResizeLastColumn* last;
  int single;
};

// One level of a photo's pyramid; nothing to do where it has no rows of features.
struct LevelJob {
  const uint8_t* planes;
  int width, height;
  CellGrid grid;
  // The gradient of each pixel.
  float* lengths;
  uint8_t* orientations;
  // [row][column][orientation] of cells, counted from one before the image; and [row][column].
  float* votes;
  float* energies;
  // The features, without the zeros around; [feature][row][column] with them.
  int rows, columns;
  float* features;
  // [component][row of features with the zeros around][column without]: each component's row filter.
  float* filtered;

  // With those around.
  MASKBENCH_HOST_DEVICE size_t cells() const {
    return static_cast<size_t>(grid.cells_across + 2) * (grid.cells_down + 2);
  }
  MASKBENCH_HOST_DEVICE int padded_columns() const { return columns + kZerosAround; }
  MASKBENCH_HOST_DEVICE size_t padded() const { return static_cast<size_t>(padded_columns()) * (rows + kZerosAround); }
  MASKBENCH_HOST_DEVICE size_t windows() const { return static_cast<size_t>(rows) * columns; }
  // Numbers of one component.
  MASKBENCH_HOST_DEVICE size_t filtered_size() const { return static_cast<size_t>(columns) * (rows + kZerosAround); }
};

// What one thread of a grid does for thread `i` of photo `job`. All arithmetic is dlib's, in its order, so that boxes
// and scores are those of the CPU. No thread waits for another: a grid of them may be walked in plain loops. Places
// within a photo are divided as 32-bit numbers, for devices divide longer ones slowly.

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
    // Among equal colours the later one counts in dlib's vector arithmetic, the earlier in its scalar one.
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

// Windows of many photos at once, of any sizes.
template <class Grid>
class WindowsGrid {
 public:
  WindowsGrid(Grid& grid, const SearchModel& model) : grid_(grid), filters_(model.filters) {
    filters_.components = components_.Upload(model.components);
    device_filters_.Upload(std::span<const FilterModel>(&filters_, 1));
  }

  std::vector<FoundWindow> FindWindows(std::span<const PhotoInput> photos) {
    // Photos of ever new sizes would fill the memory with plans.
    constexpr size_t kMostPlans = 2000;
    if (plans_.size() > kMostPlans) plans_.clear();
    Place(photos);
    grid_.Launch(photos.size(), MostOf(photos), SeparateColors{photo_jobs_.Upload(photos_)});
    // Both buffers of planes hold the largest image of every photo.
    int from = 0;
    size_t levels = 0;
    for (const PhotoInput& photo : photos) levels = std::max(levels, photo.sizes.levels.size());
    std::vector<ImageSize> sizes;
    for (const PhotoInput& photo : photos) sizes.push_back(photo.size);
    const auto resize = [&](const auto& next_of) {
      std::vector<ResizeJob> jobs;
      size_t most = 0;
      for (size_t i = 0; i < photos.size(); ++i) {
        const ImageSize next = next_of(photos[i]);
        jobs.push_back(PlanResize(i, from, sizes[i], next));
        sizes[i] = next;
        most = std::max(most, 3 * Area(next));
      }
      grid_.Launch(photos.size(), most, Resize{resize_jobs_.Upload(jobs)});
      from = 1 - from;
    };
    // All are doubled equally often.
    for (size_t step = 0; step < photos[0].sizes.doublings.size(); ++step)
      resize([&](const PhotoInput& photo) { return photo.sizes.doublings[step]; });
    unsigned none = 0;
    grid_.Upload(count_.Reserve(1), &none, sizeof(none));
    found_.Reserve(capacity_);
    for (size_t level = 0; level <= levels; ++level) {
      if (level > 0)
        resize([&](const PhotoInput& photo) {
          return level <= photo.sizes.levels.size() ? photo.sizes.levels[level - 1] : ImageSize{};
        });
      FindInLevel(static_cast<int>(level), from, sizes);
    }
    unsigned count = 0;
    grid_.Download(&count, count_.data(), sizeof(count));
    if (count > capacity_) {
      // More than were expected: once more, with room for all.
      capacity_ = count;
      return FindWindows(photos);
    }
    std::vector<FoundWindow> found(count);
    grid_.Download(found.data(), found_.data(), count * sizeof(FoundWindow));
    return found;
  }

  // The photos of the last call.
  const std::vector<PhotoJob>& photos() const { return photos_; }

 private:
  static size_t Area(ImageSize size) { return static_cast<size_t>(size.width) * size.height; }
  static size_t Largest(const PhotoInput& photo) {
    return photo.sizes.doublings.empty() ? Area(photo.size) : Area(photo.sizes.doublings.back());
  }
  static size_t MostOf(std::span<const PhotoInput> photos) {
    size_t most = 0;
    for (const PhotoInput& photo : photos) most = std::max(most, Area(photo.size));
    return most;
  }

  // Copies the photos to the device, and gives each its parts of the buffers.
  void Place(std::span<const PhotoInput> photos) {
    size_t pixels = 0;
    size_t largest = 0;
    for (const PhotoInput& photo : photos) {
      // Kernels divide places as 32-bit numbers.
      if (3 * Largest(photo) > std::numeric_limits<uint32_t>::max())
        throw device::DeviceError{"the photo is too large", true};
      pixels += 3 * Area(photo.size);
      largest += 3 * Largest(photo);
    }
    uint8_t* at = pixels_.Reserve(pixels);
    uint8_t* planes = planes_[0].Reserve(largest);
    planes_[1].Reserve(largest);
    photos_.clear();
    plane_offsets_.clear();
    size_t offset = 0;
    for (const PhotoInput& photo : photos) {
      grid_.Upload(at, photo.pixels, 3 * Area(photo.size));
      photos_.push_back({at, photo.size.width, photo.size.height, planes + offset});
      plane_offsets_.push_back(offset);
      at += 3 * Area(photo.size);
      offset += 3 * Largest(photo);
    }
  }

  // Where a resizing looks, kept for later photos of the same size.
  struct Plan {
    explicit Plan(Grid& grid) : rows(grid), left(grid), right_weight(grid), last(grid) {}
    device::GridBuffer<Grid, ResizeRowPlace> rows;
    device::GridBuffer<Grid, int> left;
    device::GridBuffer<Grid, float> right_weight;
    device::GridBuffer<Grid, ResizeLastColumn> last;
    int single = 0;
  };

  ResizeJob PlanResize(size_t photo, int from, ImageSize in, ImageSize out) {
    if (out.width == 0) return {};
    std::unique_ptr<Plan>& plan = plans_[{in.width, in.height, out.width, out.height}];
    if (!plan) {
      plan = std::make_unique<Plan>(grid_);
      const ResizeColumns columns = PlanColumns(in.width, out.width);
      plan->rows.Upload(PlanRows(in.height, out.height));
      plan->left.Upload(columns.left);
      plan->right_weight.Upload(columns.right_weight);
      plan->last.Upload(columns.last);
      plan->single = static_cast<int>(columns.left.size());
    }
    const size_t offset = plane_offsets_[photo];
    return {planes_[from].data() + offset,
            planes_[1 - from].data() + offset,
            in.width,
            in.height,
            out.width,
            out.height,
            plan->rows.data(),
            plan->left.data(),
            plan->right_weight.data(),
            plan->last.data(),
            plan->single};
  }

  size_t component_count() const { return static_cast<size_t>(filters_.first[kFilters]); }

  void FindInLevel(int number, int from, const std::vector<ImageSize>& sizes) {
    size_t pixels = 0;
    size_t cells = 0;
    size_t numbers = 0;
    size_t filtered_numbers = 0;
    size_t most_filtered = 0;
    size_t most_pixels = 0;
    size_t most_cells = 0;
    size_t most_padded = 0;
    size_t most_windows = 0;
    std::vector<LevelJob> jobs;
    for (const ImageSize& size : sizes) {
      LevelJob job{};
      job.width = size.width;
      job.height = size.height;
      job.grid = CellsOf(size.width, size.height);
      job.rows = std::max(0, job.grid.cells_down - 2);
      job.columns = std::max(0, job.grid.cells_across - 2);
      if (job.rows == 0 || job.columns == 0) job.rows = job.columns = 0;
      jobs.push_back(job);
      if (job.rows == 0) continue;
      pixels += Area(size);
      cells += job.cells();
      numbers += job.padded();
      most_pixels = std::max(most_pixels, Area(size));
      most_cells = std::max(most_cells, job.cells());
      most_padded = std::max(most_padded, job.padded());
      filtered_numbers += component_count() * job.filtered_size();
      most_filtered = std::max(most_filtered, job.filtered_size());
      most_windows = std::max(most_windows, job.windows());
    }
    float* lengths = lengths_.Reserve(pixels);
    uint8_t* orientations = orientations_.Reserve(pixels);
    float* votes = votes_.Reserve(cells * kOrientations);
    float* energies = energies_.Reserve(cells);
    float* features = features_.Reserve(numbers * kFeatures);
    float* filtered = filtered_.Reserve(filtered_numbers);
    for (size_t i = 0; i < jobs.size(); ++i) {
      LevelJob& job = jobs[i];
      job.planes = planes_[from].data() + plane_offsets_[i];
      job.lengths = lengths;
      job.orientations = orientations;
      job.votes = votes;
      job.energies = energies;
      job.features = features;
      job.filtered = filtered;
      if (job.rows == 0) continue;
      lengths += Area(sizes[i]);
      orientations += Area(sizes[i]);
      votes += job.cells() * kOrientations;
      energies += job.cells();
      features += job.padded() * kFeatures;
      filtered += component_count() * job.filtered_size();
    }
    const LevelJob* all = level_jobs_.Upload(jobs);
    grid_.Launch(jobs.size(), most_pixels, FindGradients{all});
    grid_.Launch(jobs.size(), most_cells, CountVotes{all});
    grid_.Launch(jobs.size(), most_padded, MakeFeatures{all});
    grid_.Launch(jobs.size(), component_count() * most_filtered,
                 FilterRows{all, filters_.components, component_count()});
    grid_.Launch(jobs.size(), kFilters * most_windows,
                 ScoreWindows{all, device_filters_.data(), found_.data(), count_.data(),
                              static_cast<unsigned>(capacity_), number});
  }

  Grid& grid_;
  FilterModel filters_;
  std::vector<PhotoJob> photos_;
  std::vector<size_t> plane_offsets_;
  std::map<std::array<int, 4>, std::unique_ptr<Plan>> plans_;
  // Windows found in a batch; more are rare, and cost a second run.
  size_t capacity_ = 4096;

  device::GridBuffer<Grid, frontal::Component> components_{grid_};
  device::GridBuffer<Grid, FilterModel> device_filters_{grid_};
  device::GridBuffer<Grid, uint8_t> pixels_{grid_};
  device::GridBuffer<Grid, uint8_t> planes_[2] = {device::GridBuffer<Grid, uint8_t>(grid_),
                                                  device::GridBuffer<Grid, uint8_t>(grid_)};
  device::GridBuffer<Grid, PhotoJob> photo_jobs_{grid_};
  device::GridBuffer<Grid, ResizeJob> resize_jobs_{grid_};
  device::GridBuffer<Grid, LevelJob> level_jobs_{grid_};
  device::GridBuffer<Grid, float> lengths_{grid_};
  device::GridBuffer<Grid, uint8_t> orientations_{grid_};
  device::GridBuffer<Grid, float> votes_{grid_};
  device::GridBuffer<Grid, float> energies_{grid_};
  device::GridBuffer<Grid, float> features_{grid_};
  device::GridBuffer<Grid, float> filtered_{grid_};
  device::GridBuffer<Grid, FoundWindow> found_{grid_};
  device::GridBuffer<Grid, unsigned> count_{grid_};
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_WINDOWS_GRID_H_
