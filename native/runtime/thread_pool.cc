#include "runtime/thread_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <system_error>
#include <utility>

#include "runtime/error.h"

namespace maskbench {

namespace {
// Enough for the event loop's thread to be scheduled first on a full machine.
constexpr int kNiceness = 5;
}  // namespace

ThreadPool& ThreadPool::Shared() {
  static ThreadPool pool;
  [[maybe_unused]] static const bool registered = [] {
    StopAtExit();
    return true;
  }();
  return pool;
}

void ThreadPool::StopAtExit() {
  // Like atexit, but told the status.
  on_exit(
      [](int status, void*) {
        ThreadPool& pool = Shared();
        {
          const std::lock_guard lock(pool.mutex_);
          pool.stopping_ = true;
          if (pool.idle_ < static_cast<int>(pool.threads_.size())) _exit(status);
        }
        pool.Stop();
      },
      nullptr);
}

ThreadPool::~ThreadPool() { Stop(); }

void ThreadPool::Stop() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

void ThreadPool::Reserve(int threads) {
  const std::lock_guard lock(mutex_);
  try {
    while (static_cast<int>(threads_.size()) < threads) threads_.emplace_back([this] { Loop(); });
  } catch (const std::system_error& error) {
    if (threads_.empty())
      throw Error(ErrorCode::kUnavailable, "threads", std::string("no thread can be made: ") + error.what());
    if (!std::exchange(noted_, true))
      note_ = "only " + std::to_string(threads_.size()) + " of " + std::to_string(threads) +
              " threads could be made: " + error.what();
  }
}

std::string ThreadPool::TakeNote() {
  const std::lock_guard lock(mutex_);
  return std::exchange(note_, {});
}

void ThreadPool::Submit(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
}

int ThreadPool::Idle() {
  const std::lock_guard lock(mutex_);
  return idle_ - std::min(idle_, static_cast<int>(queue_.size()));
}

void ThreadPool::Loop() {
  setpriority(PRIO_PROCESS, gettid(), kNiceness);
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (stopping_) return;
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

void WorkQueue::Submit(std::function<void()> work) {
  ThreadPool::Shared().Reserve(concurrency_);
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    if (running_ == concurrency_) return;
    ++running_;
  }
  ThreadPool::Shared().Submit([self = shared_from_this()] { self->RunOne(); });
}

void WorkQueue::RunOne() {
  std::function<void()> work;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) {
      --running_;
      return;
    }
    work = std::move(queue_.front());
    queue_.pop_front();
  }
  work();
  // Through the pool again, so that other queues get their turn.
  ThreadPool::Shared().Submit([self = shared_from_this()] { self->RunOne(); });
}

namespace {

struct Together {
  Together(int pieces, const std::function<void(int)>& each) : count(pieces), work(each) {}

  const int count;
  const std::function<void(int)>& work;  // used only while its caller waits
  std::atomic<int> next{0};
  std::mutex mutex;
  std::condition_variable all_done;
  int done = 0;
  std::exception_ptr error;

  void Help() {
    for (int i = next++; i < count; i = next++) {
      std::exception_ptr thrown;
      try {
        work(i);
      } catch (...) {
        thrown = std::current_exception();
      }
      const std::lock_guard lock(mutex);
      if (thrown) error = thrown;
      if (++done == count) all_done.notify_all();
    }
  }
};

}  // namespace

void RunTogether(int count, const std::function<void(int)>& work) {
  // Helpers that come when nothing is left outlive this call.
  const auto together = std::make_shared<Together>(count, work);
  for (int i = 1; i < count; ++i) ThreadPool::Shared().Submit([together] { together->Help(); });
  together->Help();
  std::unique_lock lock(together->mutex);
  together->all_done.wait(lock, [&] { return together->done == together->count; });
  if (together->error) std::rethrow_exception(together->error);
}

}  // namespace maskbench
