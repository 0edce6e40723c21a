#ifndef MASKBENCH_RUNTIME_BUFFER_H_
#define MASKBENCH_RUNTIME_BUFFER_H_

#include <cstddef>
#include <memory>
#include <new>

namespace maskbench {

// Numbers that are written before they are read: unlike a vector's they are neither set to zero nor kept when the
// buffer grows. They begin on a cache line.
template <class Number>
class Buffer {
 public:
  void SetSize(size_t size) {
    if (size <= capacity_) return;
    numbers_.reset();
    numbers_.reset(new (kLine) Number[size]);
    capacity_ = size;
  }
  Number* data() { return numbers_.get(); }
  const Number* data() const { return numbers_.get(); }
  size_t bytes() const { return capacity_ * sizeof(Number); }

 private:
  static constexpr std::align_val_t kLine{64};
  struct Free {
    void operator()(Number* numbers) const { operator delete[](numbers, kLine); }
  };

  std::unique_ptr<Number[], Free> numbers_;
  size_t capacity_ = 0;
};

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_BUFFER_H_
