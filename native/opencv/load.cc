#include <dlfcn.h>

#include "opencv/module.h"
#include "runtime/library.h"

namespace maskbench::opencv {

const Functions& Load() {
  static const Functions functions = [] {
    Functions found{};
    reinterpret_cast<Entry>(dlsym(LoadBeside("maskbench_opencv.so"), kEntry))(found);
    return found;
  }();
  return functions;
}

}  // namespace maskbench::opencv
