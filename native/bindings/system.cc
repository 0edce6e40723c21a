#include "bindings/system.h"

#include <dlib/revision.h>
#include <jpeglib.h>
#include <spng.h>

#include <opencv2/core/version.hpp>
#include <string>

#include "runtime/cpu.h"
#include "runtime/file.h"

namespace maskbench {
namespace {

Napi::Value SystemInfo(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  Napi::Array features = Napi::Array::New(env);
  for (const std::string& feature : CpuFeatures()) features.Set(features.Length(), feature);
  Napi::Object libraries = Napi::Object::New(env);
  libraries.Set("dlib", std::to_string(DLIB_MAJOR_VERSION) + "." + std::to_string(DLIB_MINOR_VERSION));
  libraries.Set("opencv", CV_VERSION);
  libraries.Set("libjpeg-turbo", std::to_string(LIBJPEG_TURBO_VERSION_NUMBER));
  libraries.Set("libspng", spng_version_string());
  result.Set("cpuFeatures", features);
  result.Set("processors", AvailableProcessors());
  result.Set("memory", static_cast<double>(AvailableMemory()));
  result.Set("cacheFolder", CacheFolder());
  result.Set("libraries", libraries);
  return result;
}

}  // namespace

void ExportSystem(Napi::Env env, Napi::Object exports) {
  exports.Set("systemInfo", Napi::Function::New(env, SystemInfo, "systemInfo"));
}

}  // namespace maskbench
