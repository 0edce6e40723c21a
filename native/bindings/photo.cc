#include "bindings/photo.h"

#include "bindings/arguments.h"
#include "image/codec.h"

namespace maskbench {
namespace {

KnownFace ParseFace(const Napi::Object& object) {
  KnownFace face{ParseBox(object, "box"), Has(object, "score") ? Number(object, "score") : 0, std::nullopt};
  if (!Has(object, "landmarks")) return face;
  const auto points = Object(object.Get("landmarks"), "landmarks").As<Napi::Array>();
  if (points.Length() != kLandmarks) Invalid(object.Env(), "landmarks", "68 points");
  face.landmarks.emplace();
  for (uint32_t i = 0; i < kLandmarks; ++i) {
    const Napi::Object point = Object(points.Get(i), "landmarks");
    (*face.landmarks)[i] = {Integer(point, "0"), Integer(point, "1")};
  }
  return face;
}

}  // namespace

Source ParseSource(const Napi::Object& object) {
  if (Has(object, "path")) return FilePath{Path(object, "path")};
  const std::span<const uint8_t> data = View(object, "data");
  if (!Has(object, "channels")) return data;
  const RawPixels raw{data, Integer(object, "width"), Integer(object, "height"), Integer(object, "channels")};
  if (raw.width <= 0 || raw.height <= 0 || raw.channels <= 0 ||
      data.size() != size_t{1} * raw.width * raw.height * raw.channels)
    Invalid(object.Env(), "data", "width x height x channels bytes");
  return raw;
}

Box ParseBox(const Napi::Object& object, const char* name) {
  const Napi::Object box = Object(object.Get(name), name);
  return {Integer(box, "left"), Integer(box, "top"), Integer(box, "right"), Integer(box, "bottom")};
}

SearchOptions ParseSearch(const Napi::Object& object) {
  return {String(object, "detector") == "dlib" ? DetectorKind::kDlib : DetectorKind::kFast, Integer(object, "upsample"),
          Integer(object, "minFace"), Integer(object, "maxSize")};
}

KnownFaces ParseFaces(const Napi::Object& object) {
  if (!Has(object, "faces")) return std::nullopt;
  const auto array = Object(object.Get("faces"), "faces").As<Napi::Array>();
  KnownFaces faces(std::in_place);
  for (uint32_t i = 0; i < array.Length(); ++i) faces->push_back(ParseFace(Object(array.Get(i), "faces")));
  return faces;
}

Napi::Value IsImageValue(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), IsImage(View(Object(info[0], "request"), "data")));
}

Napi::Object FaceObject(Napi::Env env, const Face& found) {
  Napi::Object face = Napi::Object::New(env);
  Napi::Object box = Napi::Object::New(env);
  box.Set("left", found.box.left);
  box.Set("top", found.box.top);
  box.Set("right", found.box.right);
  box.Set("bottom", found.box.bottom);
  Napi::Array landmarks = Napi::Array::New(env, kLandmarks);
  for (uint32_t i = 0; i < kLandmarks; ++i) {
    Napi::Array point = Napi::Array::New(env, 2);
    point.Set(0U, found.landmarks[i].x);
    point.Set(1U, found.landmarks[i].y);
    landmarks.Set(i, point);
  }
  face.Set("box", box);
  face.Set("score", found.score);
  face.Set("landmarks", landmarks);
  return face;
}

}  // namespace maskbench
