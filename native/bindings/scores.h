#ifndef MASKBENCH_BINDINGS_SCORES_H_
#define MASKBENCH_BINDINGS_SCORES_H_

#include <napi.h>

namespace maskbench {

void ExportScores(Napi::Env env, Napi::Object exports);

}  // namespace maskbench

#endif  // MASKBENCH_BINDINGS_SCORES_H_
