#include "face/resize_plan.h"

#include <algorithm>
#include <cmath>

namespace maskbench {

namespace {

// From one column or row to the next.
double StepOf(int in, int out) { return (in - 1) / static_cast<double>(std::max(out - 1, 1)); }

}  // namespace

std::vector<ResizeRowPlace> PlanRows(int in, int out) {
  const double step = StepOf(in, out);
  std::vector<ResizeRowPlace> rows(static_cast<size_t>(out));
  // Added up from the first row on, as dlib does.
  double y = -step;
  for (ResizeRowPlace& row : rows) {
    y += step;
    const int top = static_cast<int>(std::floor(y));
    row = {top, std::min(top + 1, in - 1), y - top};
  }
  return rows;
}

ResizeColumns PlanColumns(int in, int out) {
  ResizeColumns columns;
  const double scale = StepOf(in, out);
  // dlib adds up four columns at a time, in single precision, until one of them has no right neighbour.
  float x[4];
  for (int i = 0; i < 4; ++i) x[i] = static_cast<float>(-4 * scale + i * scale);
  const auto step = static_cast<float>(4 * scale);
  for (;;) {
    for (float& at : x) at += step;
    if (static_cast<int>(x[3]) + 1 >= in) break;
    for (const float at : x) {
      columns.left.push_back(static_cast<int>(at));
      columns.right_weight.push_back(at - static_cast<float>(columns.left.back()));
    }
  }
  const auto single = static_cast<int>(columns.left.size());
  double last = -scale + single * scale;
  for (int column = single; column < out; ++column) {
    last += scale;
    const int at = static_cast<int>(std::floor(last));
    columns.last.push_back({at, std::min(at + 1, in - 1), last - at});
  }
  return columns;
}

}  // namespace maskbench
