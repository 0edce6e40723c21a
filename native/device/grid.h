#ifndef MASKBENCH_DEVICE_GRID_H_
#define MASKBENCH_DEVICE_GRID_H_

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "open_device/programs.h"
#include "mask/draw_grid.h"
#include "face/windows_grid.h"
#include "all_pairs/score_grid.h"
#include "embed/tensor_grid.h"

namespace maskbench::device {

// Memory of a grid that grows as needed and is kept.
template <class Grid, class T>
class GridBuffer {
 public:
  explicit GridBuffer(Grid& grid) : grid_(grid) {}
  ~GridBuffer() { grid_.Free(data_, size_ * sizeof(T)); }
  GridBuffer(const GridBuffer&) = delete;
  GridBuffer& operator=(const GridBuffer&) = delete;

  // What it held is lost where it grows.
  T* Reserve(size_t size) {
    if (size > size_) {
      grid_.Free(std::exchange(data_, nullptr), std::exchange(size_, 0) * sizeof(T));
      data_ = static_cast<T*>(grid_.Allocate(size * sizeof(T)));
      size_ = size;
    }
    return data_;
  }
  T* Upload(std::span<const T> numbers) {
    Reserve(numbers.size());
    grid_.Upload(data_, numbers.data(), numbers.size() * sizeof(T));
    return data_;
  }
  T* data() const { return data_; }

 private:
  Grid& grid_;
  T* data_ = nullptr;
  size_t size_ = 0;
};

// Work on many photos and vectors at once, of any sizes, by the kernels of the headers beside this one, on a grid. A
// grid has Allocate, Free, Upload, Download and Finish (which wait) and Launch(jobs, threads a job, kernel): one is a
// GPU's, one is walked on the CPU.
template <class Grid>
class GridBackend : public Backend {
 public:
  GridBackend(std::unique_ptr<Grid> grid, const Models& models) : grid_(std::move(grid)), filters_(models.filters) {
    filters_.components = components_.Upload(models.components);
    device_filters_.Upload(std::span<const FilterModel>(&filters_, 1));
    grain_tile_.Upload(models.grain_tile);
    if (models.trees.empty()) return;
    trees_.Upload(models.trees);
    std::memcpy(&trees_header_, models.trees.data(), sizeof(trees_header_));
    initial_.resize(kShape);
    const TreeLayout layout(trees_header_);
    std::memcpy(initial_.data(), models.trees.data() + layout.initial_shape, kShape * sizeof(float));
  }

  std::vector<FoundWindow> FindWindows(std::span<const PhotoInput> photos) override {
    // Photos of ever new sizes would fill the memory with plans.
    constexpr size_t kMostPlans = 2000;
    if (plans_.size() > kMostPlans) plans_.clear();
    Place(photos);
    grid_->Launch(photos.size(), MostOf(photos), SeparateColors{photo_jobs_.Upload(photos_)});
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
      grid_->Launch(photos.size(), most, Resize{resize_jobs_.Upload(jobs)});
      from = 1 - from;
    };
    // All are doubled equally often.
    for (size_t step = 0; step < photos[0].sizes.doublings.size(); ++step)
      resize([&](const PhotoInput& photo) { return photo.sizes.doublings[step]; });
    unsigned none = 0;
    grid_->Upload(count_.Reserve(1), &none, sizeof(none));
    found_.Reserve(capacity_);
    for (size_t level = 0; level <= levels; ++level) {
      if (level > 0)
        resize([&](const PhotoInput& photo) {
          return level <= photo.sizes.levels.size() ? photo.sizes.levels[level - 1] : ImageSize{};
        });
      FindInLevel(static_cast<int>(level), from, sizes);
    }
    unsigned count = 0;
    grid_->Download(&count, count_.data(), sizeof(count));
    if (count > capacity_) {
      // More than were expected: once more, with room for all.
      capacity_ = count;
      return FindWindows(photos);
    }
    std::vector<FoundWindow> found(count);
    grid_->Download(found.data(), found_.data(), count * sizeof(FoundWindow));
    return found;
  }

  std::vector<std::array<float, kShape>> FindLandmarks(std::span<const FaceInput> faces) override {
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
      const PhotoJob& photo = photos_[static_cast<size_t>(faces[i].photo)];
      jobs.push_back({photo.pixels, photo.width, photo.height, faces[i].place, shape + kShape * i, turn + 4 * i,
                      values + pixels * i, leaves + trees * i});
    }
    const FaceJob* all = face_jobs_.Upload(jobs);
    const TreeLayout layout(trees_header_);
    const auto* initial = reinterpret_cast<const float*>(trees_.data() + layout.initial_shape);
    for (uint32_t cascade = 0; cascade < trees_header_.cascades; ++cascade) {
      const uint8_t* base = trees_.data() + cascade * layout.cascade_bytes;
      grid_->Launch(faces.size(), 1, TurnShape{all, initial});
      grid_->Launch(faces.size(), pixels,
                    ReadPixels{all, reinterpret_cast<const PixelPlace*>(base + layout.features), pixels});
      grid_->Launch(faces.size(), trees,
                    WalkTrees{all, reinterpret_cast<const Split*>(base + layout.splits), trees_header_.trees,
                              trees_header_.leaves});
      grid_->Launch(faces.size(), kShape,
                    AddLeaves{all, reinterpret_cast<const float*>(base + layout.leaves), trees_header_.trees});
    }
    std::vector<std::array<float, kShape>> found(faces.size());
    grid_->Download(found.data(), shape, found.size() * sizeof(found[0]));
    return found;
  }

  void Draw(std::span<const DrawInput> masks) override {
    // What all masks need, one after the other.
    std::vector<uint8_t> pixels;
    std::vector<int> rows;
    std::vector<PixelSpan> fill;
    std::vector<TemplateSpan> spans;
    std::vector<uint32_t> texels;
    std::vector<float> gains;
    size_t most = 0;
    for (const DrawInput& mask : masks) {
      const Drawing& drawing = *mask.drawing;
      const size_t width = 3 * Width(drawing.region);
      for (int y = drawing.region.top; y < drawing.region.bottom; ++y) {
        const uint8_t* row = mask.image->row(y) + size_t{3} * drawing.region.left;
        pixels.insert(pixels.end(), row, row + width);
      }
      most = std::max(most, Area(drawing.region));
      Append(rows, drawing.rows);
      if (const auto* flat = std::get_if<FlatDrawing>(&drawing.mask)) {
        Append(fill, flat->spans);
        continue;
      }
      const auto& worn = std::get<TemplateDrawing>(drawing.mask);
      Append(spans, worn.spans);
      Append(texels, worn.texels);
      const auto shadow = static_cast<size_t>(worn.shadow.width) * worn.shadow.height;
      texels.insert(texels.end(), worn.shadow.texels, worn.shadow.texels + shadow);
      Append(gains, worn.light.gains);
    }
    std::vector<uint8_t> mattes(pixels.size() / 3);
    uint8_t* pixel = draw_pixels_.Upload(pixels);
    uint8_t* matte = draw_mattes_.Upload(mattes);
    const int* row = draw_rows_.Upload(rows);
    const PixelSpan* fill_at = draw_fill_.Upload(fill);
    const TemplateSpan* span = draw_spans_.Upload(spans);
    const uint32_t* texel = draw_texels_.Upload(texels);
    const float* gain = draw_gains_.Upload(gains);
    std::vector<DrawJob> jobs;
    for (const DrawInput& mask : masks) {
      const Drawing& drawing = *mask.drawing;
      DrawJob job{};
      job.pixels = pixel;
      job.matte = mask.matte.empty() ? nullptr : matte;
      job.region = drawing.region;
      job.rows = row;
      pixel += 3 * Area(drawing.region);
      matte += Area(drawing.region);
      row += drawing.rows.size();
      if (const auto* flat = std::get_if<FlatDrawing>(&drawing.mask)) {
        job.fill = fill_at;
        job.color[0] = flat->color.blue;
        job.color[1] = flat->color.green;
        job.color[2] = flat->color.red;
        fill_at += flat->spans.size();
      } else {
        const auto& worn = std::get<TemplateDrawing>(drawing.mask);
        job.spans = span;
        job.texture = {texel, worn.texture_width, worn.texture_height};
        texel += worn.texels.size();
        job.shadow = {texel, worn.shadow.width, worn.shadow.height};
        texel += static_cast<size_t>(worn.shadow.width) * worn.shadow.height;
        job.grid = worn.light.grid;
        job.grid.gains = gain;
        gain += worn.light.gains.size();
        job.grain_tile = grain_tile_.data();
        job.grain = worn.grain;
        span += worn.spans.size();
      }
      jobs.push_back(job);
    }
    grid_->Launch(jobs.size(), most, DrawPixel{draw_jobs_.Upload(jobs)});
    grid_->Download(pixels.data(), draw_pixels_.data(), pixels.size());
    grid_->Download(mattes.data(), draw_mattes_.data(), mattes.size());
    const uint8_t* drawn = pixels.data();
    const uint8_t* opacity = mattes.data();
    for (const DrawInput& mask : masks) {
      const Region& region = mask.drawing->region;
      const size_t width = Width(region);
      for (int y = region.top; y < region.bottom; ++y, drawn += 3 * width, opacity += width) {
        std::copy(drawn, drawn + 3 * width, mask.image->row(y) + size_t{3} * region.left);
        if (mask.matte.empty()) continue;
        uint8_t* out = mask.matte.data() + static_cast<size_t>(y) * mask.image->width + region.left;
        for (size_t x = 0; x < width; ++x) out[x] = std::max(out[x], opacity[x]);
      }
    }
  }

  float* MakeTensor(std::span<const CropPlan* const> crops, const TensorLayout& layout) override {
    // What all crops need, one after the other.
    size_t bytes = 0;
    std::vector<LinearPlace> linear;
    std::vector<AreaPlace> area;
    std::vector<float> weights;
    for (const CropPlan* crop : crops) {
      bytes += crop->image->pixels.size();
      if (const auto* resized = std::get_if<CropPlan::Resized>(&crop->way)) {
        const ScalePlan& plan = resized->plan;
        Append(linear, plan.linear_columns());
        Append(linear, plan.linear_rows());
        Append(area, plan.area_columns());
        Append(area, plan.area_rows());
        Append(weights, plan.weights());
      }
    }
    uint8_t* pixels = crop_pixels_.Reserve(bytes);
    const LinearPlace* linear_at = crop_linear_.Upload(linear);
    const AreaPlace* area_at = crop_area_.Upload(area);
    const float* weights_at = crop_weights_.Upload(weights);
    const size_t size = 3 * static_cast<size_t>(layout.width) * layout.height;
    float* const tensor = tensor_.Reserve(crops.size() * size);
    std::vector<CropJob> jobs;
    for (const CropPlan* crop : crops) {
      const Image& image = *crop->image;
      grid_->Upload(pixels, image.pixels.data(), image.pixels.size());
      CropJob job{};
      job.pixels = pixels;
      job.width = image.width;
      job.height = image.height;
      job.tensor = tensor + jobs.size() * size;
      pixels += image.pixels.size();
      if (const auto* resized = std::get_if<CropPlan::Resized>(&crop->way)) {
        const ScalePlan& plan = resized->plan;
        job.resized = true;
        job.left = resized->left;
        job.top = resized->top;
        job.resized_width = resized->width;
        job.resized_height = resized->height;
        job.tables = plan.tables();
        job.tables.linear_columns = Next(linear_at, plan.linear_columns());
        job.tables.linear_rows = Next(linear_at, plan.linear_rows());
        job.tables.area_columns = Next(area_at, plan.area_columns());
        job.tables.area_rows = Next(area_at, plan.area_rows());
        job.tables.weights = Next(weights_at, plan.weights());
      } else {
        job.map = std::get<Affine>(crop->way);
      }
      jobs.push_back(job);
    }
    grid_->Launch(jobs.size(), size / 3, MakeTensorPixel{crop_jobs_.Upload(jobs), layout});
    grid_->Finish();
    return tensor;
  }

  void Read(const float* tensor, std::span<float> numbers) override {
    grid_->Download(numbers.data(), tensor, numbers.size_bytes());
  }

  void StartPairs(const AllPairs& pairs) override {
    pairs_ = &pairs;
    if (std::exchange(loaded_, pairs.id()) != pairs.id()) {
      sides_[0].Load(pairs.probes());
      if (!pairs.within()) sides_[1].Load(pairs.references());
    }
    bins_.Upload(std::vector<unsigned>(pairs.options().bins));
    kept_.Reserve(kMostKept);
  }

  std::optional<std::vector<ScoredPair>> ScorePairs(const PairBlock& block, std::span<const float> limits,
                                                    bool counts) override {
    const AllPairsOptions& options = pairs_->options();
    Side& other = pairs_->within() ? sides_[0] : sides_[1];
    const auto upload = [&](Side& side, const PackedVectors& vectors, const Range& panels, size_t slots) {
      const size_t first = vectors.panel(panels.first).first;
      const size_t last = vectors.panel(panels.last - 1).last;
      grid_->Upload(side.limits.data() + first, limits.data() + slots + first, (last - first) * sizeof(float));
    };
    upload(sides_[0], pairs_->probes(), block.panels, 0);
    upload(other, pairs_->references(), block.columns, pairs_->reference_slots());
    unsigned none = 0;
    grid_->Upload(count_.Reserve(1), &none, sizeof(none));
    const size_t columns = block.columns.last - block.columns.first;
    grid_->Launch(block.panels.last - block.panels.first, columns * kTilesOfPanels,
                  ScorePairTiles{sides_[0].View(), other.View(), pairs_->probes().dimensions(), pairs_->within(),
                                 options.metric, options.binning(), block.panels.first, block.columns.first, columns,
                                 counts ? bins_.data() : nullptr, kept_.data(), count_.data(), kMostKept});
    unsigned count = 0;
    grid_->Download(&count, count_.data(), sizeof(count));
    if (count > kMostKept) return std::nullopt;
    std::vector<ScoredPair> kept(count);
    grid_->Download(kept.data(), kept_.data(), count * sizeof(ScoredPair));
    return kept;
  }

  void ReadBins(std::span<unsigned> bins) override { grid_->Download(bins.data(), bins_.data(), bins.size_bytes()); }

 private:
  // One side of a comparison.
  struct Side {
    explicit Side(Grid& grid) : numbers(grid), panels(grid), identities(grid), squares(grid), limits(grid) {}

    void Load(const PackedVectors& vectors) {
      std::vector<Range> ranges;
      for (size_t panel = 0; panel < vectors.panels(); ++panel) ranges.push_back(vectors.panel(panel));
      panels.Upload(ranges);
      numbers.Upload(std::span(vectors.numbers(0), vectors.panels() * kPanel * vectors.dimensions()));
      identities.Upload(vectors.identities());
      squares.Upload(std::span(vectors.squares(0), vectors.size()));
      limits.Reserve(vectors.size());
    }
    PairSide View() const { return {numbers.data(), panels.data(), identities.data(), squares.data(), limits.data()}; }

    GridBuffer<Grid, float> numbers;
    GridBuffer<Grid, Range> panels;
    GridBuffer<Grid, int32_t> identities;
    GridBuffer<Grid, float> squares;
    GridBuffer<Grid, float> limits;
  };

  // Where a part of an uploaded whole lies; `at` moves to the next.
  template <class T>
  static const T* Next(const T*& at, const std::vector<T>& part) {
    return std::exchange(at, at + part.size());
  }
  static size_t Width(const Region& region) { return static_cast<size_t>(region.right - region.left); }
  static size_t Area(const Region& region) { return Width(region) * static_cast<size_t>(region.bottom - region.top); }
  template <class T>
  static void Append(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
  }
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
      if (3 * Largest(photo) > std::numeric_limits<uint32_t>::max()) throw DeviceError{"the photo is too large", true};
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
      grid_->Upload(at, photo.pixels, 3 * Area(photo.size));
      photos_.push_back({at, photo.size.width, photo.size.height, planes + offset});
      plane_offsets_.push_back(offset);
      at += 3 * Area(photo.size);
      offset += 3 * Largest(photo);
    }
  }

  // Where a resizing looks, kept for later photos of the same size.
  struct Plan {
    explicit Plan(Grid& grid) : rows(grid), left(grid), right_weight(grid), last(grid) {}
    GridBuffer<Grid, ResizeRowPlace> rows;
    GridBuffer<Grid, int> left;
    GridBuffer<Grid, float> right_weight;
    GridBuffer<Grid, ResizeLastColumn> last;
    int single = 0;
  };

  ResizeJob PlanResize(size_t photo, int from, ImageSize in, ImageSize out) {
    if (out.width == 0) return {};
    std::unique_ptr<Plan>& plan = plans_[{in.width, in.height, out.width, out.height}];
    if (!plan) {
      plan = std::make_unique<Plan>(*grid_);
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
    grid_->Launch(jobs.size(), most_pixels, FindGradients{all});
    grid_->Launch(jobs.size(), most_cells, CountVotes{all});
    grid_->Launch(jobs.size(), most_padded, MakeFeatures{all});
    grid_->Launch(jobs.size(), component_count() * most_filtered,
                  FilterRows{all, filters_.components, component_count()});
    grid_->Launch(jobs.size(), kFilters * most_windows,
                  ScoreWindows{all, device_filters_.data(), found_.data(), count_.data(),
                               static_cast<unsigned>(capacity_), number});
  }

  const std::unique_ptr<Grid> grid_;
  FilterModel filters_;
  TreeFileHeader trees_header_{};
  std::vector<float> initial_;
  std::vector<PhotoJob> photos_;
  std::vector<size_t> plane_offsets_;
  std::map<std::array<int, 4>, std::unique_ptr<Plan>> plans_;
  // Windows found in a batch; more are rare, and cost a second run.
  size_t capacity_ = 4096;

  GridBuffer<Grid, frontal::Component> components_{*grid_};
  GridBuffer<Grid, FilterModel> device_filters_{*grid_};
  GridBuffer<Grid, uint8_t> trees_{*grid_};
  GridBuffer<Grid, uint8_t> pixels_{*grid_};
  GridBuffer<Grid, uint8_t> planes_[2] = {GridBuffer<Grid, uint8_t>(*grid_), GridBuffer<Grid, uint8_t>(*grid_)};
  GridBuffer<Grid, PhotoJob> photo_jobs_{*grid_};
  GridBuffer<Grid, ResizeJob> resize_jobs_{*grid_};
  GridBuffer<Grid, LevelJob> level_jobs_{*grid_};
  GridBuffer<Grid, FaceJob> face_jobs_{*grid_};
  GridBuffer<Grid, float> lengths_{*grid_};
  GridBuffer<Grid, uint8_t> orientations_{*grid_};
  GridBuffer<Grid, float> votes_{*grid_};
  GridBuffer<Grid, float> energies_{*grid_};
  GridBuffer<Grid, float> features_{*grid_};
  GridBuffer<Grid, float> filtered_{*grid_};
  GridBuffer<Grid, FoundWindow> found_{*grid_};
  GridBuffer<Grid, unsigned> count_{*grid_};
  GridBuffer<Grid, float> shapes_{*grid_};
  GridBuffer<Grid, float> turns_{*grid_};
  GridBuffer<Grid, float> values_{*grid_};
  GridBuffer<Grid, uint32_t> leaves_{*grid_};
  GridBuffer<Grid, float> grain_tile_{*grid_};
  GridBuffer<Grid, uint8_t> draw_pixels_{*grid_};
  GridBuffer<Grid, uint8_t> draw_mattes_{*grid_};
  GridBuffer<Grid, int> draw_rows_{*grid_};
  GridBuffer<Grid, PixelSpan> draw_fill_{*grid_};
  GridBuffer<Grid, TemplateSpan> draw_spans_{*grid_};
  GridBuffer<Grid, uint32_t> draw_texels_{*grid_};
  GridBuffer<Grid, float> draw_gains_{*grid_};
  GridBuffer<Grid, DrawJob> draw_jobs_{*grid_};
  GridBuffer<Grid, uint8_t> crop_pixels_{*grid_};
  GridBuffer<Grid, LinearPlace> crop_linear_{*grid_};
  GridBuffer<Grid, AreaPlace> crop_area_{*grid_};
  GridBuffer<Grid, float> crop_weights_{*grid_};
  GridBuffer<Grid, CropJob> crop_jobs_{*grid_};
  GridBuffer<Grid, float> tensor_{*grid_};
  const AllPairs* pairs_ = nullptr;
  // Whose vectors the sides have.
  uint64_t loaded_ = 0;
  Side sides_[2] = {Side(*grid_), Side(*grid_)};
  GridBuffer<Grid, unsigned> bins_{*grid_};
  GridBuffer<Grid, ScoredPair> kept_{*grid_};
};

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_GRID_H_
