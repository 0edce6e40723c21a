#ifndef MASKBENCH_RUNTIME_LIBRARY_H_
#define MASKBENCH_RUNTIME_LIBRARY_H_

namespace maskbench {

// Loads a shared library that lies beside this program or addon, for the life of the process. Throws
// std::runtime_error.
void* LoadBeside(const char* name);

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_LIBRARY_H_
