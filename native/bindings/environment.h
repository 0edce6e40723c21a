#ifndef MASKBENCH_BINDINGS_ENVIRONMENT_H_
#define MASKBENCH_BINDINGS_ENVIRONMENT_H_

#include <napi.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/cancellation.h"
#include "runtime/thread_pool.h"

namespace maskbench {

// A piece of work that a promise stands for: Run on the pool, then Settle on the environment's own thread.
class Task {
 public:
  explicit Task(Napi::Env env, Cancellation cancellation)
      : deferred_(Napi::Promise::Deferred::New(env)), cancellation_(std::move(cancellation)) {}
  virtual ~Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  // Does the work and calls `finished` once, when it is done, from any thread. Any exception becomes the promise's
  // rejection.
  virtual void Run(const std::function<void()>& finished);
  // Instead of Run, where it can't be done.
  virtual void Refuse(std::exception_ptr error) { error_ = std::move(error); }
  void Settle(Napi::Env env);
  Napi::Promise promise() const { return deferred_.Promise(); }
  const Cancellation& cancellation() const { return cancellation_; }
  Cancellation& cancellation() { return cancellation_; }

 protected:
  virtual void Work() {}
  virtual Napi::Value Result(Napi::Env env) = 0;

 private:
  Napi::Promise::Deferred deferred_;
  Cancellation cancellation_;

 protected:
  std::exception_ptr error_;
};

// A task of two functions.
class FunctionTask : public Task {
 public:
  using WorkFunction = std::function<void(const Cancellation&)>;
  using ResultFunction = std::function<Napi::Value(Napi::Env)>;
  FunctionTask(Napi::Env env, Cancellation cancellation, WorkFunction work, ResultFunction result)
      : Task(env, std::move(cancellation)), work_(std::move(work)), result_(std::move(result)) {}

 protected:
  void Work() override { work_(cancellation()); }
  Napi::Value Result(Napi::Env env) override { return result_(env); }

 private:
  const WorkFunction work_;
  const ResultFunction result_;
};

// What belongs to one Node environment (the main thread or a worker thread): its running tasks and the way back to its
// event loop. When the environment ends, its tasks are cancelled and waited for.
class Environment {
 public:
  static void Init(Napi::Env env);
  static Environment& Of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  Napi::Promise Start(std::unique_ptr<Task> task, WorkQueue& queue);

 private:
  explicit Environment(Napi::Env env);
  void Finish(Task* task);
  void SettleFinished(Napi::Env env);
  // Cancels all tasks and waits until none is running.
  void Drain();

  const Napi::Env env_;
  Napi::ThreadSafeFunction wake_;
  std::mutex mutex_;
  std::condition_variable idle_;
  // A finished task stays in `tasks_` until it is settled.
  std::unordered_map<Task*, std::unique_ptr<Task>> tasks_;
  std::vector<Task*> finished_;
  size_t running_ = 0;
  bool draining_ = false;
};

// For work that is neither photos nor models: as many pieces at once as there are processors.
Napi::Promise Compute(Napi::Env env, const Cancellation& cancellation, FunctionTask::WorkFunction work,
                      FunctionTask::ResultFunction result);

// Keeps a JavaScript value alive while its memory is read elsewhere. Made and destroyed on the environment's thread.
std::shared_ptr<Napi::ObjectReference> Hold(const Napi::Value& value);

// A JavaScript Error with `code` and `subject`.
Napi::Error ToJavaScript(Napi::Env env, const std::exception_ptr& error);

}  // namespace maskbench

#endif  // MASKBENCH_BINDINGS_ENVIRONMENT_H_
