#ifndef MASKBENCH_RUNTIME_MEMORY_BUDGET_H_
#define MASKBENCH_RUNTIME_MEMORY_BUDGET_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace maskbench {

// Admits work by its estimated bytes: what is admitted stays under a quarter of the memory this process may use, and
// work that is larger than that runs alone.
class MemoryBudget {
 public:
  // Holds its bytes until it goes out of scope.
  class Admission {
   public:
    // Waits until the bytes are free.
    explicit Admission(uint64_t bytes);
    ~Admission();
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;

   private:
    const uint64_t bytes_;
  };

 private:
  MemoryBudget();
  static MemoryBudget& Shared();

  const uint64_t limit_;
  std::mutex mutex_;
  std::condition_variable freed_;
  uint64_t used_ = 0;
};

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_MEMORY_BUDGET_H_
