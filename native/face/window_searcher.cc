#include "face/window_searcher.h"

namespace maskbench {

SearchModel MakeSearchModel() {
  SearchModel model;
  for (int filter = 0; filter < kFilters; ++filter) {
    model.filters.first[filter] = static_cast<int>(model.components.size());
    model.filters.thresholds[filter] = frontal::kModel.filters[filter].threshold;
    const auto components = frontal::kModel.filters[filter].components;
    model.components.insert(model.components.end(), components.begin(), components.end());
  }
  model.filters.first[kFilters] = static_cast<int>(model.components.size());
  return model;
}

}  // namespace maskbench
