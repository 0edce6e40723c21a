#include "bindings/files.h"

#include <optional>
#include <string>

#include "bindings/arguments.h"
#include "bindings/environment.h"
#include "runtime/file.h"

namespace maskbench {
namespace {

class FileLockWrap : public Napi::ObjectWrap<FileLockWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "FileLock",
                       {InstanceMethod<&FileLockWrap::Try>("try"), InstanceMethod<&FileLockWrap::Release>("release")});
  }

  explicit FileLockWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {}

 private:
  Napi::Value Try(const Napi::CallbackInfo& info) {
    const Napi::Object request = Object(info[0], "request");
    try {
      std::optional<FileLock> lock = FileLock::Try(Path(request, "path"), Boolean(request, "shared"));
      if (lock) {
        lock->Write(String(request, "holder"));
        lock_.emplace(std::move(*lock));
      }
    } catch (const Error&) {
      throw ToJavaScript(info.Env(), std::current_exception());
    }
    return Napi::Boolean::New(info.Env(), lock_.has_value());
  }

  void Release(const Napi::CallbackInfo& /*info*/) { lock_.reset(); }

  std::optional<FileLock> lock_;
};

}  // namespace

void ExportFiles(Napi::Env env, Napi::Object exports) {
  exports.Set("FileLock", FileLockWrap::Define(env));
  exports.Set("temporaryPrefix", PathText(env, TemporaryPrefix()));
}

}  // namespace maskbench
