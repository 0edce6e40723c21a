#include <dlfcn.h>

#include <filesystem>

#include "opencv/module.h"

namespace maskbench::opencv {
namespace {

// Lies beside the addon; kept for the life of the process.
struct Module {
  Functions functions{};
  std::string problem;

  Module() {
    Dl_info self{};
    dladdr(reinterpret_cast<void*>(&Load), &self);
    const auto path = std::filesystem::path(self.dli_fname).parent_path() / "maskbench_opencv.so";
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
      problem = dlerror();
    else
      reinterpret_cast<Entry>(dlsym(library, kEntry))(functions);
  }
};

}  // namespace

const Functions& Load() {
  static const Module module;
  if (!module.problem.empty()) throw std::runtime_error(module.problem);
  return module.functions;
}

}  // namespace maskbench::opencv
