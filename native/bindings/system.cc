#include "bindings/system.h"

#include <dlib/revision.h>
#include <jpeglib.h>
#include <spng.h>
#include <tiffvers.h>
#include <webp/decode.h>

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
  libraries.Set("libjpeg-turbo", std::to_string(LIBJPEG_TURBO_VERSION_NUMBER));
  libraries.Set("libspng", spng_version_string());
  const int webp = WebPGetDecoderVersion();
  libraries.Set("libwebp",
                std::to_string(webp >> 16) + "." + std::to_string(webp >> 8 & 255) + "." + std::to_string(webp & 255));
  libraries.Set("libtiff", std::to_string(TIFFLIB_MAJOR_VERSION) + "." + std::to_string(TIFFLIB_MINOR_VERSION) + "." +
                               std::to_string(TIFFLIB_MICRO_VERSION));
  result.Set("cpuFeatures", features);
  result.Set("simd", std::string(LimitSimd()));
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
