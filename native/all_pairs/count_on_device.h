#ifndef MASKBENCH_ALL_PAIRS_COUNT_ON_DEVICE_H_
#define MASKBENCH_ALL_PAIRS_COUNT_ON_DEVICE_H_

#include <cstddef>

#include "all_pairs/counts.h"
#include "all_pairs/pair_scorer.h"

namespace maskbench {

// AllPairs::Count on a device. Returns how many pairs came back to be looked at one by one. Where this throws, `counts`
// are of no use any more.
size_t CountPairs(PairScorer& scorer, const AllPairs& pairs, size_t strip, PairCounts& counts);

}  // namespace maskbench

#endif  // MASKBENCH_ALL_PAIRS_COUNT_ON_DEVICE_H_
