#ifndef MASKBENCH_RUNTIME_BUFFER_H_
#define MASKBENCH_RUNTIME_BUFFER_H_

#include <cstddef>
#include <memory>

namespace maskbench {

// Numbers that are written before they are read: unlike a vector's they are neither set to zero nor kept when the
// buffer grows.
template <class Number>
class Buffer {
 public:
  void SetSize(size_t size) {
    if (size <= capacity_) return;
    numbers_.reset();
    numbers_ = std::make_unique_for_overwrite<Number[]>(size);
    capacity_ = size;
  }
  Number* data() { return numbers_.get(); }
  const Number* data() const { return numbers_.get(); }
  size_t bytes() const { return capacity_ * sizeof(Number); }

 private:
  std::unique_ptr<Number[]> numbers_;
  size_t capacity_ = 0;
};

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_BUFFER_H_
