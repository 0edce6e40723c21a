#ifndef MASKBENCH_BINDINGS_ADAPT_H_
#define MASKBENCH_BINDINGS_ADAPT_H_

#include <napi.h>

namespace maskbench {

void ExportAdapt(Napi::Env env, Napi::Object exports);

}  // namespace maskbench

#endif  // MASKBENCH_BINDINGS_ADAPT_H_
