#include "bindings/masker.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/device.h"
#include "bindings/environment.h"
#include "bindings/photo.h"
#include "mask/canonical.h"
#include "mask/masker.h"
#include "mask/mesh.h"
#include "runtime/error.h"
#include "runtime/thread_pool.h"

namespace maskbench {
namespace {

Color ToColor(int rgb) {
  return {static_cast<uint8_t>(rgb >> 16), static_cast<uint8_t>(rgb >> 8), static_cast<uint8_t>(rgb)};
}

// The elements of an array.
template <class Parse>
auto ParseArray(const Napi::Object& object, const char* name, const Parse& parse) {
  const auto array = Object(object.Get(name), name).As<Napi::Array>();
  std::vector<decltype(parse(Napi::Object()))> parsed;
  for (uint32_t i = 0; i < array.Length(); ++i) parsed.push_back(parse(Object(array.Get(i), name)));
  return parsed;
}

TemplateViewSource ParseView(const Napi::Object& object) {
  TemplateViewSource view;
  view.parts = ParseArray(object, "parts", [](const Napi::Object& part) {
    TemplatePart parsed{Path(part, "path"), {}, Boolean(part, "tinted")};
    if (Has(part, "file")) {
      const std::span<const uint8_t> file = View(part, "file");
      parsed.file.assign(file.begin(), file.end());
    }
    return parsed;
  });
  if (view.parts.empty()) Invalid(object.Env(), "parts", "at least one part");
  view.anchors = ParseArray(object, "anchors", [](const Napi::Object& anchor) {
    const double landmark = Number(anchor, "landmark");
    if (!(landmark >= 0 && landmark <= kLandmarks - 1)) Invalid(anchor.Env(), "landmark", "0 to 67");
    return TemplateAnchor{landmark, {Number(anchor, "x"), Number(anchor, "y")}};
  });
  return view;
}

TemplateSource ParseTemplate(const Napi::Object& object) {
  TemplateSource source{String(object, "name"), ParseView(Object(object.Get("front"), "front")), {}, {}};
  if (Has(object, "left")) source.left = ParseView(Object(object.Get("left"), "left"));
  if (Has(object, "right")) source.right = ParseView(Object(object.Get("right"), "right"));
  return source;
}

Style ParseStyle(const Napi::Object& object, size_t templates) {
  Style style{
      String(object, "name"), static_cast<uint64_t>(Number(object, "weight")), {}, {}, Boolean(object, "anyColor"),
      Path(object, "texture")};
  if (Has(object, "letter")) {
    const std::string letter = String(object, "letter");
    if (letter.size() != 1 || kSeedStyles.find(letter[0]) == std::string_view::npos)
      Invalid(object.Env(), "letter", "one of a to f");
    style.shape = FlatStyle(letter[0]);
  } else if (Has(object, "nist")) {
    const Napi::Object nist = Object(object.Get("nist"), "nist");
    const std::string coverage = String(nist, "coverage");
    style.shape = FlatStyle(NistStyle{Boolean(nist, "wide"), coverage == "low"      ? NistStyle::Coverage::kLow
                                                             : coverage == "medium" ? NistStyle::Coverage::kMedium
                                                                                    : NistStyle::Coverage::kHigh});
  } else {
    const int number = Integer(object, "template");
    if (number < 0 || static_cast<size_t>(number) >= templates) Invalid(object.Env(), "template", "one that is given");
    style.shape = static_cast<size_t>(number);
  }
  const auto colors = Object(object.Get("colors"), "colors").As<Napi::Array>();
  for (uint32_t i = 0; i < colors.Length(); ++i) style.colors.push_back(ToColor(colors.Get(i).ToNumber().Int32Value()));
  return style;
}

MaskerOptions ParseOptions(const Napi::Object& object) {
  MaskerOptions options;
  options.templates = ParseArray(object, "templates", ParseTemplate);
  options.styles = ParseArray(object, "styles",
                              [&](const Napi::Object& style) { return ParseStyle(style, options.templates.size()); });
  const auto wears = Object(object.Get("wears"), "wears").As<Napi::Array>();
  for (uint32_t i = 0; i < options.wears.size(); ++i)
    options.wears[i] = static_cast<uint64_t>(wears.Get(i).ToNumber().DoubleValue());
  const auto total = [](const auto& weighted, auto weight) {
    uint64_t sum = 0;
    for (const auto& choice : weighted) sum += weight(choice);
    return sum;
  };
  if (total(options.styles, [](const Style& style) { return style.weight; }) == 0 ||
      total(options.wears, [](uint64_t weight) { return weight; }) == 0)
    Invalid(object.Env(), "weights", "one above 0");
  options.tint_weight = static_cast<float>(Number(object, "tintWeight"));
  options.jitter = Number(object, "jitter");
  options.seed = static_cast<uint64_t>(Number(object, "seed"));
  const std::string select = String(object, "select");
  options.select = select == "all"       ? Select::kAll
                   : select == "only"    ? Select::kOnly
                   : select == "central" ? Select::kCentral
                                         : Select::kLargest;
  options.search = ParseSearch(object);
  options.limits.max_pixels = static_cast<int64_t>(Number(object, "maxPixels"));
  options.limits.accept_damaged = Boolean(object, "acceptDamaged");
  if (Has(object, "quality")) options.encode.quality = Integer(object, "quality");
  options.encode.png_level = Integer(object, "pngLevel");
  options.draw_landmarks = Boolean(object, "drawLandmarks");
  if (Has(object, "aligned"))
    options.aligned = String(object, "aligned") == "template" ? Aligned::kTemplate : Aligned::kRefined;
  return options;
}

PhotoCopy ParseCopy(const Napi::Object& object) {
  const std::string mode = String(object, "mode");
  return {Path(object, "path"),
          mode == "link"      ? CopyMode::kLink
          : mode == "reflink" ? CopyMode::kReflink
          : mode == "copy"    ? CopyMode::kCopy
                              : CopyMode::kAuto,
          Boolean(object, "always")};
}

constexpr std::array<const char*, 3> kWearNames = {"correct", "under-nose", "chin"};

// The look of a face, or of a request.
std::optional<Look> ParseLook(const Napi::Object& parent, size_t styles) {
  if (!Has(parent, "look")) return std::nullopt;
  const Napi::Object object = Object(parent.Get("look"), "look");
  const int style = Integer(object, "style");
  if (style < 0 || static_cast<size_t>(style) >= styles) Invalid(object.Env(), "look", "one of the styles");
  Look look{static_cast<size_t>(style), std::nullopt, Wear::kCorrect, {}};
  if (Has(object, "color")) look.color = ToColor(Integer(object, "color"));
  const auto* const wear = std::ranges::find(kWearNames, String(object, "wear"));
  if (wear != kWearNames.end()) look.wear = static_cast<Wear>(wear - kWearNames.begin());
  const auto shift = Object(object.Get("shift"), "shift").As<Napi::Array>();
  for (uint32_t i = 0; i < look.shift.size(); ++i) look.shift[i] = shift.Get(i).ToNumber().DoubleValue();
  return look;
}

MaskRequest ParseRequest(const Napi::Object& object, size_t styles) {
  MaskRequest request;
  request.source = ParseSource(object);
  request.detect_only = Boolean(object, "detectOnly");
  if (Has(object, "output")) request.output = Path(object, "output");
  request.overwrite = Boolean(object, "overwrite");
  if (Has(object, "copy")) {
    if (!std::holds_alternative<FilePath>(request.source)) Invalid(object.Env(), "copy", "a source that is a path");
    request.copy = ParseCopy(Object(object.Get("copy"), "copy"));
  }
  if (Has(object, "format")) request.format = FormatOfName(String(object, "format"));
  request.key = Path(object, "key");
  request.faces = ParseFaces(object);
  request.look = ParseLook(object, styles);
  if (Has(object, "matteOutput")) request.matte_output = Path(object, "matteOutput");
  if (request.faces) {
    request.looks = ParseArray(object, "faces", [&](const Napi::Object& face) { return ParseLook(face, styles); });
    if (std::ranges::none_of(request.looks, [](const auto& look) { return look.has_value(); })) request.looks.clear();
  }
  return request;
}

Napi::Object MaskedFaceObject(Napi::Env env, const Masker& masker, const MaskedFace& masked) {
  Napi::Object face = FaceObject(env, masked.face);
  if (!masked.look) return face;
  const auto& [number, color, wear, shift] = *masked.look;
  Napi::Object look = Napi::Object::New(env);
  look.Set("style", static_cast<double>(number));
  if (color) look.Set("color", color->red << 16 | color->green << 8 | color->blue);
  look.Set("wear", kWearNames[static_cast<size_t>(wear)]);
  Napi::Array numbers = Napi::Array::New(env, shift.size());
  for (uint32_t i = 0; i < shift.size(); ++i) numbers.Set(i, shift[i]);
  look.Set("shift", numbers);
  look.Set("template", std::holds_alternative<size_t>(masker.style(*masked.look).shape));
  face.Set("look", look);
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
        request_(ParseRequest(request, masker_->styles())),
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
    for (uint32_t i = 0; i < result_.faces.size(); ++i) faces.Set(i, MaskedFaceObject(env, *masker_, result_.faces[i]));
    object.Set("faces", faces);
    // To copy a small image takes less time than to have its bytes freed with the buffer.
    constexpr size_t kSmall = size_t{32} << 10U;
    if (!result_.image.empty() && result_.image.size() <= kSmall) {
      object.Set("image", Napi::Buffer<uint8_t>::Copy(env, result_.image.data(), result_.image.size()));
    } else if (!result_.image.empty()) {
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
                       {InstanceMethod<&MaskerWrap::Mask>("mask"), InstanceMethod<&MaskerWrap::Load>("load"),
                        InstanceAccessor<&MaskerWrap::DeviceProblem>("deviceProblem")});
  }

  explicit MaskerWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const Napi::Object options = Object(info[0], "options");
    device_ = ParseDevice(options);
    masker_ = std::make_shared<Masker>(ParseOptions(options), device_);
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
        .Start(std::make_unique<FunctionTask>(
                   info.Env(), Cancellation(), [masker = masker_](const Cancellation&) { masker->Load(); },
                   [](Napi::Env env) { return env.Undefined(); }),
               *queue_);
  }

  Napi::Value DeviceProblem(const Napi::CallbackInfo& info) { return DeviceProblemValue(info.Env(), device_); }

  std::shared_ptr<device::Handle> device_;
  std::shared_ptr<Masker> masker_;
  std::shared_ptr<WorkQueue> queue_;
};

}  // namespace

void ExportMasker(Napi::Env env, Napi::Object exports) {
  exports.Set("Masker", MaskerWrap::Define(env));
  exports.Set("canonicalFace", PointArray(env, kCanonicalFace));
  exports.Set("imageKind", Napi::Function::New(env, ImageKind, "imageKind"));
  exports.Set("meshStretch", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                const Napi::Object request = Napi::Object::New(info.Env());
                request.Set("faces", info[0]);
                const KnownFaces faces = ParseFaces(request);
                if (faces->empty() || !faces->front().landmarks) Invalid(info.Env(), "faces", "one with landmarks");
                return Napi::Number::New(info.Env(), FaceMesh(*faces->front().landmarks).WorstStretch());
              }));
}

}  // namespace maskbench
