#include "face/dlib_detector.h"

#include "face/dlib_config.h"

#include <dlib/image_processing/object_detector.h>
#include <dlib/image_processing/scan_fhog_pyramid.h>
#include <dlib/image_transforms.h>

#include <cstring>

#include "face/frontal_model.h"
#include "face/suppression.h"

namespace maskbench {
namespace {

using Scanner = dlib::scan_fhog_pyramid<dlib::pyramid_down<6>>;
using Pixels = dlib::array2d<dlib::rgb_pixel>;

Scanner::fhog_filterbank MakeBank(const frontal::Filter& filter) {
  Scanner::fhog_filterbank bank;
  // dlib looks at the dense filters only for their size: the separable ones are the cheaper here.
  bank.filters.assign(frontal::kPlanes, dlib::zeros_matrix<float>(frontal::kFilterSize, frontal::kFilterSize));
  bank.row_filters.resize(frontal::kPlanes);
  bank.col_filters.resize(frontal::kPlanes);
  for (const frontal::Component& component : filter.components) {
    bank.col_filters[component.plane].emplace_back(dlib::mat(component.column, frontal::kFilterSize));
    bank.row_filters[component.plane].emplace_back(dlib::mat(component.row, frontal::kFilterSize));
  }
  return bank;
}

const std::vector<Scanner::fhog_filterbank>& Banks() {
  static const std::vector<Scanner::fhog_filterbank> banks = [] {
    std::vector<Scanner::fhog_filterbank> made;
    for (const frontal::Filter& filter : frontal::kModel.filters) made.push_back(MakeBank(filter));
    return made;
  }();
  return banks;
}

void Configure(Scanner& scanner) {
  const frontal::Model& model = frontal::kModel;
  scanner.set_cell_size(model.cell_size);
  scanner.set_padding(model.padding);
  scanner.set_detection_window_size(model.window_width, model.window_height);
  scanner.set_min_pyramid_layer_size(model.min_layer_width, model.min_layer_height);
  scanner.set_max_pyramid_levels(model.max_levels);
}

}  // namespace

std::vector<Detection> DetectWithDlib(const Image& image, int upsample) {
  static_assert(sizeof(dlib::rgb_pixel) == 3);
  Pixels pixels(image.height, image.width);
  for (int y = 0; y < image.height; ++y)
    std::memcpy(static_cast<void*>(&pixels[y][0]), image.row(y), size_t{3} * image.width);
  const dlib::pyramid_down<2> doubling;
  for (int i = 0; i < upsample; ++i) dlib::pyramid_up(pixels, doubling);

  Scanner scanner;
  Configure(scanner);
  scanner.load(pixels);
  std::vector<ScoredWindows> windows(Banks().size());
  for (size_t i = 0; i < Banks().size(); ++i)
    scanner.detect(Banks()[i], windows[i], frontal::kModel.filters[i].threshold);
  return SuppressOverlaps(windows, upsample);
}

}  // namespace maskbench
