// Runs at build time: writes the definition of frontal::kModel, from the model inside dlib's header, to standard
// output.

#include "face/dlib_config.h"

#include <dlib/image_processing/frontal_face_detector.h>

#include <cstdio>

#include "face/frontal_model.h"

namespace {

void PrintValues(const char* name, const dlib::matrix<float, 0, 1>& values) {
  std::printf(" .%s = {", name);
  for (const float value : values) std::printf("%af, ", static_cast<double>(value));
  std::printf("}");
}

}  // namespace

int main() {
  const dlib::frontal_face_detector detector = dlib::get_frontal_face_detector();
  const auto& scanner = detector.get_scanner();
  std::printf("#include \"face/frontal_model.h\"\n\nnamespace maskbench::frontal {\nnamespace {\n");
  std::string filters;
  for (unsigned i = 0; i < detector.num_detectors(); ++i) {
    const auto& weights = detector.get_w(i);
    const auto bank = scanner.build_fhog_filterbank(weights);
    std::printf("const Component kComponents%u[] = {\n", i);
    for (unsigned plane = 0; plane < bank.row_filters.size(); ++plane) {
      for (unsigned k = 0; k < bank.row_filters[plane].size(); ++k) {
        std::printf("{.plane = %u,", plane);
        PrintValues("column", bank.col_filters[plane][k]);
        std::printf(",");
        PrintValues("row", bank.row_filters[plane][k]);
        std::printf("},\n");
      }
    }
    std::printf("};\n");
    char line[100];
    std::snprintf(line, sizeof(line), "{.threshold = %a, .components = kComponents%u},\n",
                  static_cast<double>(weights(scanner.get_num_dimensions())), i);
    filters += line;
  }
  std::printf("const Filter kFilters[] = {\n%s};\n}  // namespace\n\n", filters.c_str());
  std::printf(
      "const Model kModel = {%lu, %lu, %lu, %lu, %lu, %lu, %lu, %a, %a, kFilters};\n\n"
      "}  // namespace maskbench::frontal\n",
      scanner.get_detection_window_width(), scanner.get_detection_window_height(), scanner.get_padding(),
      scanner.get_cell_size(), scanner.get_min_pyramid_layer_width(), scanner.get_min_pyramid_layer_height(),
      scanner.get_max_pyramid_levels(), detector.get_overlap_tester().get_iou_thresh(),
      detector.get_overlap_tester().get_percent_covered_thresh());
}
