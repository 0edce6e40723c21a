#ifndef MASKBENCH_BINDINGS_ALL_PAIRS_H_
#define MASKBENCH_BINDINGS_ALL_PAIRS_H_

#include <napi.h>

namespace maskbench {

void ExportAllPairs(Napi::Env env, Napi::Object exports);

}  // namespace maskbench

#endif  // MASKBENCH_BINDINGS_ALL_PAIRS_H_
