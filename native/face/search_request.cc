#include "face/search_request.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "face/landmarks.h"
#include "face/pyramid.h"
#include "face/window_searcher.h"

namespace maskbench {

uint64_t SearchRequest::bytes() const {
  // An enlarged pixel takes two images of three bytes, a length and an orientation, and its part of a cell's numbers.
  constexpr uint64_t kBytesPerPixel = 36;
  const uint64_t pixels = static_cast<uint64_t>(image->width) * static_cast<uint64_t>(image->height);
  return 3 * pixels + (pixels << (2 * upsample)) * kBytesPerPixel;
}

void SearchRequest::Run(device::Stream& stream, std::span<SearchRequest* const> batch) {
  auto& searcher = stream.Get<WindowSearcher>();
  const int upsample = batch.front()->upsample;
  searcher.LoadTrees(batch.front()->trees);
  std::vector<PhotoInput> photos;
  for (const SearchRequest* request : batch) {
    const ImageSize size{request->image->width, request->image->height};
    photos.push_back({request->image->pixels.data(), size, SizesOf(size, upsample)});
  }
  std::vector<FoundWindow> found = searcher.FindWindows(photos);
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
    for (const Detection& detection : FacesOf(windows[i], upsample)) {
      faces[i].push_back({detection.box, detection.score, {}});
      places.push_back({static_cast<int>(i), PixelsOf(detection.box)});
    }
  const std::vector<std::array<float, kShape>> shapes = searcher.FindLandmarks(places);
  size_t number = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    for (Face& face : faces[i]) {
      for (size_t point = 0; point < kLandmarks; ++point)
        places[number].place.PixelAt(shapes[number][2 * point], shapes[number][2 * point + 1], face.landmarks[point].x,
                                     face.landmarks[point].y);
      ++number;
    }
    batch[i]->faces = std::move(faces[i]);
  }
}

}  // namespace maskbench
