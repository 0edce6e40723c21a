#include "bindings/system.h"

#include <dlib/revision.h>
#include <jpeglib.h>
#include <spng.h>

#include <opencv2/core/version.hpp>
#include <string>

#include "open_device/open.h"
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

// The CUDA devices, or why there are none.
Napi::Value CudaDevices(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  Napi::Array devices = Napi::Array::New(env);
  try {
    for (const device::DeviceInfo& device : device::Devices()) {
      Napi::Object object = Napi::Object::New(env);
      object.Set("name", device.name);
      object.Set("memory", static_cast<double>(device.memory));
      object.Set("architecture", std::to_string(device.major) + "." + std::to_string(device.minor));
      object.Set("driver", std::to_string(device.driver / 1000) + "." + std::to_string(device.driver % 1000 / 10));
      devices.Set(devices.Length(), object);
    }
  } catch (const device::DeviceError& error) {
    result.Set("problem", error.what);
  }
  result.Set("devices", devices);
  return result;
}

}  // namespace

void ExportSystem(Napi::Env env, Napi::Object exports) {
  exports.Set("systemInfo", Napi::Function::New(env, SystemInfo, "systemInfo"));
  exports.Set("cudaDevices", Napi::Function::New(env, CudaDevices, "cudaDevices"));
}

}  // namespace maskbench
