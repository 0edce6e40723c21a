#ifndef MASKBENCH_MASK_DRAW_REQUEST_H_
#define MASKBENCH_MASK_DRAW_REQUEST_H_

#include <cstdint>
#include <span>

#include "device/queue.h"
#include "mask/drawer.h"

namespace maskbench {

// A mask that a device draws, together with others.
struct DrawRequest {
  DrawInput mask;

  uint64_t bytes() const;
  uint64_t kept() const { return 0; }
  static void Run(device::Stream& stream, std::span<DrawRequest* const> batch);
};

}  // namespace maskbench

#endif  // MASKBENCH_MASK_DRAW_REQUEST_H_
