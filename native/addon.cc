#include <napi.h>

#include <opencv2/core/utility.hpp>

#include "bindings/environment.h"
#include "bindings/masker.h"
#include "bindings/system.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  cv::setNumThreads(1);  // the pool's threads are the only ones
  maskbench::Environment::Init(env);
  maskbench::ExportMasker(env, exports);
  maskbench::ExportSystem(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(maskbench, Init)
