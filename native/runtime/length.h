#ifndef MASKBENCH_RUNTIME_LENGTH_H_
#define MASKBENCH_RUNTIME_LENGTH_H_

#include <cmath>

namespace maskbench {

// Of a vector. Not std::hypot, whose last bit depends on the version of the C library.
template <class Number>
Number Length(Number x, Number y) {
  return std::sqrt(x * x + y * y);
}

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_LENGTH_H_
