#ifndef MASKBENCH_ADAPT_RIDGE_H_
#define MASKBENCH_ADAPT_RIDGE_H_

#include <span>
#include <vector>

#include "adapt/corpus.h"
#include "adapt/head.h"
#include "runtime/cancellation.h"

namespace maskbench {

// A linear head for each penalty: the map with the least squared distance of masked vectors to the plain ones of the
// same photos, plus the penalty, in mean variances of a masked number, times the squared distance of its weights to the
// identity. Where there are several styles, there is a map for each, held to that of all together instead of the
// identity, and a gate between them. Throws ABORTED.
std::vector<Head> SolveRidge(const AdaptCorpus& corpus, std::span<const double> penalties, int threads,
                             const Cancellation& cancellation);

}  // namespace maskbench

#endif  // MASKBENCH_ADAPT_RIDGE_H_
