#include "bindings/device.h"

#include <string>

#include "bindings/arguments.h"

namespace maskbench {
namespace {

// The CUDA devices, or why there are none.
Napi::Value DevicesOrProblem(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  Napi::Array devices = Napi::Array::New(env);
  try {
    for (const DeviceInfo& device : CudaDevices()) {
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

std::shared_ptr<device::Handle> ParseDevice(const Napi::Object& object, uint64_t streams) {
  if (!Has(object, "device")) return nullptr;
  const Napi::Object device = Object(object.Get("device"), "device");
  const device::DeviceOptions options{Integer(device, "number"), static_cast<uint64_t>(Number(device, "memory")),
                                      Boolean(device, "fallback")};
  if (options.number < 0) Invalid(object.Env(), "device", "a number from 0");
  return MakeHandle(options, streams);
}

Napi::Value DeviceProblemValue(Napi::Env env, const std::shared_ptr<device::Handle>& device) {
  const auto problem = device == nullptr ? std::nullopt : device->problem();
  if (!problem) return env.Undefined();
  Napi::Object object = Napi::Object::New(env);
  object.Set("device", problem->device);
  object.Set("reason", problem->reason);
  return object;
}

void ExportDevices(Napi::Env env, Napi::Object exports) {
  exports.Set("cudaDevices", Napi::Function::New(env, DevicesOrProblem, "cudaDevices"));
}

}  // namespace maskbench
