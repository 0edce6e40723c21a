#ifndef MASKBENCH_BINDINGS_ARGUMENTS_H_
#define MASKBENCH_BINDINGS_ARGUMENTS_H_

#include <napi.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/cancellation.h"
#include "runtime/error.h"

namespace maskbench {

// The TypeScript side checks what users give (binding.d.ts is the contract); these only refuse what would be unsafe.
[[noreturn]] void Invalid(Napi::Env env, const std::string& name, const std::string& expected);
bool Has(const Napi::Object& object, const char* name);
std::string String(const Napi::Object& object, const char* name);
// Paths are bytes, texts are not: a byte that is not UTF-8 is a lone surrogate U+DC80 to U+DCFF in JavaScript
// (lib/files/path.ts does the same).
std::string PathBytes(const Napi::String& text);
Napi::String PathText(Napi::Env env, std::string_view bytes);
// A path, or another name that is made of one.
std::string Path(const Napi::Object& object, const char* name);
double Number(const Napi::Object& object, const char* name);
int Integer(const Napi::Object& object, const char* name);
bool Boolean(const Napi::Object& object, const char* name);
Napi::Object Object(const Napi::Value& value, const char* name);
// An Error with `code` and `subject`; both texts are made of paths.
Napi::Error CodedError(Napi::Env env, ErrorCode code, const std::string& subject, const std::string& message);
// The bytes of a Uint8Array, where they lie.
std::span<const uint8_t> View(const Napi::Object& object, const char* name);

// The elements of a typed array of `Element`, where they lie.
template <typename Element>
std::span<const Element> Elements(const Napi::Value& value, napi_typedarray_type type, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    Invalid(value.Env(), name, "a typed array of another kind");
  const auto array = value.As<Napi::TypedArrayOf<Element>>();
  return {array.Data(), array.ElementLength()};
}

template <typename Container>
Napi::Float64Array ToFloat64Array(Napi::Env env, const Container& values) {
  Napi::Float64Array array = Napi::Float64Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

class CancellationWrap : public Napi::ObjectWrap<CancellationWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit CancellationWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {}
  // A new one where the value is undefined.
  static Cancellation Of(const Napi::Value& value);

 private:
  void Cancel(const Napi::CallbackInfo& /*info*/) { cancellation_.Cancel(); }
  Cancellation cancellation_;
};

}  // namespace maskbench

#endif  // MASKBENCH_BINDINGS_ARGUMENTS_H_
