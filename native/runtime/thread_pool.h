#ifndef MASKBENCH_RUNTIME_THREAD_POOL_H_
#define MASKBENCH_RUNTIME_THREAD_POOL_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace maskbench {

// The process's one pool of worker threads, at lower priority than Node's own threads.
class ThreadPool {
 public:
  static ThreadPool& Shared();
  ~ThreadPool();

  // Makes `threads` threads, or as many as the system gives: the next call tries again. Throws UNAVAILABLE where there
  // is none at all.
  void Reserve(int threads);
  // Tells once that there are fewer threads than were asked for; empty otherwise.
  std::string TakeNote();
  void Submit(std::function<void()> work);
  // Threads that have nothing to do just now.
  int Idle();
  // Waits for what is running and runs nothing more. For the end of a program.
  void Stop();
  // From here on a call of exit() looks at the pool before it destroys anything made until now: where work is under
  // way, the process ends at once.
  static void StopAtExit();

 private:
  void Loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
  bool stopping_ = false;
  int idle_ = 0;
  std::string note_;
  bool noted_ = false;
};

// First in, first out; at most `concurrency` pieces of its work run on the shared pool at once.
class WorkQueue : public std::enable_shared_from_this<WorkQueue> {
 public:
  explicit WorkQueue(int concurrency) : concurrency_(concurrency) {}
  // Throws UNAVAILABLE where there is no thread to do any work.
  void Submit(std::function<void()> work);

 private:
  void RunOne();

  const int concurrency_;
  std::mutex mutex_;
  std::deque<std::function<void()>> queue_;
  int running_ = 0;
};

// Calls work(0) to work(count - 1), on this thread and those of the shared pool that are idle, and returns when all are
// done; throws what one of them threw. It may be called from the pool's own threads.
void RunTogether(int count, const std::function<void(int)>& work);

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_THREAD_POOL_H_
