#ifndef MASKBENCH_BINDINGS_EMBEDDER_H_
#define MASKBENCH_BINDINGS_EMBEDDER_H_

#include <napi.h>

namespace maskbench {

void ExportEmbedder(Napi::Env env, Napi::Object exports);

}  // namespace maskbench

#endif  // MASKBENCH_BINDINGS_EMBEDDER_H_
