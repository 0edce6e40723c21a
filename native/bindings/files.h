#ifndef MASKBENCH_BINDINGS_FILES_H_
#define MASKBENCH_BINDINGS_FILES_H_

#include <napi.h>

namespace maskbench {

void ExportFiles(Napi::Env env, Napi::Object exports);

}  // namespace maskbench

#endif  // MASKBENCH_BINDINGS_FILES_H_
