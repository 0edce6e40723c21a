#include "bindings/environment.h"

#include <exception>
#include <new>
#include <string>

#include "bindings/arguments.h"
#include "runtime/cpu.h"
#include "runtime/error.h"

namespace maskbench {

Napi::Promise Compute(Napi::Env env, const Cancellation& cancellation, FunctionTask::WorkFunction work,
                      FunctionTask::ResultFunction result) {
  static const auto queue = std::make_shared<WorkQueue>(AvailableProcessors());
  return Environment::Of(env).Start(
      std::make_unique<FunctionTask>(env, cancellation, std::move(work), std::move(result)), *queue);
}

std::shared_ptr<Napi::ObjectReference> Hold(const Napi::Value& value) {
  return std::make_shared<Napi::ObjectReference>(Napi::Persistent(value.As<Napi::Object>()));
}

Napi::Error ToJavaScript(Napi::Env env, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    return CodedError(env, known.code(), known.subject(), known.what());
  } catch (const std::bad_alloc&) {
    return CodedError(env, ErrorCode::kOutOfMemory, "memory", "not enough memory");
  } catch (const std::exception& other) {
    return Napi::Error::New(env, other.what());
  }
}

void Task::Run(const std::function<void()>& finished) {
  try {
    cancellation_.ThrowIfCancelled();
    Work();
  } catch (...) {
    error_ = std::current_exception();
  }
  finished();
}

void Task::Settle(Napi::Env env) {
  const Napi::HandleScope scope(env);
  try {
    try {
      if (!error_) return deferred_.Resolve(Result(env));
    } catch (const Napi::Error& thrown) {
      return deferred_.Reject(thrown.Value());
    }
    deferred_.Reject(ToJavaScript(env, error_).Value());
  } catch (const Napi::Error&) {
    // No JavaScript runs any more: the environment is being torn down, and nobody waits for the promise.
  }
}

Environment::Environment(Napi::Env env)
    : env_(env),
      wake_(Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "maskbench",
                                          0, 1)) {
  wake_.Unref(env);
}

void Environment::Init(Napi::Env env) {
  // Owned by the environment from here on.
  std::unique_ptr<Environment> made(new Environment(env));
  Environment* self = made.get();
  env.SetInstanceData(made.release());
  // Hooks run in reverse order: before the thread-safe function's own, which was made above.
  env.AddCleanupHook([self] { self->Drain(); });
}

Napi::Promise Environment::Start(std::unique_ptr<Task> task, WorkQueue& queue) {
  Task* raw = task.get();
  const Napi::Promise promise = task->promise();
  {
    const std::lock_guard lock(mutex_);
    if (tasks_.empty()) wake_.Ref(env_);
    tasks_.emplace(raw, std::move(task));
    ++running_;
  }
  try {
    queue.Submit([this, raw] { raw->Run([this, raw] { Finish(raw); }); });
  } catch (...) {
    raw->Refuse(std::current_exception());
    Finish(raw);
  }
  const std::string note = ThreadPool::Shared().TakeNote();
  if (!note.empty()) {
    const auto process = env_.Global().Get("process").As<Napi::Object>();
    process.Get("emitWarning").As<Napi::Function>().Call(process, {Napi::String::New(env_, "maskbench: " + note)});
  }
  return promise;
}

void Environment::Finish(Task* task) {
  const std::lock_guard lock(mutex_);
  finished_.push_back(task);
  // Under the lock: once running_ is 0 and the lock free, the environment may be gone.
  if (!draining_ && finished_.size() == 1)
    wake_.NonBlockingCall(this, [](Napi::Env env, Napi::Function, Environment* self) { self->SettleFinished(env); });
  if (--running_ == 0) idle_.notify_all();
}

void Environment::SettleFinished(Napi::Env env) {
  // None when the environment is being torn down.
  if (static_cast<napi_env>(env) == nullptr) return;
  std::vector<std::unique_ptr<Task>> settled;
  {
    const std::lock_guard lock(mutex_);
    for (Task* task : std::exchange(finished_, {})) settled.push_back(std::move(tasks_.extract(task).mapped()));
    if (tasks_.empty()) wake_.Unref(env);
  }
  for (const std::unique_ptr<Task>& task : settled) task->Settle(env);
}

void Environment::Drain() {
  std::unique_lock lock(mutex_);
  draining_ = true;
  for (auto& [task, owner] : tasks_) task->cancellation().Cancel();
  idle_.wait(lock, [this] { return running_ == 0; });
  tasks_.clear();
  finished_.clear();
}

}  // namespace maskbench
