#ifndef MASKBENCH_DEVICE_QUEUE_H_
#define MASKBENCH_DEVICE_QUEUE_H_

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <variant>
#include <vector>

#include "open_device/programs.h"
#include "face/face.h"
#include "image/image.h"

namespace maskbench::device {

// What backends need of dlib's frontal model, the landmarks' trees, and the noise of masks.
Models ModelsOf(std::span<const uint8_t> trees);

// Estimated bytes of a device that a photo takes while its faces are searched.
uint64_t BytesOf(ImageSize size, int upsample);

// Work of many callers on backends, in batches: what is asked for while all backends are at work forms the next ones.
// Every call waits for its batch, and throws DeviceError; out of memory only where it is for this call alone.
class Queue {
 public:
  // `memory`: bytes that a batch may take at most.
  Queue(std::vector<std::unique_ptr<Backend>> backends, int upsample, uint64_t memory);

  // Whether a photo is small enough to be searched.
  bool Fits(const Image& image) const { return BytesOf({image.width, image.height}, upsample_) <= memory_; }
  // The faces of DetectFaces and LandmarkPredictor.
  std::vector<Face> Find(const Image& image);
  void Draw(const DrawInput& mask);
  // Something else, with a backend of its own meanwhile.
  void Use(const std::function<void(Backend&)>& work);

 private:
  struct Photo {
    const Image* image;
    std::vector<Face> faces;
  };
  struct Request {
    std::variant<Photo, DrawInput> work;
    uint64_t bytes;
    std::exception_ptr error;
    bool done = false;
  };

  // Runs batches, this request's among them, until it is done.
  void Wait(Request& request);
  // Requests of one kind, the longest waiting first; called with the lock held.
  std::vector<Request*> Take();
  // In halves where the memory does not last.
  void RunOrSplit(Backend& backend, std::span<Request* const> batch) const;
  void Search(Backend& backend, std::span<Request* const> batch) const;

  const int upsample_;
  const uint64_t memory_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request*> waiting_;
  std::vector<std::unique_ptr<Backend>> idle_;
};

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_QUEUE_H_
