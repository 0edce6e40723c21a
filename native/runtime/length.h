#ifndef MASKBENCH_RUNTIME_LENGTH_H_
#define MASKBENCH_RUNTIME_LENGTH_H_

#include <cmath>

namespace maskbench {

// The length of a vector. The last bit of std::hypot depends on the version of the C library, so it is not used.
template <class Number>
Number Length(Number x, Number y) {
  return std::sqrt(x * x + y * y);
}

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_LENGTH_H_
