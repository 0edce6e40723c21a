#include "bindings/arguments.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace maskbench {
namespace {

// UTF-8 of one code point. A lone surrogate that stands for no byte becomes the replacement character.
void AppendUtf8(std::string& bytes, char32_t code) {
  if (code >= 0xD800 && code <= 0xDFFF) code = 0xFFFD;
  const auto tail = [&](unsigned shift) { bytes.push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3F))); };
  if (code < 0x80) {
    bytes.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    bytes.push_back(static_cast<char>(0xC0 | (code >> 6U)));
    tail(0);
  } else if (code < 0x10000) {
    bytes.push_back(static_cast<char>(0xE0 | (code >> 12U)));
    tail(6);
    tail(0);
  } else {
    bytes.push_back(static_cast<char>(0xF0 | (code >> 18U)));
    tail(12);
    tail(6);
    tail(0);
  }
}

// How many bytes the first code point takes, and the code point; 0 where the first byte begins none.
size_t Utf8Length(std::string_view bytes, char32_t& code) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t first = at(0);
  const size_t length = first < 0x80 ? 1 : (first & 0xE0) == 0xC0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : 4;
  if (length == 1) {
    code = first;
    return 1;
  }
  if ((length == 4 && (first & 0xF8) != 0xF0) || bytes.size() < length) return 0;
  code = first & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
    code = code << 6U | (at(i) & 0x3FU);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  return code < kLeast[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ? 0 : length;
}

}  // namespace

void Invalid(Napi::Env env, const std::string& name, const std::string& expected) {
  throw CodedError(env, ErrorCode::kInvalidArgument, name, name + ": expected " + expected);
}

bool Has(const Napi::Object& object, const char* name) { return !object.Get(name).IsUndefined(); }

std::string String(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsString()) Invalid(object.Env(), name, "a string");
  return value.As<Napi::String>();
}

std::string PathBytes(const Napi::String& text) {
  const std::u16string units = text.Utf16Value();
  const auto is_high = [&](size_t i) { return i < units.size() && (units[i] & 0xFC00) == 0xD800; };
  const auto is_low = [&](size_t i) { return i < units.size() && (units[i] & 0xFC00) == 0xDC00; };
  std::string bytes;
  bytes.reserve(units.size());
  for (size_t i = 0; i < units.size(); ++i) {
    char32_t code = units[i];
    if (is_low(i) && code >= 0xDC80 && code <= 0xDCFF) {
      bytes.push_back(static_cast<char>(code & 0xFF));
      continue;
    }
    if (is_high(i) && is_low(i + 1)) {
      code = 0x10000 + ((code & 0x3FF) << 10U) + (units[i + 1] & 0x3FFU);
      ++i;
    }
    AppendUtf8(bytes, code);
  }
  return bytes;
}

Napi::String PathText(Napi::Env env, std::string_view bytes) {
  std::u16string units;
  units.reserve(bytes.size());
  while (!bytes.empty()) {
    char32_t code = 0;
    const size_t length = Utf8Length(bytes, code);
    if (length == 0) {
      units.push_back(static_cast<char16_t>(0xDC00 + static_cast<uint8_t>(bytes.front())));
    } else if (code >= 0x10000) {
      units.push_back(static_cast<char16_t>(0xD800 + ((code - 0x10000) >> 10U)));
      units.push_back(static_cast<char16_t>(0xDC00 + (code & 0x3FF)));
    } else {
      units.push_back(static_cast<char16_t>(code));
    }
    bytes.remove_prefix(std::max<size_t>(length, 1));
  }
  return Napi::String::New(env, units);
}

std::string Path(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsString()) Invalid(object.Env(), name, "a string");
  return PathBytes(value.As<Napi::String>());
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

Napi::Error CodedError(Napi::Env env, ErrorCode code, const std::string& subject, const std::string& message) {
  napi_value error = nullptr;
  napi_create_error(env, nullptr, PathText(env, message), &error);
  Napi::Error value(env, error);
  value.Set("code", Name(code));
  value.Set("subject", PathText(env, subject));
  return value;
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

Cancellation CancellationWrap::Of(const Napi::Value& value) {
  if (value.IsUndefined()) return {};
  return Unwrap(Object(value, "cancellation"))->cancellation_;
}

}  // namespace maskbench
