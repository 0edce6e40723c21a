#include "embed/embedder.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "embed/tensor_maker.h"
#include "runtime/error.h"
#include "runtime/naming.h"
#include "runtime/thread_pool.h"

namespace maskbench {

namespace {

// The shape of a batch.
std::array<int64_t, 4> ShapeOf(const ModelInput& input, size_t count) {
  const auto images = static_cast<int64_t>(count);
  if (input.channels_first) return {images, 3, input.height, input.width};
  return {images, input.height, input.width, 3};
}

// A face that was given must be one of the image's: anything can be cut out of nothing.
void CheckPlace(const ModelInput& input, const Image& image, const Face& face) {
  const auto check = [&](const std::string& what, const Box& box) {
    if (box.right < 0 || box.bottom < 0 || box.left >= image.width || box.top >= image.height)
      throw Error(ErrorCode::kInvalidArgument, "",
                  what + " outside the image, which has " + std::to_string(image.width) + "x" +
                      std::to_string(image.height) + " pixels");
  };
  check("the given face's box lies", face.box);
  if (input.cut == Cut::kBox) return;
  const auto [left, right] = std::ranges::minmax(face.landmarks, {}, &Point::x);
  const auto [top, bottom] = std::ranges::minmax(face.landmarks, {}, &Point::y);
  check("the given face's landmarks lie", {left.x, top.y, right.x, bottom.y});
  if (left.x == right.x && top.y == bottom.y)
    throw Error(ErrorCode::kInvalidArgument, "", "the given face's landmarks are all one point");
}

// Throws NO_FACE where the points lie outside the image: nothing could be cut out there.
void CheckPoints(const Image& image, const FivePoints& points) {
  const auto inside = [&](const std::array<double, 2>& point) {
    return point[0] >= 0 && point[1] >= 0 && point[0] < image.width && point[1] < image.height;
  };
  if (std::ranges::none_of(points, inside))
    throw Error(ErrorCode::kNoFace, "",
                "the five points lie outside the image, which has " + std::to_string(image.width) + "x" +
                    std::to_string(image.height) + " pixels");
}

// Throws NO_FACE, or WRONG_FACE where none of the faces is the expected one.
const Face& ChosenFace(const std::vector<Face>& faces, const EmbedRequest& request, const Image& image,
                       double min_score) {
  const auto none = [] { return Error(ErrorCode::kNoFace, "", "no face was found"); };
  if (faces.empty()) throw none();
  if (!request.expected)
    return *std::ranges::max_element(faces, {},
                                     [&](const Face& face) { return WeightOf(face.box, request.choice, image); });
  constexpr double kLeastOverlap = 0.3;
  const auto overlap = [&](const Face& face) { return OverlapOf(face.box, *request.expected); };
  const auto nearest = std::ranges::max_element(faces, {}, overlap);
  if (overlap(*nearest) >= kLeastOverlap) return *nearest;
  // Elsewhere the usual score counts.
  if (std::ranges::all_of(faces, [&](const Face& face) { return face.score < min_score; })) throw none();
  throw Error(ErrorCode::kWrongFace, "", "no face was found where the expected one is, but elsewhere");
}

// The greatest difference of two vectors, as a share of the first one's greatest number.
float Difference(std::span<const float> a, std::span<const float> b) {
  float difference = 0;
  float greatest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::abs(a[i] - b[i]));
    greatest = std::max(greatest, std::abs(a[i]));
  }
  return difference > 0 ? difference / greatest : 0;
}

// The vectors of a crop and of its mirror image: whoever brings the second one calls `done` with their mean.
class Mean {
 public:
  explicit Mean(Embedder::Done done) : done_(std::move(done)) {}

  void Add(Embedding embedding, const std::exception_ptr& error) {
    {
      const std::lock_guard lock(mutex_);
      if (error && !error_) error_ = error;
      if (!first_) {
        first_ = std::move(embedding);
        return;
      }
      for (size_t i = 0; !error_ && i < first_->vector.size(); ++i)
        first_->vector[i] = (first_->vector[i] + embedding.vector[i]) / 2;
    }
    done_(std::move(*first_), error_);
  }

 private:
  const Embedder::Done done_;
  std::mutex mutex_;
  std::optional<Embedding> first_;
  std::exception_ptr error_;
};

}  // namespace

Embedder::Embedder(EmbedderOptions options, std::shared_ptr<device::Handle> device)
    : options_(std::move(options)),
      device_(std::move(device)),
      finder_(options_.search, device_),
      max_batch_(static_cast<size_t>(options_.max_batch)) {
  if (options_.max_wait_ms > 0) timer_ = std::jthread([this](const std::stop_token& stop) { Wait(stop); });
}

Embedder::~Embedder() {
  timer_.request_stop();
  idle_.notify_all();
}

std::shared_ptr<const Session> Embedder::OpenSession() {
  SessionOptions session = options_.session;
  // Where the library itself is missing, no device is at fault.
  OrtLibrary::Load(session.runtime);
  if (device_ != nullptr && !device_->problem()) {
    try {
      session.cuda_device = device_->number();
      std::shared_ptr<const Session> opened = Session::Open(session);
      model_on_device_ = true;
      return opened;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable) throw;
      device_->GiveUp(error.what());
    }
  }
  session.cuda_device = -1;
  return Session::Open(session);
}

const Session& Embedder::Open() {
  std::call_once(opened_, [this] {
    std::shared_ptr<const Session> session = OpenSession();
    const std::string& model = options_.session.model;
    const auto mismatch = [&](const std::string& problem) { throw Error(ErrorCode::kInvalidArgument, model, problem); };
    const std::vector<int64_t>& shape = session->input_shape();
    const ModelInput& input = options_.input;
    std::vector<int64_t> described = {-1, 3, input.height, input.width};
    if (!input.channels_first) described = {-1, input.height, input.width, 3};
    const auto text = [](const std::vector<int64_t>& sizes) {
      std::string joined;
      for (const int64_t size : sizes)
        joined += (joined.empty() ? "" : " x ") + (size < 0 ? "n" : std::to_string(size));
      return joined;
    };
    bool fits = shape.size() == described.size();
    for (size_t i = 1; fits && i < shape.size(); ++i) fits = shape[i] < 0 || shape[i] == described[i];
    if (!fits) mismatch("the model's input is " + text(shape) + ", its description says " + text(described));
    if (shape[0] > 1)
      mismatch("the model takes batches of " + std::to_string(shape[0]) + " only; export it with a free batch size");
    if (shape[0] == 1) max_batch_ = 1;
    output_ = options_.output.empty() ? session->outputs().front() : options_.output;
    if (std::ranges::find(session->outputs(), output_) == session->outputs().end()) {
      std::string names;
      for (const std::string& name : session->outputs()) names += (names.empty() ? "" : ", ") + name;
      mismatch("the model has no output " + output_ + ", but " + names);
    }
    Try(*session);
    session_ = std::move(session);
    on_device_ = device_ != nullptr && device_->Open();
  });
  return *session_;
}

void Embedder::Try(const Session& session) {
  const ModelInput& input = options_.input;
  const std::string& model = options_.session.model;
  // Two images that have little in common.
  std::array<std::vector<float>, 2> tensors;
  for (size_t i = 0; i < tensors.size(); ++i) {
    Image image(input.width, input.height);
    for (size_t at = 0; at < image.pixels.size(); ++at)
      image.pixels[at] = static_cast<uint8_t>(i == 0 ? at * 97 % 256 : 255 - at / 3 % 7);
    tensors[i].resize(input.size());
    Normalize(input, image, tensors[i]);
  }
  const auto run = [&](std::initializer_list<size_t> images) {
    std::vector<float> tensor;
    for (const size_t i : images) tensor.insert(tensor.end(), tensors[i].begin(), tensors[i].end());
    return RunModel(session, tensor, -1, images.size());
  };
  const std::vector<float> alone = run({0});
  dimensions_ = alone.size();
  const auto refuse = [&](const std::string& problem) { throw Error(ErrorCode::kInferenceFailed, model, problem); };
  if (!std::ranges::all_of(alone, [](float number) { return std::isfinite(number); }))
    refuse("the model's output is not finite");
  // A device chooses other kernels, with shorter floats, for other sizes of a batch.
  const float tolerance = model_on_device_ ? 1e-2F : 1e-4F;
  if (Difference(alone, run({0})) > tolerance)
    refuse("the model gives other vectors for the same image (was it exported in training mode, with dropout?)");
  if (max_batch_ == 1) return;
  try {
    const std::vector<float> together = run({0, 1, 0});
    const auto row = [&](size_t i) { return std::span(together).subspan(i * dimensions_, dimensions_); };
    const bool same = together.size() == 3 * dimensions_ && Difference(alone, row(0)) <= tolerance &&
                      Difference(alone, row(2)) <= tolerance;
    if (!same) batch_problem_ = "an image's vector depends on the others of its batch";
  } catch (const Error& error) {
    batch_problem_ = std::string("several images at once fail: ") + error.what();
  }
  if (batch_problem_.empty()) return;
  batch_problem_ = model + ": " + batch_problem_ + "; each is run alone";
  max_batch_ = 1;
}

void Embedder::Announce() {
  const std::lock_guard lock(mutex_);
  ++coming_;
}

void Embedder::Embed(const EmbedRequest& request, const Cancellation& cancellation, Done done) {
  try {
    Prepare(request, cancellation, std::move(done));
  } catch (...) {
    Withdraw();
    throw;
  }
}

void Embedder::Withdraw() {
  {
    const std::lock_guard lock(mutex_);
    --coming_;
  }
  RunReady();
}

void Embedder::Prepare(const EmbedRequest& request, const Cancellation& cancellation, Done done) {
  Open();
  const ModelInput& input = options_.input;
  const std::string subject = SubjectOf(request.source);
  const bool search = input.needs_face() && !request.crop && !request.points;
  std::optional<Face> face;
  CropPlan plan;
  {
    ReadImage read = Read(
        request.source, options_.limits,
        [&](int64_t pixels) { return search ? finder_.Bytes(pixels, request.faces) : 0; }, cancellation);
    const auto image = std::make_shared<const Image>(std::move(read.decoded.image));
    plan = Naming(subject, ErrorCode::kUnreadable, [&] {
      if (request.crop) return PlanFit(input, image);
      if (request.points) {
        CheckPoints(*image, *request.points);
        return PlanAlign(input, image, *request.points);
      }
      if (!search) return PlanCut(input, image, {});
      const std::vector<Face> faces =
          finder_.Find(*image, request.faces, {request.masked, request.expected.has_value()}, cancellation);
      face = ChosenFace(faces, request, *image, options_.search.min_score);
      if (request.faces) CheckPlace(input, *image, *face);
      return PlanCut(input, image, *face);
    });
  }
  cancellation.ThrowIfCancelled();
  if (!options_.mirror) return Add(std::move(plan), {{{}, std::move(face)}, std::move(done)}, true);
  const auto mean = std::make_shared<Mean>(std::move(done));
  const Done add = [mean](Embedding embedding, const std::exception_ptr& error) {
    mean->Add(std::move(embedding), error);
  };
  CropPlan mirrored = plan;
  mirrored.mirrored = true;
  Add(std::move(plan), {{{}, face}, add}, false);
  Add(std::move(mirrored), {{{}, face}, add}, true);
}

void Embedder::Add(CropPlan plan, Place place, bool last) {
  const ModelInput& input = options_.input;
  Image crop;
  if (!on_device_) crop = MakeCrop(input, std::exchange(plan, {}));
  Batch* batch = nullptr;
  size_t at = 0;
  {
    const std::lock_guard lock(mutex_);
    if (filling_.empty() || filling_.back()->places.size() == max_batch_) {
      if (spare_.empty()) {
        filling_.push_back(std::make_unique<Batch>());
        if (on_device_)
          filling_.back()->crops.resize(max_batch_);
        else
          filling_.back()->tensor.resize(max_batch_ * input.size());
        filling_.back()->places.reserve(max_batch_);
      } else {
        filling_.push_back(std::move(spare_.back()));
        spare_.pop_back();
      }
    }
    batch = filling_.back().get();
    at = batch->places.size();
    batch->places.push_back(std::move(place));
  }
  if (on_device_)
    batch->crops[at] = std::move(plan);
  else
    Normalize(input, crop, std::span(batch->tensor).subspan(at * input.size(), input.size()));
  {
    const std::lock_guard lock(mutex_);
    ++batch->written;
    if (last) --coming_;
  }
  RunReady();
}

void Embedder::RunReady() {
  // The last place written may complete two batches: a full one, and the rest that waited for nothing else.
  while (true) {
    std::unique_ptr<Batch> batch;
    {
      const std::lock_guard lock(mutex_);
      batch = Take(false);
    }
    if (!batch) return;
    Run(std::move(batch));
  }
}

std::unique_ptr<Embedder::Batch> Embedder::Take(bool waited) {
  for (auto batch = filling_.begin(); batch != filling_.end(); ++batch) {
    const size_t size = (*batch)->places.size();
    if ((*batch)->written < size) continue;
    const bool last_of_all = coming_ == 0 && size > 0;
    if (size == max_batch_ || (last_of_all && (waited || options_.max_wait_ms == 0))) {
      std::unique_ptr<Batch> taken = std::move(*batch);
      filling_.erase(batch);
      return taken;
    }
    if (last_of_all) idle_.notify_all();
  }
  return nullptr;
}

std::vector<float> Embedder::RunModel(const Session& session, std::span<float> tensor, int cuda_device,
                                      size_t count) const {
  std::vector<Tensor> outputs =
      session.Run(tensor, cuda_device, ShapeOf(options_.input, count), std::span(&output_, 1));
  Tensor& output = outputs.front();
  if (output.shape.size() < 2 || output.shape[0] != static_cast<int64_t>(count))
    throw Error(ErrorCode::kInferenceFailed, options_.session.model, "expected a vector for each image as the output");
  return std::move(output.numbers);
}

std::vector<float> Embedder::Infer(Batch& batch) {
  const Session& session = Open();
  const ModelInput& input = options_.input;
  const size_t count = batch.places.size();
  std::vector<float> vectors;
  const auto run = [&](float* tensor, int cuda_device) {
    vectors = RunModel(session, {tensor, count * input.size()}, cuda_device, count);
  };
  if (!on_device_) {
    run(batch.tensor.data(), -1);
    return vectors;
  }
  std::vector<const CropPlan*> crops;
  for (size_t i = 0; i < count; ++i) crops.push_back(&batch.crops[i]);
  const bool done = device_->Lend([&](device::Stream& stream) {
    run(stream.Get<TensorMaker>().MakeTensor(crops, input.layout()), device_->number());
  });
  if (done) return vectors;
  std::vector<float> tensor(count * input.size());
  for (size_t i = 0; i < count; ++i)
    Normalize(input, MakeCrop(input, *crops[i]), std::span(tensor).subspan(i * input.size(), input.size()));
  run(tensor.data(), -1);
  return vectors;
}

void Embedder::Run(std::unique_ptr<Batch> batch) {
  const size_t count = batch->places.size();
  std::vector<float> vectors;
  std::exception_ptr error;
  try {
    vectors = Infer(*batch);
  } catch (...) {
    error = std::current_exception();
  }
  std::ranges::fill(batch->crops, CropPlan{});
  const size_t dimensions = vectors.size() / count;
  for (size_t i = 0; i < count; ++i) {
    Place& place = batch->places[i];
    std::exception_ptr problem = error;
    if (!problem) {
      const std::span<const float> row = std::span(vectors).subspan(i * dimensions, dimensions);
      place.embedding.vector.assign(row.begin(), row.end());
      if (!std::ranges::all_of(row, [](float number) { return std::isfinite(number); }))
        problem = std::make_exception_ptr(
            Error(ErrorCode::kInferenceFailed, options_.session.model, "the model's output is not finite"));
    }
    place.done(std::move(place.embedding), problem);
  }
  batch->places.clear();
  batch->written = 0;
  const std::lock_guard lock(mutex_);
  spare_.push_back(std::move(batch));
}

void Embedder::Wait(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    idle_.wait(lock, stop, [this] { return coming_ == 0 && !filling_.empty(); });
    idle_.wait_for(lock, stop, std::chrono::milliseconds(options_.max_wait_ms), [] { return false; });
    std::shared_ptr<Batch> batch = Take(true);
    if (!batch) continue;
    // On the pool, whose threads are waited for at the process's end.
    ThreadPool::Shared().Submit(
        [self = shared_from_this(), batch] { self->Run(std::make_unique<Batch>(std::move(*batch))); });
  }
}

}  // namespace maskbench
