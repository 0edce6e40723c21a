#ifndef MASKBENCH_RUNTIME_CANCELLATION_H_
#define MASKBENCH_RUNTIME_CANCELLATION_H_

#include <atomic>
#include <memory>

#include "runtime/error.h"

namespace maskbench {

// A flag that the caller raises and long work looks at between its stages.
class Cancellation {
 public:
  void Cancel() { flag_->store(true, std::memory_order_relaxed); }
  bool cancelled() const { return flag_->load(std::memory_order_relaxed); }
  void ThrowIfCancelled() const {
    if (cancelled()) throw Error(ErrorCode::kAborted, "", "the operation was aborted");
  }

 private:
  std::shared_ptr<std::atomic<bool>> flag_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_CANCELLATION_H_
