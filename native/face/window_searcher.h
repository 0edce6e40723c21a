#ifndef MASKBENCH_FACE_WINDOW_SEARCHER_H_
#define MASKBENCH_FACE_WINDOW_SEARCHER_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "face/frontal_model.h"
#include "face/landmarks.h"
#include "face/pyramid.h"
#include "face/tree_model.h"
#include "face/windows.h"

namespace maskbench {

struct PhotoInput {
  // B, G, R bytes.
  const uint8_t* pixels;
  ImageSize size;
  PyramidSizes sizes;
};

struct FaceInput {
  // One of the photos that windows were found in last.
  int photo;
  BoxToPixels place;
};

struct FoundWindow {
  int photo, level, filter, row, column;
  float score;
};

struct FilterModel {
  const frontal::Component* components;
  // Where the components of each filter begin, and where the last end.
  int first[kFilters + 1];
  double thresholds[kFilters];
};

// dlib's frontal model, as a searcher reads it.
struct SearchModel {
  std::vector<frontal::Component> components;
  FilterModel filters;
};
SearchModel MakeSearchModel();

// Does the pixels' part of a search for many photos at once. Not safe to use from two threads at once.
class WindowSearcher {
 public:
  WindowSearcher() = default;
  virtual ~WindowSearcher() = default;
  WindowSearcher(const WindowSearcher&) = delete;
  WindowSearcher& operator=(const WindowSearcher&) = delete;

  // The landmarks' compact file (tree_model.h). To be called before FindLandmarks; the first call's is kept.
  virtual void LoadTrees(std::span<const uint8_t> trees) = 0;
  // In no order. All photos are doubled equally often, and kept until the next call.
  virtual std::vector<FoundWindow> FindWindows(std::span<const PhotoInput> photos) = 0;
  // 68 points x, y of each face, in its box's coordinates.
  virtual std::vector<std::array<float, kShape>> FindLandmarks(std::span<const FaceInput> faces) = 0;
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_WINDOW_SEARCHER_H_
