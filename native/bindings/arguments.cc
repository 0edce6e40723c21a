#include "bindings/arguments.h"

#include <limits>

namespace maskbench {

void Invalid(Napi::Env env, const std::string& name, const std::string& expected) {
  throw Napi::TypeError::New(env, name + ": expected " + expected);
}

bool Has(const Napi::Object& object, const char* name) { return !object.Get(name).IsUndefined(); }

std::string String(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsString()) Invalid(object.Env(), name, "a string");
  return value.As<Napi::String>();
}

double Number(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsNumber()) Invalid(object.Env(), name, "a number");
  return value.As<Napi::Number>();
}

int Integer(const Napi::Object& object, const char* name) {
  const double value = Number(object, name);
  if (!(value >= std::numeric_limits<int>::min() && value <= std::numeric_limits<int>::max()))
    Invalid(object.Env(), name, "a whole number");
  return static_cast<int>(value);
}

bool Boolean(const Napi::Object& object, const char* name) { return object.Get(name).ToBoolean(); }

Napi::Object Object(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) Invalid(value.Env(), name, "an object");
  return value.As<Napi::Object>();
}

std::span<const uint8_t> View(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsTypedArray()) Invalid(object.Env(), name, "a Uint8Array");
  const auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), array.ByteLength()};
}

Napi::Function CancellationWrap::Define(Napi::Env env) {
  return DefineClass(env, "Cancellation", {InstanceMethod<&CancellationWrap::Cancel>("cancel")});
}

const Cancellation& CancellationWrap::Of(const Napi::Value& value) {
  return Unwrap(Object(value, "cancellation"))->cancellation_;
}

}  // namespace maskbench
