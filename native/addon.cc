#include <napi.h>

#include "bindings/adapt.h"
#include "bindings/all_pairs.h"
#include "bindings/arguments.h"
#include "bindings/device.h"
#include "bindings/embedder.h"
#include "bindings/environment.h"
#include "bindings/files.h"
#include "bindings/masker.h"
#include "bindings/scores.h"
#include "bindings/system.h"
#include "runtime/cpu.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  maskbench::LimitSimd();
  maskbench::Environment::Init(env);
  exports.Set("Cancellation", maskbench::CancellationWrap::Define(env));
  maskbench::ExportAdapt(env, exports);
  maskbench::ExportAllPairs(env, exports);
  maskbench::ExportDevices(env, exports);
  maskbench::ExportEmbedder(env, exports);
  maskbench::ExportFiles(env, exports);
  maskbench::ExportMasker(env, exports);
  maskbench::ExportScores(env, exports);
  maskbench::ExportSystem(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(maskbench, Init)
