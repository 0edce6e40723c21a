#ifndef MASKBENCH_EMBED_EMBEDDER_H_
#define MASKBENCH_EMBED_EMBEDDER_H_

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "device/handle.h"
#include "embed/cut.h"
#include "inference/session.h"
#include "face/choice.h"
#include "face/finder.h"
#include "image/source.h"
#include "runtime/cancellation.h"

namespace maskbench {

struct EmbedderOptions {
  SessionOptions session;
  ModelInput input;
  // The output's name; empty: the model's first.
  std::string output;
  int max_batch = 1;
  // How long a batch that is not full waits for more once nothing else is on its way.
  int max_wait_ms = 0;
  FinderOptions search;
  ReadLimits limits;
  // Where a part of the work can't be done on the device, the CPU does it; else the calls throw UNAVAILABLE.
  bool device_fallback = false;
  // A vector is the mean of those of the crop and of its mirror image.
  bool mirror = false;
};

struct EmbedRequest {
  Source source;
  KnownFaces faces;
  // Which of several faces is embedded.
  FaceChoice choice = FaceChoice::kLargest;
  // Where a search must find the face: it is the one that overlaps this box most, by IoU of 0.3 and more.
  std::optional<Box> expected;
  // The face is cut by these, and none is searched; only where the model's cut is kAlign5.
  std::optional<FivePoints> points;
  // The image is a ready crop: no face is searched, nothing is cut.
  bool crop = false;
  // The face wears a mask.
  bool masked = false;
};

struct Embedding {
  std::vector<float> vector;
  // The face that was cut out; absent for whole images and ready crops.
  std::optional<Face> face;
};

// Photos in, vectors out: decode, find and cut the chosen face on the calling threads, and run the model on batches.
// The thread whose face completes a batch runs it; what arrives meanwhile makes the next one. So the threads that call
// are the only ones, and no core waits while there is work. Safe to use from many threads at once.
class Embedder : public std::enable_shared_from_this<Embedder> {
 public:
  // `device`: where the model runs, its input is made and faces are found in exact searches; null: the CPU.
  explicit Embedder(EmbedderOptions options, std::shared_ptr<device::Handle> device = nullptr);
  ~Embedder();

  // Opens the model and tries it, or gives the error of the first try again. Embed calls it as needed.
  const Session& Open();
  // Numbers of a vector; once the model is open, as is the next.
  size_t dimensions() const { return dimensions_; }
  // Why every image is run alone though the model takes batches; empty: it is not.
  const std::string& batch_problem() const { return batch_problem_; }
  bool model_on_device() const { return model_on_device_; }
  using Done = std::function<void(Embedding, std::exception_ptr)>;
  // One call is on its way from here: a batch is not run too early.
  void Announce();
  // Must follow each Announce, or Withdraw must. `done` is called once, from this thread or from another.
  void Embed(const EmbedRequest& request, const Cancellation& cancellation, Done done);
  // The call does not come: no batch waits for it.
  void Withdraw();

 private:
  struct Place {
    Embedding embedding;
    Done done;
  };
  struct Batch {
    // On the host, or to be made on the device of these.
    std::vector<float> tensor;
    std::vector<CropPlan> crops;
    std::vector<Place> places;
    size_t written = 0;
  };

  // Whether an image's vector depends on the images that share its batch.
  void Try(const Session& session);
  std::shared_ptr<const Session> OpenSession();
  void Prepare(const EmbedRequest& request, const Cancellation& cancellation, Done done);
  // Gives a crop a place in a batch, which is run if that was all it waited for. `last`: of the call's crops.
  void Add(CropPlan plan, Place place, bool last);
  // A batch to run now, if there is one; called with the lock held.
  std::unique_ptr<Batch> Take(bool waited);
  // Runs every batch that is to be run now: the call that ends last may have made two ready.
  void RunReady();
  void Run(std::unique_ptr<Batch> batch);
  // The vectors of `count` images, one after the other.
  std::vector<float> RunModel(const Session& session, std::span<float> tensor, int cuda_device, size_t count) const;
  // The vectors of a batch, one after the other.
  std::vector<float> Infer(Batch& batch);
  void Wait(const std::stop_token& stop);

  const EmbedderOptions options_;
  const std::shared_ptr<device::Handle> device_;
  FaceFinder finder_;
  bool model_on_device_ = false;
  // Whether the model's input is made there, too.
  bool on_device_ = false;
  std::once_flag opened_;
  std::shared_ptr<const Session> session_;
  std::string output_;
  // One for a model that is only right with single images.
  size_t max_batch_;
  std::string batch_problem_;
  size_t dimensions_ = 0;
  std::mutex mutex_;
  // Requests that have not reached a batch.
  size_t coming_ = 0;
  // The last one is being filled; those before it are full, and still being written.
  std::deque<std::unique_ptr<Batch>> filling_;
  std::vector<std::unique_ptr<Batch>> spare_;
  // Only where max_wait_ms > 0: runs what has waited long enough.
  std::condition_variable_any idle_;
  std::jthread timer_;
};

}  // namespace maskbench

#endif  // MASKBENCH_EMBED_EMBEDDER_H_
