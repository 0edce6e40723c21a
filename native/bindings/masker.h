#ifndef MASKBENCH_BINDINGS_MASKER_H_
#define MASKBENCH_BINDINGS_MASKER_H_

#include <napi.h>

namespace maskbench {

// Defines the exports `Masker` and `Cancellation`.
void ExportMasker(Napi::Env env, Napi::Object exports);

}  // namespace maskbench

#endif  // MASKBENCH_BINDINGS_MASKER_H_
