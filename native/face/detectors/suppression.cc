#include "face/detectors/suppression.h"

#include <algorithm>
#include <utility>

namespace maskbench {
namespace {

float AreaOf(const FoundBox& box) { return (box.right - box.left) * (box.bottom - box.top); }

float CommonArea(const FoundBox& a, const FoundBox& b) {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  return width <= 0 || height <= 0 ? 0 : width * height;
}

bool IsSame(const FoundBox& a, const FoundBox& b, float overlap) {
  constexpr float kCovered = 0.8F;
  return OverlapOf(a, b) > overlap || CommonArea(a, b) > kCovered * std::min(AreaOf(a), AreaOf(b));
}

}  // namespace

float OverlapOf(const FoundBox& a, const FoundBox& b) {
  const float common = CommonArea(a, b);
  return common > 0 ? common / (AreaOf(a) + AreaOf(b) - common) : 0;
}

std::vector<FoundBox> SuppressWorse(std::vector<FoundBox> candidates, float overlap) {
  // Only so many of the best are compared, so that a network that sees faces everywhere ends.
  constexpr size_t kMost = 5000;
  std::erase_if(candidates, [](const FoundBox& box) { return box.right <= box.left || box.bottom <= box.top; });
  std::ranges::stable_sort(candidates, std::ranges::greater(), &FoundBox::score);
  if (candidates.size() > kMost) candidates.resize(kMost);
  std::vector<FoundBox> kept;
  for (FoundBox& candidate : candidates)
    if (std::ranges::none_of(kept, [&](const FoundBox& better) { return IsSame(better, candidate, overlap); }))
      kept.push_back(std::move(candidate));
  return kept;
}

}  // namespace maskbench
