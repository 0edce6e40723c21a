#ifndef MASKBENCH_ALL_PAIRS_COUNT_ON_DEVICE_H_
#define MASKBENCH_ALL_PAIRS_COUNT_ON_DEVICE_H_

#include <cstddef>

#include "open_device/programs.h"
#include "all_pairs/all_pairs.h"

namespace maskbench::device {

// AllPairs::Count on a device. Returns how many pairs came back to be looked at one by one. Where this throws, `counts`
// are of no use any more.
size_t CountPairs(Backend& backend, const AllPairs& pairs, size_t strip, PairCounts& counts);

}  // namespace maskbench::device

#endif  // MASKBENCH_ALL_PAIRS_COUNT_ON_DEVICE_H_
