#include "device/finder.h"

#include <algorithm>
#include <tuple>
#include <utility>

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
  return models;
}

uint64_t BytesOf(ImageSize size, int upsample) {
  // Of an enlarged pixel: two images of three bytes, a length and an orientation, and its part of a cell's numbers.
  constexpr uint64_t kBytesPerPixel = 16;
  const uint64_t pixels = static_cast<uint64_t>(size.width) * static_cast<uint64_t>(size.height);
  return 3 * pixels + (pixels << (2 * upsample)) * kBytesPerPixel;
}

Finder::Finder(std::vector<std::unique_ptr<Backend>> backends, int upsample, uint64_t memory)
    : upsample_(upsample), memory_(memory), idle_(std::move(backends)) {}

std::vector<Face> Finder::Find(const Image& image) {
  Request request{&image, {}, nullptr};
  std::unique_lock lock(mutex_);
  waiting_.push_back(&request);
  while (!request.done) {
    if (idle_.empty() || waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    std::unique_ptr<Backend> backend = std::move(idle_.back());
    idle_.pop_back();
    std::vector<Request*> batch;
    uint64_t bytes = 0;
    while (!waiting_.empty()) {
      const Image& next = *waiting_.front()->image;
      bytes += BytesOf({next.width, next.height}, upsample_);
      if (!batch.empty() && bytes > memory_) break;
      batch.push_back(waiting_.front());
      waiting_.pop_front();
    }
    lock.unlock();
    RunOrSplit(*backend, batch);
    lock.lock();
    for (Request* done : batch) done->done = true;
    idle_.push_back(std::move(backend));
    changed_.notify_all();
  }
  if (request.error) std::rethrow_exception(request.error);
  return std::move(request.faces);
}

void Finder::RunOrSplit(Backend& backend, std::span<Request* const> batch) const {
  try {
    RunBatch(backend, batch);
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

void Finder::RunBatch(Backend& backend, std::span<Request* const> batch) const {
  std::vector<PhotoInput> photos;
  for (const Request* request : batch) {
    const ImageSize size{request->image->width, request->image->height};
    photos.push_back({request->image->pixels.data(), size, SizesOf(size, upsample_)});
  }
  std::vector<FoundWindow> found = backend.FindWindows(photos);
  // As the CPU finds them.
  std::ranges::sort(found, {}, [](const FoundWindow& window) {
    return std::tuple(window.photo, window.filter, window.level, window.row, window.column);
  });
  std::vector<LevelWindows> windows(batch.size());
  for (const FoundWindow& window : found)
    windows[window.photo][window.filter].push_back({window.level, {window.row, window.column, window.score}});
  std::vector<FaceInput> faces;
  for (size_t i = 0; i < batch.size(); ++i)
    for (const Detection& detection : FacesOf(windows[i], upsample_)) {
      batch[i]->faces.push_back({detection.box, detection.score, {}});
      faces.push_back({static_cast<int>(i), PixelsOf(detection.box)});
    }
  std::vector<std::array<float, kShape>> shapes;
  try {
    shapes = backend.FindLandmarks(faces);
  } catch (...) {
    for (Request* request : batch) request->faces.clear();
    throw;
  }
  size_t number = 0;
  for (Request* request : batch)
    for (Face& face : request->faces) {
      for (size_t point = 0; point < kLandmarks; ++point)
        faces[number].place.PixelAt(shapes[number][2 * point], shapes[number][2 * point + 1], face.landmarks[point].x,
                                    face.landmarks[point].y);
      ++number;
    }
}

}  // namespace maskbench::device
