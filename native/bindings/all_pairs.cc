#include "bindings/all_pairs.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/device.h"
#include "bindings/environment.h"
#include "all_pairs/count_on_device.h"
#include "all_pairs/all_pairs.h"

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
    metric = name == "l2" ? Metric::kL2 : name == "inv-l2" ? Metric::kInverseL2 : Metric::kCosine;
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

// Counts of some strips.
struct Part {
  std::unique_ptr<PairCounts> counts;
  std::vector<size_t> strips;
};

// What the threads of one count share.
struct Job {
  std::shared_ptr<PackedVectors> probes, references;
  std::unique_ptr<const AllPairs> pairs;
  AllPairsOptions options;
  bool within;
  size_t shard, shards;
  std::atomic<size_t> next = 0;
  std::atomic<size_t> done = 0;
  std::mutex mutex;
  // Those that no thread is adding to.
  std::vector<Part> parts;
  std::shared_ptr<device::Handle> device;
  // The device is left alone: it is lost, or hands back so many pairs that the CPU is as fast.
  std::atomic<bool> on_cpu = false;

  size_t strips() const { return (pairs->strips() + shards - 1 - shard) / shards; }
  std::unique_ptr<PairCounts> NewCounts() const {
    return std::make_unique<PairCounts>(options, probes->size(), within ? 0 : references->size());
  }
  Part TakePart() {
    const std::lock_guard lock(mutex);
    if (parts.empty()) return {NewCounts(), {}};
    Part part = std::move(parts.back());
    parts.pop_back();
    return part;
  }
  void GiveBack(Part part) {
    const std::lock_guard lock(mutex);
    parts.push_back(std::move(part));
  }

  void CountOnCpu(size_t strip) {
    Part part = TakePart();
    pairs->Count(strip, *part.counts);
    part.strips.push_back(strip);
    GiveBack(std::move(part));
  }
  // Returns false where the CPU must count it. A part is taken only once a stream is free: few parts, whose limits rise
  // soon, keep most pairs on the device.
  bool CountOnDevice(size_t strip) {
    if (device == nullptr || on_cpu) return false;
    Part part;
    size_t kept = 0;
    uint64_t compared = 0;
    const bool counted = device->Lend([&](device::Stream& stream) {
      part = TakePart();
      const uint64_t before = part.counts->impostors;
      kept = CountPairs(stream.Get<PairScorer>(), *pairs, strip, *part.counts);
      compared = part.counts->impostors - before;
    });
    if (counted) {
      // The first strip of a part is where its limits begin to rise.
      constexpr uint64_t kOneInSoMany = 16;
      if (!part.strips.empty() && kept * kOneInSoMany > compared) on_cpu = true;
      part.strips.push_back(strip);
    } else {
      on_cpu = true;
      if (!part.counts) return false;
      // Some of the strip may have been counted when the device was lost: once more, all that was in this part.
      part.counts = NewCounts();
      part.strips.push_back(strip);
      for (const size_t again : part.strips) pairs->Count(again, *part.counts);
    }
    GiveBack(std::move(part));
    return true;
  }
};

class AllPairsWrap : public Napi::ObjectWrap<AllPairsWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "AllPairs",
        {InstanceMethod<&AllPairsWrap::Count>("count"), InstanceMethod<&AllPairsWrap::Result>("result"),
         InstanceAccessor<&AllPairsWrap::Strips>("strips"), InstanceAccessor<&AllPairsWrap::Done>("done"),
         InstanceAccessor<&AllPairsWrap::DeviceProblem>("deviceProblem")});
  }

  explicit AllPairsWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const PackedWrap* probes = PackedWrap::Unwrap(Object(info[0], "probes"));
    job_->within = !info[1].IsObject();
    const PackedWrap* references = job_->within ? probes : PackedWrap::Unwrap(Object(info[1], "references"));
    const Napi::Object object = Object(info[2], "options");
    job_->probes = probes->vectors;
    job_->references = references->vectors;
    if (job_->probes->dimensions() != job_->references->dimensions())
      Invalid(info.Env(), "references", "vectors as long as the probes");
    AllPairsOptions& options = job_->options;
    options.metric = probes->metric;
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
    for (const auto& side : {job_->probes, job_->references})
      if (side->size() > 0 && side->identity(side->size() - 1) >= options.identities)
        Invalid(info.Env(), "identities", "numbers below the number of them");
    options.near_only = Boolean(object, "nearOnly");
    const auto excluded = Elements<int32_t>(object.Get("excluded"), napi_int32_array, "excluded");
    for (size_t i = 0; i + 1 < excluded.size(); i += 2) {
      const PairOfRows pair{excluded[i], excluded[i + 1]};
      if (pair.probe < 0 || static_cast<size_t>(pair.probe) >= job_->probes->size() || pair.reference < 0 ||
          static_cast<size_t>(pair.reference) >= job_->references->size())
        Invalid(info.Env(), "excluded", "pairs of rows");
      options.excluded.push_back(pair);
    }
    if (Has(object, "mates")) {
      const auto mates = Elements<float>(object.Get("mates"), napi_float32_array, "mates");
      if (mates.size() != job_->probes->size()) Invalid(info.Env(), "mates", "a score a probe");
      options.mates.assign(mates.begin(), mates.end());
    }
    const Napi::Object shard = Object(object.Get("shard"), "shard");
    job_->shard = static_cast<size_t>(Integer(shard, "index"));
    job_->shards = static_cast<size_t>(std::max(1, Integer(shard, "count")));
    job_->device = ParseDevice(object);
    job_->pairs = std::make_unique<const AllPairs>(*job_->probes, *job_->references, job_->within, options);
  }

 private:
  Napi::Value Strips(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(job_->strips()));
  }
  Napi::Value Done(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(job_->done.load()));
  }

  Napi::Value DeviceProblem(const Napi::CallbackInfo& info) { return DeviceProblemValue(info.Env(), job_->device); }

  Napi::Value Count(const Napi::CallbackInfo& info) {
    return Compute(
        info.Env(), CancellationWrap::Of(info[0]),
        [job = job_](const Cancellation& cancellation) {
          for (size_t i = job->next++; i < job->strips(); i = job->next++) {
            cancellation.ThrowIfCancelled();
            const size_t strip = i * job->shards + job->shard;
            if (!job->CountOnDevice(strip)) job->CountOnCpu(strip);
            ++job->done;
          }
        },
        [](Napi::Env env) { return env.Undefined(); });
  }

  Napi::Value Result(const Napi::CallbackInfo& info) {
    const auto merged = std::make_shared<std::unique_ptr<PairCounts>>();
    return Compute(
        info.Env(), {},
        [job = job_, merged](const Cancellation&) {
          auto sum = job->TakePart().counts;
          for (const Part& part : job->parts) job->pairs->Merge(*sum, *part.counts);
          job->parts.clear();
          std::ranges::sort(sum->genuine, {}, [](const PairCounts::Genuine& pair) {
            return std::tuple(pair.rows.probe, pair.rows.reference);
          });
          *merged = std::move(sum);
        },
        [merged](Napi::Env env) { return ToObject(env, **merged); });
  }

  static Napi::Value ToObject(Napi::Env env, const PairCounts& counts) {
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

  const std::shared_ptr<Job> job_ = std::make_shared<Job>();
};

}  // namespace

void ExportAllPairs(Napi::Env env, Napi::Object exports) {
  exports.Set("PackedVectors", PackedWrap::Define(env));
  exports.Set("AllPairs", AllPairsWrap::Define(env));
}

}  // namespace maskbench
