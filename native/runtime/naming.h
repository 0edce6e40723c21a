#ifndef MASKBENCH_RUNTIME_NAMING_H_
#define MASKBENCH_RUNTIME_NAMING_H_

#include <exception>
#include <new>
#include <string>

#include "runtime/error.h"

namespace maskbench {

// Gives the errors of `work` the subject that it does not know, and others a code.
template <class Work>
auto Naming(const std::string& subject, ErrorCode other, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (!error.subject().empty() || error.code() == ErrorCode::kAborted) throw;
    throw Error(error.code(), subject, error.what());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory, subject, "not enough memory for this image");
  } catch (const std::exception& error) {
    throw Error(other, subject, error.what());
  }
}

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_NAMING_H_
