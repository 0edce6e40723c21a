#ifndef MASKBENCH_FACE_SEARCH_GRID_H_
#define MASKBENCH_FACE_SEARCH_GRID_H_

#include <array>
#include <span>
#include <vector>

#include "face/landmarks_grid.h"
#include "face/window_searcher.h"
#include "face/windows_grid.h"

namespace maskbench {

template <class Grid>
class SearchGrid : public WindowSearcher {
 public:
  SearchGrid(Grid& grid, const SearchModel& model) : windows_(grid, model), landmarks_(grid) {}

  void LoadTrees(std::span<const uint8_t> trees) override { landmarks_.LoadTrees(trees); }
  std::vector<FoundWindow> FindWindows(std::span<const PhotoInput> photos) override {
    return windows_.FindWindows(photos);
  }
  std::vector<std::array<float, kShape>> FindLandmarks(std::span<const FaceInput> faces) override {
    return landmarks_.Find(faces, windows_.photos());
  }

 private:
  WindowsGrid<Grid> windows_;
  LandmarksGrid<Grid> landmarks_;
};

}  // namespace maskbench

#endif  // MASKBENCH_FACE_SEARCH_GRID_H_
