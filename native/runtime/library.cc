#include "runtime/library.h"

#include <dlfcn.h>

#include <filesystem>
#include <stdexcept>

namespace maskbench {

void* LoadBeside(const char* name) {
  Dl_info self{};
  dladdr(reinterpret_cast<void*>(&LoadBeside), &self);
  const auto path = std::filesystem::path(self.dli_fname).parent_path() / name;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw std::runtime_error(std::filesystem::exists(path) ? dlerror() : path.string() + " is missing");
  return library;
}

}  // namespace maskbench
