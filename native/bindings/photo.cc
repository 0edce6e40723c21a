#include "bindings/photo.h"

#include <array>
#include <span>
#include <utility>

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

template <size_t count>
std::array<float, count> Floats(const Napi::Object& object, const char* name) {
  const auto array = Object(object.Get(name), name).As<Napi::Array>();
  std::array<float, count> numbers{};
  for (uint32_t i = 0; i < count; ++i) numbers[i] = array.Get(i).ToNumber().FloatValue();
  return numbers;
}

NetworkOptions ParseNetwork(const Napi::Object& object) {
  DetectorDescription network{};
  network.decoder = String(object, "decoder");
  network.width = Integer(object, "width");
  network.height = Integer(object, "height");
  network.multiple = Integer(object, "multiple");
  network.smallest = Integer(object, "smallest");
  if (network.width <= 0 || network.height <= 0 || network.multiple < 0 || network.smallest <= 0)
    Invalid(object.Env(), "width, height, multiple, smallest", "positive numbers");
  network.channels_first = Boolean(object, "channelsFirst");
  network.blue_first = Boolean(object, "blueFirst");
  network.mean = Floats<3>(object, "mean");
  network.scale = Floats<3>(object, "scale");
  const auto layers = Object(object.Get("layers"), "layers").As<Napi::Array>();
  for (uint32_t i = 0; i < layers.Length(); ++i) {
    const Napi::Object layer = Object(layers.Get(i), "layers");
    AnchorLayer parsed{Integer(layer, "stride"), {}};
    if (parsed.stride <= 0) Invalid(object.Env(), "stride", "a positive number");
    const auto sizes = Object(layer.Get("sizes"), "sizes").As<Napi::Array>();
    for (uint32_t size = 0; size < sizes.Length(); ++size) {
      const Napi::Object sides = Object(sizes.Get(size), "sizes");
      parsed.sizes.push_back({static_cast<float>(Number(sides, "0")), static_cast<float>(Number(sides, "1"))});
    }
    network.layers.push_back(std::move(parsed));
  }
  network.variances = Floats<2>(object, "variances");
  const std::string scores = String(object, "scores");
  network.scores = scores == "sigmoid"   ? ScoreKind::kSigmoid
                   : scores == "softmax" ? ScoreKind::kSoftmax
                                         : ScoreKind::kShare;
  network.pixels = Boolean(object, "pixels");
  network.overlap = static_cast<float>(Number(object, "overlap"));
  network.confirm = Number(object, "confirm");
  const auto shift = [&](const char* name) {
    const Napi::Object box = Object(object.Get(name), name);
    return BoxShift{Number(box, "x"), Number(box, "y"), Number(box, "width"), Number(box, "height")};
  };
  network.face_box = shift("faceBox");
  network.landmark_box = shift("landmarkBox");
  return {{Path(object, "library"), Path(object, "model")}, std::move(network)};
}

}  // namespace

Source ParseSource(const Napi::Object& object) {
  if (Has(object, "path")) return FilePath{Path(object, "path")};
  const std::span<const uint8_t> data = View(object, "data");
  if (!Has(object, "channels")) return data;
  const RawPixels raw{data, Integer(object, "width"), Integer(object, "height"), Integer(object, "channels"),
                      Has(object, "blueFirst") && Boolean(object, "blueFirst")};
  if (raw.width <= 0 || raw.height <= 0 || raw.channels <= 0 ||
      data.size() != size_t{1} * raw.width * raw.height * raw.channels)
    Invalid(object.Env(), "data", "width x height x channels bytes");
  return raw;
}

Box ParseBox(const Napi::Object& object, const char* name) {
  const Napi::Object box = Object(object.Get(name), name);
  return {Integer(box, "left"), Integer(box, "top"), Integer(box, "right"), Integer(box, "bottom")};
}

FinderOptions ParseSearch(const Napi::Object& object) {
  FinderOptions options;
  options.search = {Boolean(object, "dlib") ? DetectorKind::kDlib : DetectorKind::kHog, Integer(object, "upsample"),
                    Integer(object, "minFace"), Integer(object, "maxSize")};
  options.min_score = Number(object, "minScore");
  options.expected_score = Number(object, "expectedScore");
  options.pad = Number(object, "pad");
  if (Has(object, "network")) options.network = ParseNetwork(Object(object.Get("network"), "network"));
  options.landmarks.file = Path(object, "landmarkModel");
  if (Has(object, "landmarkLibrary")) options.landmarks.runtime = Path(object, "landmarkLibrary");
  return options;
}

KnownFaces ParseFaces(const Napi::Object& object) {
  if (!Has(object, "faces")) return std::nullopt;
  const auto array = Object(object.Get("faces"), "faces").As<Napi::Array>();
  KnownFaces faces(std::in_place);
  for (uint32_t i = 0; i < array.Length(); ++i) faces->push_back(ParseFace(Object(array.Get(i), "faces")));
  return faces;
}

Napi::Value ImageKind(const Napi::CallbackInfo& info) {
  const std::string_view kind = KindOfStart(View(Object(info[0], "request"), "data"));
  return kind.empty() ? info.Env().Undefined() : Napi::String::New(info.Env(), kind);
}

Napi::Object FaceObject(Napi::Env env, const Face& found) {
  Napi::Object face = Napi::Object::New(env);
  Napi::Object box = Napi::Object::New(env);
  box.Set("left", found.box.left);
  box.Set("top", found.box.top);
  box.Set("right", found.box.right);
  box.Set("bottom", found.box.bottom);
  face.Set("box", box);
  face.Set("score", found.score);
  Napi::Int32Array landmarks = Napi::Int32Array::New(env, 2 * found.landmarks.size());
  for (size_t i = 0; i < found.landmarks.size(); ++i) {
    landmarks[2 * i] = found.landmarks[i].x;
    landmarks[2 * i + 1] = found.landmarks[i].y;
  }
  face.Set("landmarks", landmarks);
  if (!found.points.empty()) face.Set("points", PointArray(env, found.points));
  return face;
}

}  // namespace maskbench
