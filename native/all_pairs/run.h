#ifndef MASKBENCH_ALL_PAIRS_RUN_H_
#define MASKBENCH_ALL_PAIRS_RUN_H_

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "all_pairs/counts.h"
#include "device/handle.h"
#include "runtime/cancellation.h"
#include "runtime/thread_pool.h"

namespace maskbench {

// Probes and references; without references all unordered pairs of the probes.
struct PairSides {
  std::shared_ptr<const PackedVectors> probes, references;
};

// Part `index` (from 0) of `count`.
struct Shard {
  size_t index, count;
};

// One count of all pairs, on threads of its own and on a device where one is given.
class PairRun : public std::enable_shared_from_this<PairRun> {
 public:
  // `device`: null: the CPU.
  PairRun(PairSides sides, AllPairsOptions options, const Shard& shard, int threads,
          std::shared_ptr<device::Handle> device);

  // Strips of this shard, and those counted so far.
  size_t strips() const { return (pairs_.strips() + shard_.count - 1 - shard_.index) / shard_.count; }
  size_t done() const { return counted_; }
  // Counts every strip; calls `done` once from the last thread. To be called once.
  using Done = std::function<void(const std::exception_ptr&)>;
  void Start(const Cancellation& cancellation, const Done& done);
  // Once it is done: the sum of all counts, genuine pairs sorted by rows.
  const PairCounts& sum() const { return *sum_; }

 private:
  // Counts of some strips.
  struct Part {
    std::unique_ptr<PairCounts> counts;
    std::vector<size_t> strips;
  };

  std::unique_ptr<PairCounts> NewCounts() const;
  Part TakePart();
  void GiveBack(Part part);
  // What one thread does.
  void CountStrips(const Cancellation& cancellation);
  void CountOnCpu(size_t strip);
  // Returns false where the CPU must count it.
  bool CountOnDevice(size_t strip);
  void Sum();

  const PairSides sides_;
  const AllPairsOptions options_;
  const Shard shard_;
  const AllPairs pairs_;
  const int threads_;
  const std::shared_ptr<WorkQueue> queue_;
  const std::shared_ptr<device::Handle> device_;
  // The device is left alone: it is lost, or hands back so many pairs that the CPU is as fast.
  std::atomic<bool> on_cpu_;
  std::atomic<size_t> next_ = 0;
  std::atomic<size_t> counted_ = 0;
  std::mutex mutex_;
  // Those that no thread is adding to.
  std::vector<Part> parts_;
  int running_ = 0;
  std::exception_ptr error_;
  std::unique_ptr<PairCounts> sum_;
};

}  // namespace maskbench

#endif  // MASKBENCH_ALL_PAIRS_RUN_H_
