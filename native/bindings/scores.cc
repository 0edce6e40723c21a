#include "bindings/scores.h"

#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/environment.h"
#include "metrics/identification.h"
#include "metrics/score_set.h"

namespace maskbench {
namespace {

bool IsFloat32(const Napi::Value& value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_float32_array;
}

Napi::Object ToObject(Napi::Env env, const Rates& rates) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("threshold", rates.threshold);
  object.Set("fmr", rates.fmr);
  object.Set("fnmr", rates.fnmr);
  return object;
}

struct Loaded {
  std::unique_ptr<const ScoreSet> scores;
  std::optional<size_t> invalid;
};

template <typename Score>
void Load(std::span<const Score> scores, std::span<const uint8_t> labels, bool negate, Loaded& loaded) {
  std::vector<double> sides[2];
  const auto genuine = static_cast<size_t>(std::count(labels.begin(), labels.end(), 1));
  const auto impostor = static_cast<size_t>(std::count(labels.begin(), labels.end(), 0));
  sides[0].reserve(impostor);
  sides[1].reserve(genuine);
  for (size_t i = 0; i < scores.size(); ++i) {
    if (labels[i] > 1) continue;
    const auto score = static_cast<double>(scores[i]);
    if (!std::isfinite(score)) {
      loaded.invalid = i;
      return;
    }
    sides[labels[i]].push_back(negate ? -score : score);
  }
  loaded.scores = std::make_unique<const ScoreSet>(std::move(sides[1]), std::move(sides[0]),
                                                   double{std::numeric_limits<Score>::epsilon()});
}

class ScoreSetWrap : public Napi::ObjectWrap<ScoreSetWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "ScoreSet",
        {InstanceMethod<&ScoreSetWrap::Load>("load"), InstanceMethod<&ScoreSetWrap::Measure>("measure"),
         InstanceMethod<&ScoreSetWrap::Points>("curve"), InstanceMethod<&ScoreSetWrap::Histogram>("histogram"),
         InstanceMethod<&ScoreSetWrap::At>("at"), InstanceMethod<&ScoreSetWrap::AtFmr>("atFmr"),
         InstanceMethod<&ScoreSetWrap::AtFnmr>("atFnmr")});
  }
  explicit ScoreSetWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {}

 private:
  Napi::Value Load(const Napi::CallbackInfo& info) {
    const bool float32 = IsFloat32(info[0]);
    std::span<const float> singles;
    std::span<const double> doubles;
    if (float32)
      singles = Elements<float>(info[0], napi_float32_array, "scores");
    else
      doubles = Elements<double>(info[0], napi_float64_array, "scores");
    const auto labels = Elements<uint8_t>(info[1], napi_uint8_array, "labels");
    if (labels.size() != (float32 ? singles.size() : doubles.size()))
      Invalid(info.Env(), "labels", "one for each score");
    const bool negate = info[2].ToBoolean();
    const auto loaded = loaded_;
    return Compute(
        info.Env(), {},
        [=](const Cancellation&) {
          if (float32)
            maskbench::Load(singles, labels, negate, *loaded);
          else
            maskbench::Load(doubles, labels, negate, *loaded);
        },
        [loaded, scores = Hold(info[0]), kept = Hold(info[1])](Napi::Env env) -> Napi::Value {
          if (!loaded->invalid) return env.Undefined();
          return Napi::Number::New(env, static_cast<double>(*loaded->invalid));
        });
  }

  Napi::Value Measure(const Napi::CallbackInfo& info) {
    const auto measures = std::make_shared<Measures>();
    return Compute(
        info.Env(), {},
        [measures, loaded = Scores(info.Env())](const Cancellation&) { *measures = loaded->scores->Measure(); },
        [measures](Napi::Env env) {
          Napi::Object object = Napi::Object::New(env);
          object.Set("eerCrossing", measures->eer_crossing);
          object.Set("eerThreshold", measures->eer_threshold);
          object.Set("eerHull", measures->eer_hull);
          object.Set("auc", measures->auc);
          object.Set("dPrime", measures->d_prime ? Napi::Number::New(env, *measures->d_prime) : env.Null());
          object.Set("minCllr", measures->min_cllr);
          return object;
        });
  }

  Napi::Value Points(const Napi::CallbackInfo& info) {
    const auto curve = std::make_shared<Curve>();
    const auto most = static_cast<size_t>(info[0].ToNumber().Int64Value());
    return Compute(
        info.Env(), {},
        [curve, most, loaded = Scores(info.Env())](const Cancellation&) { *curve = loaded->scores->Points(most); },
        [curve](Napi::Env env) {
          Napi::Object object = Napi::Object::New(env);
          object.Set("thresholds", ToFloat64Array(env, curve->thresholds));
          object.Set("fmr", ToFloat64Array(env, curve->fmr));
          object.Set("fnmr", ToFloat64Array(env, curve->fnmr));
          return object;
        });
  }

  Napi::Value Histogram(const Napi::CallbackInfo& info) {
    struct Bins {
      std::vector<double> genuine, impostor;
    };
    const auto size = static_cast<size_t>(info[0].ToNumber().Int64Value());
    const auto bins = std::make_shared<Bins>(Bins{std::vector<double>(size), std::vector<double>(size)});
    const auto loaded = Scores(info.Env());
    return Compute(
        info.Env(), {},
        [bins, loaded](const Cancellation&) { loaded->scores->Histogram(bins->genuine, bins->impostor); },
        [bins, loaded](Napi::Env env) {
          Napi::Object object = Napi::Object::New(env);
          object.Set("low", loaded->scores->lowest());
          object.Set("high", loaded->scores->highest());
          object.Set("genuine", ToFloat64Array(env, bins->genuine));
          object.Set("impostor", ToFloat64Array(env, bins->impostor));
          return object;
        });
  }

  Napi::Value At(const Napi::CallbackInfo& info) {
    return ToObject(info.Env(), Scores(info.Env())->scores->At(info[0].ToNumber(), info[1].ToBoolean()));
  }
  Napi::Value AtFmr(const Napi::CallbackInfo& info) {
    return ToObject(info.Env(), Scores(info.Env())->scores->AtFmr(info[0].ToNumber()));
  }
  Napi::Value AtFnmr(const Napi::CallbackInfo& info) {
    return ToObject(info.Env(), Scores(info.Env())->scores->AtFnmr(info[0].ToNumber()));
  }

  std::shared_ptr<Loaded> Scores(Napi::Env env) const {
    if (!loaded_->scores) Invalid(env, "scores", "to be loaded first");
    return loaded_;
  }

  const std::shared_ptr<Loaded> loaded_ = std::make_shared<Loaded>();
};

class BootstrapWrap : public Napi::ObjectWrap<BootstrapWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Bootstrap", {InstanceMethod<&BootstrapWrap::Draw>("draw")});
  }

  explicit BootstrapWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const Napi::Object object = Object(info[0], "comparisons");
    const Comparisons comparisons{Elements<double>(object.Get("scores"), napi_float64_array, "scores"),
                                  Elements<uint8_t>(object.Get("labels"), napi_uint8_array, "labels"),
                                  Elements<int32_t>(object.Get("first"), napi_int32_array, "first"),
                                  Elements<int32_t>(object.Get("second"), napi_int32_array, "second"),
                                  Integer(object, "identities")};
    const size_t size = comparisons.scores.size();
    if (comparisons.labels.size() != size || comparisons.first.size() != size || comparisons.second.size() != size)
      Invalid(info.Env(), "comparisons", "arrays of one length");
    for (const auto& side : {comparisons.first, comparisons.second})
      for (const int32_t identity : side)
        if (identity < 0 || identity >= std::max(1, comparisons.identities))
          Invalid(info.Env(), "first, second", "numbers below identities");
    const auto fmr = Elements<double>(object.Get("fmr"), napi_float64_array, "fmr");
    const auto thresholds = Elements<double>(object.Get("thresholds"), napi_float64_array, "thresholds");
    // Sorted by the first draw, on its thread.
    made_ = std::make_shared<Made>(comparisons,
                                   BootstrapTargets{{fmr.begin(), fmr.end()}, {thresholds.begin(), thresholds.end()}},
                                   static_cast<uint64_t>(Number(object, "seed")));
    comparisons_ = Napi::Persistent(object);
  }

 private:
  Napi::Value Draw(const Napi::CallbackInfo& info) {
    const auto from = static_cast<uint64_t>(info[0].ToNumber().Int64Value());
    const auto count = static_cast<size_t>(info[1].ToNumber().Int64Value());
    const auto values = std::make_shared<std::vector<double>>(count * made_->targets.values());
    return Compute(
        info.Env(), CancellationWrap::Of(info[2]),
        [=, made = made_](const Cancellation& cancellation) {
          const Bootstrap& bootstrap = made->Get();
          const size_t width = made->targets.values();
          for (size_t k = 0; k < count; ++k) {
            cancellation.ThrowIfCancelled();
            bootstrap.Draw(from + k, std::span(*values).subspan(k * width, width));
          }
        },
        [values, kept = Hold(info.This())](Napi::Env env) { return ToFloat64Array(env, *values); });
  }

  struct Made {
    Made(const Comparisons& given, BootstrapTargets wanted, uint64_t seed_given)
        : comparisons(given), targets(std::move(wanted)), seed(seed_given) {}
    const Bootstrap& Get() {
      std::call_once(once, [this] { bootstrap = std::make_unique<const Bootstrap>(comparisons, targets, seed); });
      return *bootstrap;
    }

    const Comparisons comparisons;
    const BootstrapTargets targets;
    const uint64_t seed;
    std::once_flag once;
    std::unique_ptr<const Bootstrap> bootstrap;
  };

  std::shared_ptr<Made> made_;
  // The arrays that `made_` reads where they lie.
  Napi::ObjectReference comparisons_;
};

Napi::Value IdentifyAll(const Napi::CallbackInfo& info) {
  const bool float32 = IsFloat32(info[0]);
  std::span<const float> singles;
  std::span<const double> doubles;
  if (float32)
    singles = Elements<float>(info[0], napi_float32_array, "matrix");
  else
    doubles = Elements<double>(info[0], napi_float64_array, "matrix");
  const auto probes = Elements<int32_t>(info[1], napi_int32_array, "probes");
  const auto gallery = Elements<int32_t>(info[2], napi_int32_array, "gallery");
  const int identities = info[3].ToNumber();
  if ((float32 ? singles.size() : doubles.size()) != probes.size() * gallery.size())
    Invalid(info.Env(), "matrix", "probes x gallery scores");
  for (const auto& side : {probes, gallery})
    for (const int32_t identity : side)
      if (identity >= identities) Invalid(info.Env(), "identities", "more than every number of one");
  for (const int32_t identity : probes)
    if (identity < 0) Invalid(info.Env(), "probes", "identities");
  const auto searches = std::make_shared<Searches>();
  return Compute(
      info.Env(), {},
      [=](const Cancellation&) {
        *searches =
            float32 ? Identify(singles, probes, gallery, identities) : Identify(doubles, probes, gallery, identities);
      },
      [searches, matrix = Hold(info[0]), rows = Hold(info[1]), columns = Hold(info[2])](Napi::Env env) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("mate", ToFloat64Array(env, searches->mate));
        object.Set("above", ToFloat64Array(env, searches->above));
        object.Set("best", ToFloat64Array(env, searches->best));
        return object;
      });
}

}  // namespace

void ExportScores(Napi::Env env, Napi::Object exports) {
  exports.Set("ScoreSet", ScoreSetWrap::Define(env));
  exports.Set("Bootstrap", BootstrapWrap::Define(env));
  exports.Set("identify", Napi::Function::New(env, IdentifyAll, "identify"));
}

}  // namespace maskbench
