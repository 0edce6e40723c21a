#include "runtime/memory_budget.h"

#include "runtime/cpu.h"

namespace maskbench {

MemoryBudget::MemoryBudget() : limit_(AvailableMemory() / 4) {}

MemoryBudget& MemoryBudget::Shared() {
  static MemoryBudget budget;
  return budget;
}

MemoryBudget::Admission::Admission(uint64_t bytes) : bytes_(bytes) {
  MemoryBudget& budget = Shared();
  std::unique_lock lock(budget.mutex_);
  budget.freed_.wait(lock, [&] { return budget.used_ == 0 || budget.used_ + bytes_ <= budget.limit_; });
  budget.used_ += bytes_;
}

MemoryBudget::Admission::~Admission() {
  MemoryBudget& budget = Shared();
  {
    const std::lock_guard lock(budget.mutex_);
    budget.used_ -= bytes_;
  }
  budget.freed_.notify_all();
}

}  // namespace maskbench
