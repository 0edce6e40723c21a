#include "bindings/adapt.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapt/ridge.h"
#include "adapt/trainer.h"
#include "bindings/arguments.h"
#include "bindings/environment.h"
#include "inference/session.h"

namespace maskbench {
namespace {

// Arrays that are read where they lie.
using Held = std::vector<std::shared_ptr<Napi::ObjectReference>>;

Vectors ParseVectors(const Napi::Value& value, size_t dimensions, const char* name) {
  const auto numbers = Elements<float>(value, napi_float32_array, name);
  if (dimensions == 0 || numbers.size() % dimensions != 0) Invalid(value.Env(), name, "dimensions numbers a row");
  return {numbers, dimensions};
}

std::span<const int32_t> ParseRows(const Napi::Value& value, size_t below, const char* name) {
  const auto rows = Elements<int32_t>(value, napi_int32_array, name);
  for (const int32_t row : rows)
    if (row < 0 || static_cast<size_t>(row) >= below) Invalid(value.Env(), name, "rows");
  return rows;
}

AdaptCorpus ParseCorpus(const Napi::Object& object, Held& held) {
  const Napi::Env env = object.Env();
  const auto dimensions = static_cast<size_t>(std::max(0, Integer(object, "dimensions")));
  AdaptCorpus corpus;
  corpus.plain = ParseVectors(object.Get("plain"), dimensions, "plain");
  corpus.masked = ParseVectors(object.Get("masked"), dimensions, "masked");
  corpus.identities = Elements<int32_t>(object.Get("identities"), napi_int32_array, "identities");
  corpus.twins = ParseRows(object.Get("twins"), corpus.identities.size(), "twins");
  corpus.styles = Elements<int32_t>(object.Get("styles"), napi_int32_array, "styles");
  corpus.rows = ParseRows(object.Get("rows"), corpus.twins.size(), "rows");
  corpus.by_angle = Boolean(object, "byAngle");
  if (corpus.identities.size() * dimensions != corpus.plain.numbers.size() ||
      corpus.twins.size() * dimensions != corpus.masked.numbers.size() || corpus.styles.size() != corpus.twins.size())
    Invalid(env, "identities, twins, styles", "one a vector");
  const auto shown = [&](int32_t row) { return corpus.identities[corpus.twin(row)]; };
  if (std::ranges::all_of(corpus.rows, [&](int32_t row) { return shown(row) == shown(corpus.rows.front()); }))
    Invalid(env, "rows", "vectors of two people");
  for (const char* name : {"plain", "masked", "twins", "identities", "styles", "rows"})
    held.push_back(Hold(object.Get(name)));
  return corpus;
}

TrainerOptions ParseOptions(const Napi::Object& object, const AdaptCorpus& corpus) {
  TrainerOptions options;
  options.loss.kind = String(object, "loss") == "infonce" ? LossKind::kInfoNce : LossKind::kSelfRestrainedTriplet;
  options.loss.margin = Number(object, "margin");
  options.loss.temperature = Number(object, "temperature");
  options.residual = Boolean(object, "residual");
  options.batch = static_cast<size_t>(std::max(0, Integer(object, "batch")));
  if (options.batch < 2 || options.batch > corpus.rows.size()) Invalid(object.Env(), "batch", "2 rows or more");
  options.seed = static_cast<uint64_t>(Number(object, "seed"));
  options.threads = std::max(1, Integer(object, "concurrency"));
  return options;
}

Napi::Float32Array ToFloat32Array(Napi::Env env, const std::vector<float>& values) {
  Napi::Float32Array array = Napi::Float32Array::New(env, values.size());
  std::ranges::copy(values, array.Data());
  return array;
}

Napi::Object ToObject(Napi::Env env, const DenseLayer& layer) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("weights", ToFloat32Array(env, layer.weights));
  object.Set("bias", ToFloat32Array(env, layer.bias));
  return object;
}

Napi::Object ToObject(Napi::Env env, const Head& head) {
  Napi::Array stages = Napi::Array::New(env);
  for (const Stage& each : head.stages) {
    Napi::Array layers = Napi::Array::New(env);
    for (const DenseLayer& layer : each.layers) layers.Set(layers.Length(), ToObject(env, layer));
    Napi::Object stage = Napi::Object::New(env);
    stage.Set("residual", each.residual);
    stage.Set("layers", layers);
    if (!each.gate.bias.empty()) stage.Set("gate", ToObject(env, each.gate));
    stages.Set(stages.Length(), stage);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("stages", stages);
  object.Set("length", head.length);
  return object;
}

DenseLayer ParseLayer(const Napi::Value& value, size_t inputs, size_t outputs) {
  const Napi::Object layer = Object(value, "layers");
  const auto weights = Elements<float>(layer.Get("weights"), napi_float32_array, "weights");
  const auto bias = Elements<float>(layer.Get("bias"), napi_float32_array, "bias");
  if (bias.size() != outputs || weights.size() != inputs * outputs)
    Invalid(value.Env(), "layers", "as wide as the vectors");
  return {{weights.begin(), weights.end()}, {bias.begin(), bias.end()}};
}

Head ParseHead(const Napi::Object& object, size_t dimensions) {
  Head head{{}, Number(object, "length")};
  const auto stages = Object(object.Get("stages"), "stages").As<Napi::Array>();
  for (uint32_t i = 0; i < stages.Length(); ++i) {
    const Napi::Object given = Object(stages.Get(i), "stages");
    Stage stage{Boolean(given, "residual"), {}, {}};
    const auto layers = Object(given.Get("layers"), "layers").As<Napi::Array>();
    for (uint32_t j = 0; j < layers.Length(); ++j)
      stage.layers.push_back(ParseLayer(layers.Get(j), dimensions, dimensions));
    if (Has(given, "gate")) stage.gate = ParseLayer(given.Get("gate"), dimensions, stage.layers.size());
    head.stages.push_back(std::move(stage));
  }
  return head;
}

class TrainerWrap : public Napi::ObjectWrap<TrainerWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "AdapterTrainer",
                       {InstanceMethod<&TrainerWrap::Train>("train"), InstanceMethod<&TrainerWrap::ToHead>("head")});
  }

  explicit TrainerWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const auto held = std::make_shared<Held>();
    const AdaptCorpus corpus = ParseCorpus(Object(info[0], "corpus"), *held);
    const TrainerOptions options = ParseOptions(Object(info[1], "options"), corpus);
    held_ = held;
    trainer_ = std::make_shared<Trainer>(corpus, options);
  }

 private:
  Napi::Value Train(const Napi::CallbackInfo& info) {
    CheckIdle(info.Env());
    const auto updates = static_cast<size_t>(info[0].ToNumber().Int64Value());
    const double rate = info[1].ToNumber();
    *busy_ = true;
    return Compute(
        info.Env(), CancellationWrap::Of(info[2]),
        [trainer = trainer_, updates, rate](const Cancellation& cancellation) {
          trainer->Train(updates, rate, cancellation);
        },
        [busy = busy_, held = held_](Napi::Env env) {
          *busy = false;
          return env.Undefined();
        });
  }

  Napi::Value ToHead(const Napi::CallbackInfo& info) {
    CheckIdle(info.Env());
    return ToObject(info.Env(), trainer_->ToHead());
  }

  void CheckIdle(Napi::Env env) const {
    if (*busy_) Invalid(env, "trainer", "one that is not training");
  }

  std::shared_ptr<Held> held_;
  std::shared_ptr<Trainer> trainer_;
  // Touched on the environment's thread only.
  std::shared_ptr<bool> busy_ = std::make_shared<bool>(false);
};

Napi::Value Ridge(const Napi::CallbackInfo& info) {
  const auto held = std::make_shared<Held>();
  const AdaptCorpus corpus = ParseCorpus(Object(info[0], "corpus"), *held);
  const auto penalties = Elements<double>(info[1], napi_float64_array, "penalties");
  const int threads = std::max(1, info[2].ToNumber().Int32Value());
  const auto heads = std::make_shared<std::vector<Head>>();
  return Compute(
      info.Env(), CancellationWrap::Of(info[3]),
      [=, given = std::vector(penalties.begin(), penalties.end())](const Cancellation& cancellation) {
        *heads = SolveRidge(corpus, given, threads, cancellation);
      },
      [heads, held](Napi::Env env) {
        Napi::Array array = Napi::Array::New(env);
        for (const Head& head : *heads) array.Set(array.Length(), ToObject(env, head));
        return array;
      });
}

Napi::Value ApplyHead(const Napi::CallbackInfo& info) {
  const Napi::Object given = Object(info[0], "head");
  const auto dimensions = static_cast<size_t>(info[2].ToNumber().Int64Value());
  const Vectors vectors = ParseVectors(info[1], dimensions, "vectors");
  const auto rows = ParseRows(info[3], vectors.numbers.size() / dimensions, "rows");
  const int threads = std::max(1, info[4].ToNumber().Int32Value());
  const auto corrected = std::make_shared<std::vector<float>>();
  return Compute(
      info.Env(), {},
      [=, head = ParseHead(given, dimensions)](const Cancellation&) {
        *corrected = Apply(head, vectors, rows, threads);
      },
      [corrected, a = Hold(info[1]), b = Hold(info[3])](Napi::Env env) { return ToFloat32Array(env, *corrected); });
}

Napi::Value FirstUnusable(const Napi::CallbackInfo& info) {
  const Vectors vectors = ParseVectors(info[0], static_cast<size_t>(info[1].ToNumber().Int64Value()), "vectors");
  for (size_t row = 0; row < vectors.numbers.size() / vectors.dimensions; ++row) {
    const auto numbers = vectors.row(row);
    const bool finite = std::ranges::all_of(numbers, [](float number) { return std::isfinite(number); });
    if (!finite || std::ranges::all_of(numbers, [](float number) { return number == 0; }))
      return Napi::Number::New(info.Env(), static_cast<double>(row));
  }
  return Napi::Number::New(info.Env(), -1);
}

// A head that was written as an ONNX file.
class AdapterWrap : public Napi::ObjectWrap<AdapterWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Adapter",
                       {InstanceMethod<&AdapterWrap::Load>("load"), InstanceMethod<&AdapterWrap::Correct>("correct")});
  }

  explicit AdapterWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const Napi::Object options = Object(info[0], "options");
    session_options_ = {Path(options, "library"), Path(options, "model")};
    threads_ = std::max(1, Integer(options, "concurrency"));
    queue_ = std::make_shared<WorkQueue>(threads_);
  }

 private:
  Napi::Value Load(const Napi::CallbackInfo& info) {
    return Environment::Of(info.Env())
        .Start(std::make_unique<FunctionTask>(
                   info.Env(), Cancellation(),
                   [session = session_, options = session_options_](const Cancellation&) {
                     *session = Session::Open(options);
                   },
                   [](Napi::Env env) { return env.Undefined(); }),
               *queue_);
  }

  Napi::Value Correct(const Napi::CallbackInfo& info) {
    if (!*session_) Invalid(info.Env(), "adapter", "one that is loaded");
    const auto given = Elements<float>(info[0], napi_float32_array, "vector");
    const auto vector = std::make_shared<std::vector<float>>(given.begin(), given.end());
    const auto corrected = std::make_shared<std::vector<float>>();
    return Environment::Of(info.Env())
        .Start(std::make_unique<FunctionTask>(
                   info.Env(), Cancellation(),
                   [session = *session_, vector, corrected](const Cancellation&) {
                     const std::array<int64_t, 2> shape{1, static_cast<int64_t>(vector->size())};
                     *corrected = std::move(
                         session->Run(*vector, -1, shape, std::span(session->outputs()).first(1)).front().numbers);
                   },
                   [corrected](Napi::Env env) { return ToFloat32Array(env, *corrected); }),
               *queue_);
  }

  SessionOptions session_options_;
  int threads_ = 1;
  std::shared_ptr<WorkQueue> queue_;
  std::shared_ptr<std::shared_ptr<const Session>> session_ = std::make_shared<std::shared_ptr<const Session>>();
};

}  // namespace

void ExportAdapt(Napi::Env env, Napi::Object exports) {
  exports.Set("AdapterTrainer", TrainerWrap::Define(env));
  exports.Set("Adapter", AdapterWrap::Define(env));
  exports.Set("solveRidge", Napi::Function::New(env, Ridge, "solveRidge"));
  exports.Set("firstUnusable", Napi::Function::New(env, FirstUnusable, "firstUnusable"));
  exports.Set("applyHead", Napi::Function::New(env, ApplyHead, "applyHead"));
}

}  // namespace maskbench
