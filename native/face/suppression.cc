#include "face/dlib_config.h"
//
#include "face/suppression.h"

#include <dlib/image_processing/box_overlap_testing.h>
#include <dlib/image_processing/full_object_detection.h>
#include <dlib/image_processing/object_detector.h>
#include <dlib/image_transforms/image_pyramid.h>

#include <algorithm>

#include "face/frontal_model.h"

namespace maskbench {

std::vector<Detection> SuppressOverlaps(const std::vector<ScoredWindows>& windows, int upsample) {
  // dlib's own record and sort, so that ties fall the same way.
  std::vector<dlib::rect_detection> found;
  for (size_t filter = 0; filter < windows.size(); ++filter)
    for (const auto& [score, rect] : windows[filter])
      found.push_back({score - frontal::kModel.filters[filter].threshold, filter, rect});
  std::sort(found.rbegin(), found.rend());
  const dlib::test_box_overlap overlaps(frontal::kModel.overlap_iou, frontal::kModel.overlap_covered);
  std::vector<dlib::rectangle> kept;
  std::vector<Detection> faces;
  const dlib::pyramid_down<2> doubling;
  for (const dlib::rect_detection& candidate : found) {
    if (std::ranges::any_of(kept, [&](const auto& other) { return overlaps(other, candidate.rect); })) continue;
    kept.push_back(candidate.rect);
    const dlib::rectangle rect = doubling.rect_down(candidate.rect, upsample);
    faces.push_back({{static_cast<int>(rect.left()), static_cast<int>(rect.top()), static_cast<int>(rect.right()),
                      static_cast<int>(rect.bottom())},
                     candidate.detection_confidence});
  }
  return faces;
}

}  // namespace maskbench
