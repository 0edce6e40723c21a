#include "face/dlib_config.h"
//
#include "face/pyramid.h"

#include <dlib/image_processing/scan_fhog_pyramid.h>
#include <dlib/image_transforms/image_pyramid.h>

#include <algorithm>

#include "face/frontal_model.h"
#include "face/suppression.h"

namespace maskbench {
namespace {

using Pyramid = dlib::pyramid_down<6>;

// Where a window of cells lies in the image of a level.
dlib::rectangle WindowAt(int row, int column) {
  const dlib::point center(column + kWindow / 2, row + kWindow / 2);
  return dlib::fhog_to_image(dlib::centered_rect(center, kWindow, kWindow), frontal::kModel.cell_size, kWindow,
                             kWindow);
}

}  // namespace

PyramidSizes SizesOf(ImageSize image, int upsample) {
  PyramidSizes sizes;
  for (int i = 0; i < upsample; ++i) {
    const dlib::rectangle enlarged =
        dlib::pyramid_down<2>().rect_up(dlib::rectangle(0, 0, image.width - 1, image.height - 1));
    image = {static_cast<int>(enlarged.right()) + 1, static_cast<int>(enlarged.bottom()) + 1};
    sizes.doublings.push_back(image);
  }
  const frontal::Model& model = frontal::kModel;
  dlib::rectangle size(0, 0, image.width - 1, image.height - 1);
  for (int level = 1; level < model.max_levels; ++level) {
    size = Pyramid().rect_down(size);
    if (static_cast<int>(size.width()) < model.min_layer_width ||
        static_cast<int>(size.height()) < model.min_layer_height)
      break;
    image = {5 * image.width / 6, 5 * image.height / 6};
    sizes.levels.push_back(image);
  }
  return sizes;
}

int BoxSizeOf(int level, int upsample) {
  // (Near the border dlib rounds the other way.)
  const dlib::rectangle window = Pyramid().rect_up(WindowAt(kWindow, kWindow), level);
  return static_cast<int>(dlib::pyramid_down<2>().rect_down(window, upsample).width());
}

std::vector<Detection> FacesOf(const LevelWindows& windows, int upsample) {
  std::vector<ScoredWindows> scored;
  for (const std::vector<LevelWindow>& found : windows) {
    ScoredWindows& filter = scored.emplace_back();
    for (const auto& [level, window] : found)
      filter.emplace_back(window.score, Pyramid().rect_up(WindowAt(window.row, window.column), level));
    // As dlib sorts them, so that ties fall the same way.
    std::sort(filter.rbegin(), filter.rend(), [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  return SuppressOverlaps(scored, upsample);
}

}  // namespace maskbench
