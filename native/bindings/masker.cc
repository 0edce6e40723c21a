#include "bindings/masker.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/environment.h"
#include "bindings/photo.h"
#include "mask/masker.h"
#include "runtime/error.h"
#include "runtime/thread_pool.h"

namespace maskbench {
namespace {

MaskerOptions ParseOptions(const Napi::Object& object) {
  MaskerOptions options;
  const std::string style = String(object, "style");
  if (style != "random") {
    if (style.size() != 1 || kStyles.find(style[0]) == std::string_view::npos)
      Invalid(object.Env(), "style", "one of a to f, or random");
    options.style = style[0];
  }
  if (Has(object, "color")) {
    const int color = Integer(object, "color");
    options.color =
        Color{static_cast<uint8_t>(color >> 16), static_cast<uint8_t>(color >> 8), static_cast<uint8_t>(color)};
  }
  options.seed = static_cast<uint64_t>(Number(object, "seed"));
  const std::string select = String(object, "select");
  options.select = select == "all" ? Select::kAll : select == "only" ? Select::kOnly : Select::kLargest;
  options.detector = String(object, "detector") == "dlib" ? DetectorKind::kDlib : DetectorKind::kFast;
  options.upsample = Integer(object, "upsample");
  options.landmark_model = String(object, "landmarkModel");
  options.limits.max_pixels = static_cast<int64_t>(Number(object, "maxPixels"));
  options.limits.accept_damaged = Boolean(object, "acceptDamaged");
  if (Has(object, "quality")) options.quality = Integer(object, "quality");
  options.draw_landmarks = Boolean(object, "drawLandmarks");
  return options;
}

PhotoCopy ParseCopy(const Napi::Object& object) {
  const std::string mode = String(object, "mode");
  return {String(object, "path"),
          mode == "link"      ? CopyMode::kLink
          : mode == "reflink" ? CopyMode::kReflink
          : mode == "copy"    ? CopyMode::kCopy
                              : CopyMode::kAuto,
          Boolean(object, "always")};
}

MaskRequest ParseRequest(const Napi::Object& object) {
  MaskRequest request;
  request.source = ParseSource(object);
  request.detect_only = Boolean(object, "detectOnly");
  if (Has(object, "output")) request.output = String(object, "output");
  request.overwrite = Boolean(object, "overwrite");
  if (Has(object, "copy")) {
    if (!std::holds_alternative<FilePath>(request.source)) Invalid(object.Env(), "copy", "a source that is a path");
    request.copy = ParseCopy(Object(object.Get("copy"), "copy"));
  }
  if (Has(object, "format")) request.format = FormatOfName(String(object, "format"));
  request.key = String(object, "key");
  request.faces = ParseFaces(object);
  return request;
}

Napi::Object MaskedFaceObject(Napi::Env env, const MaskedFace& masked) {
  Napi::Object face = FaceObject(env, masked.face);
  face.Set("masked", masked.masked);
  if (masked.masked) {
    face.Set("style", std::string(1, masked.style));
    face.Set("color", masked.color.red << 16 | masked.color.green << 8 | masked.color.blue);
  }
  return face;
}

const char* StatusName(MaskStatus status) {
  switch (status) {
    case MaskStatus::kMasked:
      return "masked";
    case MaskStatus::kNoFace:
      return "no-face";
    case MaskStatus::kSeveralFaces:
      return "several-faces";
    default:
      return "detected";
  }
}

class MaskTask : public Task {
 public:
  MaskTask(Napi::Env env, std::shared_ptr<Masker> masker, const Napi::Object& request, Cancellation cancellation)
      : Task(env, std::move(cancellation)),
        masker_(std::move(masker)),
        request_(ParseRequest(request)),
        keep_alive_(Napi::Persistent(request)) {}

 protected:
  void Work() override { result_ = masker_->Run(request_, cancellation()); }

  Napi::Value Result(Napi::Env env) override {
    Napi::Object object = Napi::Object::New(env);
    object.Set("status", StatusName(result_.status));
    object.Set("copied", result_.copied);
    object.Set("width", result_.width);
    object.Set("height", result_.height);
    Napi::Array faces = Napi::Array::New(env, result_.faces.size());
    for (uint32_t i = 0; i < result_.faces.size(); ++i) faces.Set(i, MaskedFaceObject(env, result_.faces[i]));
    object.Set("faces", faces);
    if (!result_.image.empty()) {
      // The buffer takes the bytes over; nothing is copied.
      auto owner = std::make_unique<Bytes>(std::move(result_.image));
      uint8_t* data = owner->data();
      const size_t size = owner->size();
      object.Set("image", Napi::Buffer<uint8_t>::NewOrCopy(
                              env, data, size,
                              [](Napi::Env, uint8_t*, Bytes* bytes) { const std::unique_ptr<Bytes> freed(bytes); },
                              owner.release()));
    }
    if (result_.format) object.Set("format", std::string(Name(*result_.format)));
    object.Set("milliseconds", result_.milliseconds);
    return object;
  }

 private:
  const std::shared_ptr<Masker> masker_;
  const MaskRequest request_;
  // The request's pixels or bytes are read where they lie.
  const Napi::ObjectReference keep_alive_;
  MaskResult result_;
};

class MaskerWrap : public Napi::ObjectWrap<MaskerWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Masker",
                       {InstanceMethod<&MaskerWrap::Mask>("mask"), InstanceMethod<&MaskerWrap::Load>("load")});
  }

  explicit MaskerWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const Napi::Object options = Object(info[0], "options");
    masker_ = std::make_shared<Masker>(ParseOptions(options));
    queue_ = std::make_shared<WorkQueue>(std::max(1, Integer(options, "concurrency")));
  }

 private:
  Napi::Value Mask(const Napi::CallbackInfo& info) {
    return Environment::Of(info.Env())
        .Start(
            std::make_unique<MaskTask>(info.Env(), masker_, Object(info[0], "request"), CancellationWrap::Of(info[1])),
            *queue_);
  }

  Napi::Value Load(const Napi::CallbackInfo& info) {
    return Environment::Of(info.Env())
        .Start(
            std::make_unique<FunctionTask>(
                info.Env(), Cancellation(), [masker = masker_](const Cancellation&) { masker->finder().Predictor(); },
                [](Napi::Env env) { return env.Undefined(); }),
            *queue_);
  }

  std::shared_ptr<Masker> masker_;
  std::shared_ptr<WorkQueue> queue_;
};

}  // namespace

void ExportMasker(Napi::Env env, Napi::Object exports) { exports.Set("Masker", MaskerWrap::Define(env)); }

}  // namespace maskbench
