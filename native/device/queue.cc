#include "device/queue.h"

#include <utility>

namespace maskbench::device {

Queue::Queue(std::vector<std::unique_ptr<Stream>> streams, uint64_t memory)
    : memory_(memory), idle_(std::move(streams)) {}

void Queue::Lend(const std::function<void(Stream&)>& work) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !idle_.empty() && lent_ < kAtOnce; });
  std::unique_ptr<Stream> stream = std::move(idle_.back());
  idle_.pop_back();
  ++lent_;
  lock.unlock();
  std::exception_ptr error;
  try {
    stream->Enter();
    work(*stream);
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  --lent_;
  idle_.push_back(std::move(stream));
  changed_.notify_all();
  if (error) std::rethrow_exception(error);
}

std::vector<Queue::Waiting*> Queue::Take() {
  std::vector<Waiting*> batch;
  const auto run = waiting_.front()->run;
  uint64_t bytes = waiting_.front()->kept;
  for (auto waiting = waiting_.begin(); waiting != waiting_.end();) {
    if ((*waiting)->run != run) {
      ++waiting;
      continue;
    }
    bytes += (*waiting)->bytes;
    if (!batch.empty() && bytes > memory_) break;
    batch.push_back(*waiting);
    waiting = waiting_.erase(waiting);
  }
  return batch;
}

void Queue::Wait(Waiting& waiting) {
  std::unique_lock lock(mutex_);
  waiting_.push_back(&waiting);
  while (!waiting.done) {
    if (idle_.empty() || batches_ == kAtOnce || waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    std::unique_ptr<Stream> stream = std::move(idle_.back());
    idle_.pop_back();
    ++batches_;
    const std::vector<Waiting*> batch = Take();
    lock.unlock();
    RunOrSplit(*stream, batch);
    lock.lock();
    for (Waiting* done : batch) done->done = true;
    --batches_;
    idle_.push_back(std::move(stream));
    changed_.notify_all();
  }
  if (waiting.error) std::rethrow_exception(waiting.error);
}

void Queue::RunOrSplit(Stream& stream, std::span<Waiting* const> batch) {
  try {
    stream.Enter();
    batch.front()->run(stream, batch);
  } catch (const DeviceError& error) {
    if (error.out_of_memory && batch.size() > 1) {
      const size_t half = batch.size() / 2;
      RunOrSplit(stream, batch.first(half));
      RunOrSplit(stream, batch.subspan(half));
      return;
    }
    for (Waiting* waiting : batch) waiting->error = std::current_exception();
  } catch (...) {
    for (Waiting* waiting : batch) waiting->error = std::current_exception();
  }
}

}  // namespace maskbench::device
