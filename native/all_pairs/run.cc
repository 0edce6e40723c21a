#include "all_pairs/run.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "all_pairs/count_on_device.h"

namespace maskbench {

PairRun::PairRun(PairSides sides, AllPairsOptions options, const Shard& shard, int threads,
                 std::shared_ptr<device::Handle> device)
    : sides_(std::move(sides)),
      options_(std::move(options)),
      shard_(shard),
      pairs_(*sides_.probes, sides_.references ? *sides_.references : *sides_.probes, !sides_.references, options_),
      threads_(threads),
      queue_(std::make_shared<WorkQueue>(threads)),
      device_(std::move(device)),
      on_cpu_(device_ == nullptr) {}

void PairRun::Start(const Cancellation& cancellation, const Done& done) {
  running_ = threads_;
  for (int thread = 0; thread < threads_; ++thread)
    queue_->Submit([self = shared_from_this(), cancellation, done] {
      std::exception_ptr error;
      try {
        self->CountStrips(cancellation);
      } catch (...) {
        error = std::current_exception();
        // The others need not go further.
        self->next_ = self->strips();
      }
      {
        const std::lock_guard lock(self->mutex_);
        if (error && !self->error_) self->error_ = error;
        if (--self->running_ > 0) return;
      }
      try {
        if (!self->error_) self->Sum();
      } catch (...) {
        self->error_ = std::current_exception();
      }
      done(self->error_);
    });
}

void PairRun::CountStrips(const Cancellation& cancellation) {
  for (size_t i = next_++; i < strips(); i = next_++) {
    cancellation.ThrowIfCancelled();
    const size_t strip = i * shard_.count + shard_.index;
    if (!CountOnDevice(strip)) CountOnCpu(strip);
    ++counted_;
  }
}

std::unique_ptr<PairCounts> PairRun::NewCounts() const {
  return std::make_unique<PairCounts>(options_, sides_.probes->size(),
                                      sides_.references ? sides_.references->size() : 0);
}

PairRun::Part PairRun::TakePart() {
  const std::lock_guard lock(mutex_);
  if (parts_.empty()) return {NewCounts(), {}};
  Part part = std::move(parts_.back());
  parts_.pop_back();
  return part;
}

void PairRun::GiveBack(Part part) {
  const std::lock_guard lock(mutex_);
  parts_.push_back(std::move(part));
}

void PairRun::CountOnCpu(size_t strip) {
  Part part = TakePart();
  pairs_.Count(strip, *part.counts);
  part.strips.push_back(strip);
  GiveBack(std::move(part));
}

bool PairRun::CountOnDevice(size_t strip) {
  if (on_cpu_) return false;
  Part part;
  size_t kept = 0;
  uint64_t compared = 0;
  const bool counted = device_->Lend([&](device::Stream& stream) {
    // A part is taken only once a stream is free: few parts, whose limits rise soon, keep most pairs on the device.
    part = TakePart();
    const uint64_t before = part.counts->impostors;
    kept = CountPairs(stream.Get<PairScorer>(), pairs_, strip, *part.counts);
    compared = part.counts->impostors - before;
  });
  if (counted) {
    // The first strip of a part is where its limits begin to rise.
    constexpr uint64_t kOneInSoMany = 16;
    if (!part.strips.empty() && kept * kOneInSoMany > compared) on_cpu_ = true;
    part.strips.push_back(strip);
  } else {
    on_cpu_ = true;
    if (!part.counts) return false;
    // Some of the strip may have been counted when the device was lost: once more, all that was in this part.
    part.counts = NewCounts();
    part.strips.push_back(strip);
    for (const size_t again : part.strips) pairs_.Count(again, *part.counts);
  }
  GiveBack(std::move(part));
  return true;
}

void PairRun::Sum() {
  sum_ = TakePart().counts;
  for (const Part& part : parts_) pairs_.Merge(*sum_, *part.counts);
  parts_.clear();
  std::ranges::sort(sum_->genuine, {},
                    [](const PairCounts::Genuine& pair) { return std::tuple(pair.rows.probe, pair.rows.reference); });
}

}  // namespace maskbench
