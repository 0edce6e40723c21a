#include "device/queue.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

#include "face/frontal_model.h"
#include "face/landmarks.h"
#include "face/pyramid.h"

namespace maskbench::device {

Models ModelsOf(std::span<const uint8_t> trees) {
  Models models;
  models.trees = trees;
  for (int filter = 0; filter < kFilters; ++filter) {
    models.filters.first[filter] = static_cast<int>(models.components.size());
    models.filters.thresholds[filter] = frontal::kModel.filters[filter].threshold;
    const auto components = frontal::kModel.filters[filter].components;
    models.components.insert(models.components.end(), components.begin(), components.end());
  }
  models.filters.first[kFilters] = static_cast<int>(models.components.size());
  models.grain_tile = GrainTile();
  return models;
}

uint64_t BytesOf(ImageSize size, int upsample) {
  // Of an enlarged pixel: two images of three bytes, a length and an orientation, and its part of a cell's numbers.
  constexpr uint64_t kBytesPerPixel = 36;
  const uint64_t pixels = static_cast<uint64_t>(size.width) * static_cast<uint64_t>(size.height);
  return 3 * pixels + (pixels << (2 * upsample)) * kBytesPerPixel;
}

Queue::Queue(std::vector<std::unique_ptr<Backend>> backends, int upsample, uint64_t memory)
    : upsample_(upsample), memory_(memory), idle_(std::move(backends)) {}

std::vector<Face> Queue::Find(const Image& image) {
  Request request{Photo{&image, {}}, BytesOf({image.width, image.height}, upsample_), nullptr};
  Wait(request);
  return std::move(std::get<Photo>(request.work).faces);
}

void Queue::Draw(const DrawInput& mask) {
  const Region& region = mask.drawing->region;
  if (region.left >= region.right || region.top >= region.bottom) return;
  // Pixels, mattes, texels and spans of them come to about this.
  constexpr uint64_t kBytesPerPixel = 24;
  const auto pixels =
      static_cast<uint64_t>(region.right - region.left) * static_cast<uint64_t>(region.bottom - region.top);
  Request request{mask, kBytesPerPixel * pixels, nullptr};
  Wait(request);
}

void Queue::Use(const std::function<void(Backend&)>& work) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !idle_.empty(); });
  std::unique_ptr<Backend> backend = std::move(idle_.back());
  idle_.pop_back();
  lock.unlock();
  std::exception_ptr error;
  try {
    work(*backend);
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  idle_.push_back(std::move(backend));
  changed_.notify_all();
  if (error) std::rethrow_exception(error);
}

std::vector<Queue::Request*> Queue::Take() {
  std::vector<Request*> batch;
  uint64_t bytes = 0;
  const size_t kind = waiting_.front()->work.index();
  for (auto request = waiting_.begin(); request != waiting_.end();) {
    if ((*request)->work.index() != kind) {
      ++request;
      continue;
    }
    bytes += (*request)->bytes;
    if (!batch.empty() && bytes > memory_) break;
    batch.push_back(*request);
    request = waiting_.erase(request);
  }
  return batch;
}

void Queue::Wait(Request& request) {
  std::unique_lock lock(mutex_);
  waiting_.push_back(&request);
  while (!request.done) {
    if (idle_.empty() || waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    std::unique_ptr<Backend> backend = std::move(idle_.back());
    idle_.pop_back();
    const std::vector<Request*> batch = Take();
    lock.unlock();
    RunOrSplit(*backend, batch);
    lock.lock();
    for (Request* done : batch) done->done = true;
    idle_.push_back(std::move(backend));
    changed_.notify_all();
  }
  if (request.error) std::rethrow_exception(request.error);
}

void Queue::RunOrSplit(Backend& backend, std::span<Request* const> batch) const {
  try {
    if (std::holds_alternative<Photo>(batch.front()->work)) {
      Search(backend, batch);
    } else {
      std::vector<DrawInput> masks;
      for (const Request* request : batch) masks.push_back(std::get<DrawInput>(request->work));
      backend.Draw(masks);
    }
  } catch (const DeviceError& error) {
    if (error.out_of_memory && batch.size() > 1) {
      const size_t half = batch.size() / 2;
      RunOrSplit(backend, batch.first(half));
      RunOrSplit(backend, batch.subspan(half));
      return;
    }
    for (Request* request : batch) request->error = std::current_exception();
  } catch (...) {
    for (Request* request : batch) request->error = std::current_exception();
  }
}

void Queue::Search(Backend& backend, std::span<Request* const> batch) const {
  std::vector<PhotoInput> photos;
  for (const Request* request : batch) {
    const Image& image = *std::get<Photo>(request->work).image;
    const ImageSize size{image.width, image.height};
    photos.push_back({image.pixels.data(), size, SizesOf(size, upsample_)});
  }
  std::vector<FoundWindow> found = backend.FindWindows(photos);
  // As the CPU finds them.
  std::ranges::sort(found, {}, [](const FoundWindow& window) {
    return std::tuple(window.photo, window.filter, window.level, window.row, window.column);
  });
  std::vector<LevelWindows> windows(batch.size());
  for (const FoundWindow& window : found)
    windows[window.photo][window.filter].push_back({window.level, {window.row, window.column, window.score}});
  std::vector<std::vector<Face>> faces(batch.size());
  std::vector<FaceInput> places;
  for (size_t i = 0; i < batch.size(); ++i)
    for (const Detection& detection : FacesOf(windows[i], upsample_)) {
      faces[i].push_back({detection.box, detection.score, {}});
      places.push_back({static_cast<int>(i), PixelsOf(detection.box)});
    }
  const std::vector<std::array<float, kShape>> shapes = backend.FindLandmarks(places);
  size_t number = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    for (Face& face : faces[i]) {
      for (size_t point = 0; point < kLandmarks; ++point)
        places[number].place.PixelAt(shapes[number][2 * point], shapes[number][2 * point + 1], face.landmarks[point].x,
                                     face.landmarks[point].y);
      ++number;
    }
    std::get<Photo>(batch[i]->work).faces = std::move(faces[i]);
  }
}

}  // namespace maskbench::device
