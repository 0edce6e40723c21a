#include "bindings/all_pairs.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "all_pairs/run.h"
#include "bindings/arguments.h"
#include "bindings/device.h"
#include "bindings/environment.h"

namespace maskbench {
namespace {

class PackedWrap : public Napi::ObjectWrap<PackedWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "PackedVectors",
        {InstanceMethod<&PackedWrap::Set>("set"), InstanceAccessor<&PackedWrap::GreatestSquare>("greatestSquare")});
  }

  explicit PackedWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const auto identities = Elements<int32_t>(info[0], napi_int32_array, "identities");
    const auto sources = Elements<int32_t>(info[1], napi_int32_array, "sources");
    const auto dimensions = static_cast<size_t>(info[2].ToNumber().Int64Value());
    const std::string name = info[3].ToString();
    if (identities.size() != sources.size() || !std::ranges::is_sorted(identities) ||
        (!identities.empty() && identities.front() < 0))
      Invalid(info.Env(), "identities", "numbers from 0, ascending, one a source");
    metric = name == "l2" ? Metric::kL2 : name == "inverse-l2" ? Metric::kInverseL2 : Metric::kCosine;
    vectors = std::make_shared<PackedVectors>(std::vector(identities.begin(), identities.end()),
                                              std::vector(sources.begin(), sources.end()), dimensions);
  }

  std::shared_ptr<PackedVectors> vectors;
  Metric metric;

 private:
  Napi::Value Set(const Napi::CallbackInfo& info) {
    const auto data = Elements<float>(info[0], napi_float32_array, "vectors");
    const auto rows = Elements<int32_t>(info[1], napi_int32_array, "rows");
    const size_t dimensions = vectors->dimensions();
    if (data.size() != rows.size() * dimensions) Invalid(info.Env(), "vectors", "dimensions numbers a row");
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] < 0) continue;
      if (static_cast<size_t>(rows[i]) >= vectors->size()) Invalid(info.Env(), "rows", "places");
      if (!vectors->Set(static_cast<size_t>(rows[i]), data.subspan(i * dimensions, dimensions), metric))
        return Napi::Number::New(info.Env(), static_cast<double>(i));
    }
    return Napi::Number::New(info.Env(), -1);
  }

  Napi::Value GreatestSquare(const Napi::CallbackInfo& info) {
    float greatest = 0;
    for (size_t row = 0; row < vectors->size(); ++row) greatest = std::max(greatest, vectors->square(row));
    return Napi::Number::New(info.Env(), greatest);
  }
};

AllPairsOptions ParseOptions(const Napi::Object& object, Metric metric, const PairSides& sides) {
  const Napi::Env env = object.Env();
  const PackedVectors& probes = *sides.probes;
  const PackedVectors& references = sides.references ? *sides.references : probes;
  AllPairsOptions options;
  options.metric = metric;
  options.bins = static_cast<size_t>(std::max(1, Integer(object, "bins")));
  options.low = static_cast<float>(Number(object, "low"));
  options.high = static_cast<float>(Number(object, "high"));
  const std::string same = String(object, "sameSource");
  options.same_source = same == "include" ? SameSource::kInclude
                        : same == "only"  ? SameSource::kOnly
                                          : SameSource::kExclude;
  options.top = static_cast<size_t>(std::max(0, Integer(object, "top")));
  if (Has(object, "tail")) {
    const Napi::Object tail = Object(object.Get("tail"), "tail");
    options.tail_bin = static_cast<size_t>(std::max(0, Integer(tail, "bin")));
    options.tail_width = static_cast<size_t>(std::max(1, Integer(tail, "width")));
  }
  options.identities = Integer(object, "identities");
  for (const PackedVectors* side : {&probes, &references})
    if (side->size() > 0 && side->identity(side->size() - 1) >= options.identities)
      Invalid(env, "identities", "numbers below the number of them");
  options.near_only = Boolean(object, "nearOnly");
  const auto excluded = Elements<int32_t>(object.Get("excluded"), napi_int32_array, "excluded");
  for (size_t i = 0; i + 1 < excluded.size(); i += 2) {
    const PairOfRows pair{excluded[i], excluded[i + 1]};
    if (pair.probe < 0 || static_cast<size_t>(pair.probe) >= probes.size() || pair.reference < 0 ||
        static_cast<size_t>(pair.reference) >= references.size())
      Invalid(env, "excluded", "pairs of rows");
    options.excluded.push_back(pair);
  }
  if (Has(object, "mates")) {
    const auto mates = Elements<float>(object.Get("mates"), napi_float32_array, "mates");
    if (mates.size() != probes.size()) Invalid(env, "mates", "a score a probe");
    options.mates.assign(mates.begin(), mates.end());
  }
  return options;
}

Napi::Object CountsObject(Napi::Env env, const PairCounts& counts) {
  Napi::Object object = Napi::Object::New(env);
  Napi::Float64Array impostor = Napi::Float64Array::New(env, counts.impostor.size());
  std::ranges::transform(counts.impostor, impostor.Data(), [](uint64_t count) { return static_cast<double>(count); });
  object.Set("impostor", impostor);
  object.Set("impostors", static_cast<double>(counts.impostors));
  object.Set("sameSource", static_cast<double>(counts.same_source));
  const size_t size = counts.genuine.size();
  Napi::Float32Array scores = Napi::Float32Array::New(env, size);
  Napi::Int32Array probes = Napi::Int32Array::New(env, size);
  Napi::Int32Array references = Napi::Int32Array::New(env, size);
  for (size_t i = 0; i < size; ++i) {
    scores.Data()[i] = counts.genuine[i].score;
    probes.Data()[i] = counts.genuine[i].rows.probe;
    references.Data()[i] = counts.genuine[i].rows.reference;
  }
  Napi::Object genuine = Napi::Object::New(env);
  genuine.Set("scores", scores);
  genuine.Set("probes", probes);
  genuine.Set("references", references);
  object.Set("genuine", genuine);
  Napi::Uint32Array tail = Napi::Uint32Array::New(env, counts.tail.size());
  std::ranges::copy(counts.tail, tail.Data());
  object.Set("tail", tail);
  Napi::Uint32Array above = Napi::Uint32Array::New(env, counts.above.size());
  std::ranges::copy(counts.above, above.Data());
  object.Set("above", above);
  Napi::Float32Array best_scores = Napi::Float32Array::New(env, counts.best.size());
  Napi::Int32Array best_rows = Napi::Int32Array::New(env, counts.best.size());
  for (size_t i = 0; i < counts.best.size(); ++i) {
    best_scores.Data()[i] = counts.best[i].score;
    best_rows.Data()[i] = counts.best[i].row;
  }
  Napi::Object best = Napi::Object::New(env);
  best.Set("scores", best_scores);
  best.Set("rows", best_rows);
  object.Set("best", best);
  return object;
}

// Runs on the run's own threads.
class RunTask : public Task {
 public:
  RunTask(Napi::Env env, std::shared_ptr<PairRun> run, const Cancellation& cancellation)
      : Task(env, cancellation), run_(std::move(run)) {}

  void Run(const std::function<void()>& finished) override {
    run_->Start(cancellation(), [this, finished](const std::exception_ptr& error) {
      error_ = error;
      finished();
    });
  }

 protected:
  Napi::Value Result(Napi::Env env) override { return CountsObject(env, run_->sum()); }

 private:
  const std::shared_ptr<PairRun> run_;
};

class AllPairsWrap : public Napi::ObjectWrap<AllPairsWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "AllPairs",
        {InstanceMethod<&AllPairsWrap::Count>("count"), InstanceAccessor<&AllPairsWrap::Strips>("strips"),
         InstanceAccessor<&AllPairsWrap::Done>("done"),
         InstanceAccessor<&AllPairsWrap::DeviceProblem>("deviceProblem")});
  }

  explicit AllPairsWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const PackedWrap* probes = PackedWrap::Unwrap(Object(info[0], "probes"));
    PairSides sides{probes->vectors, nullptr};
    if (info[1].IsObject()) sides.references = PackedWrap::Unwrap(Object(info[1], "references"))->vectors;
    if (sides.references && sides.probes->dimensions() != sides.references->dimensions())
      Invalid(info.Env(), "references", "vectors as long as the probes");
    const Napi::Object object = Object(info[2], "options");
    AllPairsOptions options = ParseOptions(object, probes->metric, sides);
    const Napi::Object shard = Object(object.Get("shard"), "shard");
    const Shard part{static_cast<size_t>(Integer(shard, "index")),
                     static_cast<size_t>(std::max(1, Integer(shard, "count")))};
    device_ = ParseDevice(object);
    run_ = std::make_shared<PairRun>(std::move(sides), std::move(options), part,
                                     std::max(1, Integer(object, "concurrency")), device_);
    queue_ = std::make_shared<WorkQueue>(1);
  }

 private:
  Napi::Value Strips(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(run_->strips()));
  }
  Napi::Value Done(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(run_->done()));
  }
  Napi::Value DeviceProblem(const Napi::CallbackInfo& info) { return DeviceProblemValue(info.Env(), device_); }

  Napi::Value Count(const Napi::CallbackInfo& info) {
    if (std::exchange(started_, true)) Invalid(info.Env(), "count", "to be called once");
    return Environment::Of(info.Env())
        .Start(std::make_unique<RunTask>(info.Env(), run_, CancellationWrap::Of(info[0])), *queue_);
  }

  std::shared_ptr<device::Handle> device_;
  std::shared_ptr<PairRun> run_;
  std::shared_ptr<WorkQueue> queue_;
  bool started_ = false;
};

Napi::Value BinsOf(const Napi::CallbackInfo& info) {
  const auto scores = Elements<float>(info[0], napi_float32_array, "scores");
  AllPairsOptions options;
  options.low = info[1].ToNumber().FloatValue();
  options.high = info[2].ToNumber().FloatValue();
  options.bins = info[3].ToNumber().Uint32Value();
  Napi::Int32Array bins = Napi::Int32Array::New(info.Env(), scores.size());
  std::ranges::transform(scores, bins.Data(), options.binning());
  return bins;
}

}  // namespace

void ExportAllPairs(Napi::Env env, Napi::Object exports) {
  exports.Set("binsOf", Napi::Function::New(env, BinsOf, "binsOf"));
  exports.Set("PackedVectors", PackedWrap::Define(env));
  exports.Set("AllPairs", AllPairsWrap::Define(env));
}

}  // namespace maskbench
