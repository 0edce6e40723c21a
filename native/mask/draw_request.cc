#include "mask/draw_request.h"

#include <vector>

namespace maskbench {
namespace {

bool IsEmpty(const Region& region) { return region.left >= region.right || region.top >= region.bottom; }

}  // namespace

uint64_t DrawRequest::bytes() const {
  // Pixels, mattes, texels and spans of them come to about this.
  constexpr uint64_t kBytesPerPixel = 24;
  const Region& region = mask.drawing->region;
  if (IsEmpty(region)) return 0;
  return kBytesPerPixel * static_cast<uint64_t>(region.right - region.left) *
         static_cast<uint64_t>(region.bottom - region.top);
}

void DrawRequest::Run(device::Stream& stream, std::span<DrawRequest* const> batch) {
  std::vector<DrawInput> masks;
  for (const DrawRequest* request : batch)
    if (!IsEmpty(request->mask.drawing->region)) masks.push_back(request->mask);
  if (!masks.empty()) stream.Get<MaskDrawer>().Draw(masks);
}

}  // namespace maskbench
