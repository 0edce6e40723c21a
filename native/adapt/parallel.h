#ifndef MASKBENCH_ADAPT_PARALLEL_H_
#define MASKBENCH_ADAPT_PARALLEL_H_

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "runtime/thread_pool.h"

namespace maskbench {

// Calls work(first, last) for pieces of [0, count) of at most `piece`, on up to `threads` threads. A piece depends on
// no other, so results are the same on any number of threads.
template <typename Work>
void ForPieces(size_t count, size_t piece, int threads, const Work& work) {
  const size_t pieces = (count + piece - 1) / piece;
  std::atomic<size_t> next = 0;
  const auto run = [&](int /*thread*/) {
    for (size_t i = next++; i < pieces; i = next++) work(i * piece, std::min(count, (i + 1) * piece));
  };
  if (threads <= 1 || pieces <= 1)
    run(0);
  else
    RunTogether(static_cast<int>(std::min<size_t>(static_cast<size_t>(threads), pieces)), run);
}

}  // namespace maskbench

#endif  // MASKBENCH_ADAPT_PARALLEL_H_
