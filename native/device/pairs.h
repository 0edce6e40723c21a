#ifndef MASKBENCH_DEVICE_PAIRS_H_
#define MASKBENCH_DEVICE_PAIRS_H_

#include <cstddef>

#include "device/backend.h"
#include "score/all_pairs.h"

namespace maskbench::device {

// AllPairs::Count on a device. Where this throws, `counts` are of no use any more.
void CountPairs(Backend& backend, const AllPairs& pairs, size_t strip, PairCounts& counts);

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_PAIRS_H_
