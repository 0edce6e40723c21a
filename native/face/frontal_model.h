#ifndef MASKBENCH_FACE_FRONTAL_MODEL_H_
#define MASKBENCH_FACE_FRONTAL_MODEL_H_

#include <span>

namespace maskbench::frontal {

// dlib's frontal face model, taken apart at build time by make_frontal_model.cc: unpacking it takes 0.3-0.6 s, too long
// for every start.

inline constexpr int kPlanes = 31;
inline constexpr int kFilterSize = 10;

// One separable filter: the outer product of a column and a row, applied to one plane of the features.
struct Component {
  int plane;
  float column[kFilterSize];
  float row[kFilterSize];
};

struct Filter {
  double threshold;
  std::span<const Component> components;
};

struct Model {
  int window_width;
  int window_height;
  int padding;
  int cell_size;
  int min_layer_width;
  int min_layer_height;
  int max_levels;
  double overlap_iou;
  double overlap_covered;
  std::span<const Filter> filters;
};

extern const Model kModel;

}  // namespace maskbench::frontal

#endif  // MASKBENCH_FACE_FRONTAL_MODEL_H_
