#include "bindings/embedder.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "bindings/arguments.h"
#include "bindings/device.h"
#include "bindings/environment.h"
#include "bindings/photo.h"
#include "embed/embedder.h"
#include "runtime/thread_pool.h"
#include "embed/half.h"
#include "image/scale.h"
#include "embed/similarity.h"

namespace maskbench {
namespace {

std::array<float, 3> Three(const Napi::Object& object, const char* name) {
  const auto array = Object(object.Get(name), name).As<Napi::Array>();
  std::array<float, 3> numbers{};
  for (uint32_t i = 0; i < 3; ++i) numbers[i] = array.Get(i).ToNumber().FloatValue();
  return numbers;
}

EmbedderOptions ParseOptions(const Napi::Object& object) {
  EmbedderOptions options;
  options.session = {Path(object, "library"), Path(object, "model")};
  ModelInput& input = options.input;
  input.width = Integer(object, "width");
  input.height = Integer(object, "height");
  if (input.width <= 0 || input.height <= 0) Invalid(object.Env(), "width, height", "positive numbers");
  input.channels_first = Boolean(object, "channelsFirst");
  input.blue_first = Boolean(object, "blueFirst");
  input.mean = Three(object, "mean");
  input.scale = Three(object, "scale");
  const std::string cut = String(object, "cut");
  input.cut = cut == "box"       ? Cut::kBox
              : cut == "align5"  ? Cut::kAlign5
              : cut == "align68" ? Cut::kAlign68
                                 : Cut::kLetterbox;
  input.margin = Number(object, "margin");
  options.output = String(object, "output");
  options.max_batch = std::max(1, Integer(object, "maxBatch"));
  options.max_wait_ms = Integer(object, "maxWaitMs");
  options.search = ParseSearch(object);
  options.limits = {static_cast<int64_t>(Number(object, "maxPixels")), Boolean(object, "acceptDamaged")};
  options.device_fallback = Boolean(object, "deviceFallback");
  options.mirror = Boolean(object, "mirror");
  return options;
}

FivePoints ParsePoints(const Napi::Object& object) {
  const auto array = Object(object.Get("points"), "points").As<Napi::Array>();
  FivePoints points{};
  for (uint32_t i = 0; i < points.size(); ++i) {
    const auto point = Object(array.Get(i), "points").As<Napi::Array>();
    for (uint32_t axis = 0; axis < 2; ++axis) points[i][axis] = point.Get(axis).ToNumber();
  }
  return points;
}

EmbedRequest ParseRequest(const Napi::Object& object) {
  EmbedRequest request;
  request.source = ParseSource(object);
  request.faces = ParseFaces(object);
  request.choice = String(object, "select") == "central" ? FaceChoice::kCentral : FaceChoice::kLargest;
  if (Has(object, "expected")) request.expected = ParseBox(object, "expected");
  if (Has(object, "points")) request.points = ParsePoints(object);
  request.crop = Boolean(object, "crop");
  request.masked = Boolean(object, "masked");
  return request;
}

class EmbedTask : public Task {
 public:
  EmbedTask(Napi::Env env, std::shared_ptr<Embedder> embedder, const Napi::Object& request, Cancellation cancellation)
      : Task(env, std::move(cancellation)),
        embedder_(std::move(embedder)),
        request_(ParseRequest(request)),
        keep_alive_(Napi::Persistent(request)) {
    embedder_->Announce();
  }

  void Run(const std::function<void()>& finished) override {
    // Once a batch has called this task back it may be gone, while the embedder is still putting the batch away.
    const std::shared_ptr<Embedder> embedder = embedder_;
    try {
      embedder->Embed(request_, cancellation(), [this, finished](Embedding embedding, const std::exception_ptr& error) {
        embedding_ = std::move(embedding);
        error_ = error;
        finished();
      });
    } catch (...) {
      error_ = std::current_exception();
      finished();
    }
  }

  void Refuse(std::exception_ptr error) override {
    Task::Refuse(std::move(error));
    embedder_->Withdraw();
  }

 protected:
  Napi::Value Result(Napi::Env env) override {
    Napi::Object object = Napi::Object::New(env);
    Napi::Float32Array vector = Napi::Float32Array::New(env, embedding_.vector.size());
    std::copy(embedding_.vector.begin(), embedding_.vector.end(), vector.Data());
    object.Set("vector", vector);
    if (embedding_.face) object.Set("face", FaceObject(env, *embedding_.face));
    return object;
  }

 private:
  const std::shared_ptr<Embedder> embedder_;
  const EmbedRequest request_;
  // The request's pixels or bytes are read where they lie.
  const Napi::ObjectReference keep_alive_;
  Embedding embedding_;
};

class EmbedderWrap : public Napi::ObjectWrap<EmbedderWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "Embedder",
        {InstanceMethod<&EmbedderWrap::Embed>("embed"), InstanceMethod<&EmbedderWrap::Load>("load"),
         InstanceMethod<&EmbedderWrap::Close>("close"), InstanceAccessor<&EmbedderWrap::OnDevice>("onDevice"),
         InstanceAccessor<&EmbedderWrap::DeviceProblem>("deviceProblem")});
  }

  explicit EmbedderWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const Napi::Object options = Object(info[0], "options");
    EmbedderOptions parsed = ParseOptions(options);
    // Two are lent to models that run, while faces are searched on the others.
    device_ = ParseDevice(options, parsed.input.needs_face() && parsed.search.is_exact() ? 4 : 2);
    embedder_ = std::make_shared<Embedder>(std::move(parsed), device_);
    queue_ = std::make_shared<WorkQueue>(std::max(1, Integer(options, "concurrency")));
  }

 private:
  const std::shared_ptr<Embedder>& Opened(Napi::Env env) const {
    if (!embedder_) Invalid(env, "embedder", "one that is not closed");
    return embedder_;
  }

  Napi::Value Embed(const Napi::CallbackInfo& info) {
    return Environment::Of(info.Env())
        .Start(std::make_unique<EmbedTask>(info.Env(), Opened(info.Env()), Object(info[0], "request"),
                                           CancellationWrap::Of(info[1])),
               *queue_);
  }

  Napi::Value Load(const Napi::CallbackInfo& info) {
    return Environment::Of(info.Env())
        .Start(
            std::make_unique<FunctionTask>(
                info.Env(), Cancellation(), [embedder = Opened(info.Env())](const Cancellation&) { embedder->Open(); },
                [embedder = embedder_](Napi::Env env) {
                  Napi::Object object = Napi::Object::New(env);
                  object.Set("dimensions", static_cast<double>(embedder->dimensions()));
                  object.Set("batchProblem", embedder->batch_problem());
                  return object;
                }),
            *queue_);
  }

  // The garbage collector may leave the model in memory for long.
  void Close(const Napi::CallbackInfo& /*info*/) { embedder_.reset(); }

  Napi::Value OnDevice(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), embedder_ && embedder_->model_on_device());
  }

  Napi::Value DeviceProblem(const Napi::CallbackInfo& info) { return DeviceProblemValue(info.Env(), device_); }

  std::shared_ptr<device::Handle> device_;
  std::shared_ptr<Embedder> embedder_;
  std::shared_ptr<WorkQueue> queue_;
};

Napi::Value OnnxRuntime(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  try {
    const OrtLibrary& library = OrtLibrary::Load(info[0].ToString());
    Napi::Object object = Napi::Object::New(env);
    object.Set("version", library.version());
    Napi::Array providers = Napi::Array::New(env);
    for (const std::string& provider : library.Providers()) providers.Set(providers.Length(), provider);
    object.Set("providers", providers);
    return object;
  } catch (const Error&) {
    throw ToJavaScript(env, std::current_exception());
  }
}

Similarity ParseSimilarity(const Napi::Object& object, size_t dimensions) {
  const Napi::Env env = object.Env();
  const std::string kind = String(object, "kind");
  Similarity similarity;
  similarity.kind = kind == "cosine"       ? SimilarityKind::kCosine
                    : kind == "l2"         ? SimilarityKind::kEuclidean
                    : kind == "inverse-l2" ? SimilarityKind::kInverse
                                           : SimilarityKind::kSigmoid;
  if (similarity.kind != SimilarityKind::kSigmoid) return similarity;
  similarity.squared = Boolean(object, "squared");
  const auto layers = Object(object.Get("layers"), "layers").As<Napi::Array>();
  size_t inputs = dimensions;
  for (uint32_t i = 0; i < layers.Length(); ++i) {
    const Napi::Object layer = Object(layers.Get(i), "layers");
    const auto weights = Elements<float>(layer.Get("weights"), napi_float32_array, "weights");
    const auto bias = Elements<float>(layer.Get("bias"), napi_float32_array, "bias");
    if (bias.empty() || weights.size() != inputs * bias.size()) Invalid(env, "weights", "inputs x outputs numbers");
    similarity.layers.push_back({{weights.begin(), weights.end()}, {bias.begin(), bias.end()}});
    inputs = bias.size();
  }
  if (layers.Length() == 0 || inputs != 1) Invalid(env, "layers", "a last one with one output");
  return similarity;
}

Napi::Value Similarities(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto vectors = Elements<float>(info[0], napi_float32_array, "vectors");
  const auto dimensions = static_cast<size_t>(info[1].ToNumber().Int64Value());
  const auto first = Elements<int32_t>(info[2], napi_int32_array, "first");
  const auto second = Elements<int32_t>(info[3], napi_int32_array, "second");
  if (first.size() != second.size()) Invalid(env, "second", "as many rows as first");
  const size_t rows = dimensions == 0 ? 0 : vectors.size() / dimensions;
  for (const auto& side : {first, second})
    for (const int32_t row : side)
      if (row < 0 || static_cast<size_t>(row) >= rows) Invalid(env, "first, second", "rows of vectors");
  const auto values = std::make_shared<std::vector<double>>(first.size());
  return Compute(
      env, {},
      [=, similarity = ParseSimilarity(Object(info[4], "similarity"), dimensions)](const Cancellation&) {
        const auto row = [&](int32_t number) {
          return vectors.subspan(static_cast<size_t>(number) * dimensions, dimensions);
        };
        for (size_t i = 0; i < first.size(); ++i) (*values)[i] = similarity(row(first[i]), row(second[i]));
      },
      [values, data = Hold(info[0]), a = Hold(info[2]), b = Hold(info[3])](Napi::Env of) {
        return ToFloat64Array(of, *values);
      });
}

Napi::Value SimilarityOf(const Napi::CallbackInfo& info) {
  const auto a = Elements<float>(info[0], napi_float32_array, "a");
  const auto b = Elements<float>(info[1], napi_float32_array, "b");
  if (a.size() != b.size()) Invalid(info.Env(), "b", "as many numbers as a");
  return Napi::Number::New(info.Env(), ParseSimilarity(Object(info[2], "similarity"), a.size())(a, b));
}

Napi::Value AddToRows(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto read = Elements<double>(info[0], napi_float64_array, "sums");
  const std::span<double> sums(info[0].As<Napi::Float64Array>().Data(), read.size());
  const auto vectors = Elements<float>(info[1], napi_float32_array, "vectors");
  const auto dimensions = static_cast<size_t>(info[2].ToNumber().Int64Value());
  const auto rows = Elements<int32_t>(info[3], napi_int32_array, "rows");
  const auto weights = Elements<double>(info[4], napi_float64_array, "weights");
  if (vectors.size() != rows.size() * dimensions || weights.size() != rows.size())
    Invalid(env, "rows, weights", "one for each vector");
  for (const int32_t row : rows)
    if (row >= 0 && (static_cast<size_t>(row) + 1) * dimensions > sums.size()) Invalid(env, "rows", "rows of sums");
  return Compute(
      env, {},
      [=](const Cancellation&) {
        for (size_t i = 0; i < rows.size(); ++i) {
          if (rows[i] < 0) continue;
          const std::span<double> sum = sums.subspan(static_cast<size_t>(rows[i]) * dimensions, dimensions);
          for (size_t d = 0; d < dimensions; ++d) sum[d] += weights[i] * double{vectors[i * dimensions + d]};
        }
      },
      [a = Hold(info[0]), b = Hold(info[1]), c = Hold(info[3]), d = Hold(info[4])](Napi::Env of) {
        return of.Undefined();
      });
}

Napi::Value Thumbnail(const Napi::CallbackInfo& info) {
  const Napi::Object request = Object(info[0], "request");
  const int side = Integer(request, "side");
  constexpr int kLeast = 8;
  constexpr int kMost = 1024;
  if (side < kLeast || side > kMost) Invalid(info.Env(), "side", "8 to 1024");
  const auto pixels = std::make_shared<std::vector<uint8_t>>();
  return Compute(
      info.Env(), {},
      [=, source = Source(FilePath{Path(request, "path")})](const Cancellation& cancellation) {
        constexpr int64_t kMaxPixels = 100'000'000;
        const ReadImage read = Read(
            source, {kMaxPixels, true}, [](int64_t) { return int64_t{0}; }, cancellation);
        const Image& image = read.decoded.image;
        Image small(side, side);
        ScaleInto(ScalePlan(image.width, image.height, side, side, true), image, small, 0, 0, side, side);
        constexpr uint8_t kOpaque = 255;
        for (size_t at = 0; at < small.pixels.size(); at += 3)
          pixels->insert(pixels->end(), {small.pixels[at + 2], small.pixels[at + 1], small.pixels[at], kOpaque});
      },
      [pixels](Napi::Env env) -> Napi::Value {
        Napi::Uint8Array array = Napi::Uint8Array::New(env, pixels->size());
        std::copy(pixels->begin(), pixels->end(), array.Data());
        return array;
      });
}

Napi::Value ToHalves(const Napi::CallbackInfo& info) {
  const auto numbers = Elements<float>(info[0], napi_float32_array, "numbers");
  Napi::Uint16Array halves = Napi::Uint16Array::New(info.Env(), numbers.size());
  std::transform(numbers.begin(), numbers.end(), halves.Data(), ToHalf);
  return halves;
}

Napi::Value FromHalves(const Napi::CallbackInfo& info) {
  const auto halves = Elements<uint16_t>(info[0], napi_uint16_array, "halves");
  Napi::Float32Array numbers = Napi::Float32Array::New(info.Env(), halves.size());
  std::transform(halves.begin(), halves.end(), numbers.Data(), FromHalf);
  return numbers;
}

}  // namespace

void ExportEmbedder(Napi::Env env, Napi::Object exports) {
  exports.Set("Embedder", EmbedderWrap::Define(env));
  exports.Set("onnxRuntime", Napi::Function::New(env, OnnxRuntime, "onnxRuntime"));
  exports.Set("thumbnail", Napi::Function::New(env, Thumbnail, "thumbnail"));
  exports.Set("toHalves", Napi::Function::New(env, ToHalves, "toHalves"));
  exports.Set("fromHalves", Napi::Function::New(env, FromHalves, "fromHalves"));
  exports.Set("similarity", Napi::Function::New(env, SimilarityOf, "similarity"));
  exports.Set("addToRows", Napi::Function::New(env, AddToRows, "addToRows"));
  exports.Set("similarities", Napi::Function::New(env, Similarities, "similarities"));
}

}  // namespace maskbench
