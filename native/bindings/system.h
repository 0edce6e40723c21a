#ifndef MASKBENCH_BINDINGS_SYSTEM_H_
#define MASKBENCH_BINDINGS_SYSTEM_H_

#include <napi.h>

namespace maskbench {

// Defines the export `systemInfo`.
void ExportSystem(Napi::Env env, Napi::Object exports);

}  // namespace maskbench

#endif  // MASKBENCH_BINDINGS_SYSTEM_H_
