#ifndef MASKBENCH_DEVICE_PAIRS_H_
#define MASKBENCH_DEVICE_PAIRS_H_

#include <cstddef>

#include "device/backend.h"
#include "score/all_pairs.h"

namespace maskbench::device {

// AllPairs::Count on a device. Returns how many pairs came back to be looked at one by one. Where this throws, `counts`
// are of no use any more.
size_t CountPairs(Backend& backend, const AllPairs& pairs, size_t strip, PairCounts& counts);

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_PAIRS_H_
