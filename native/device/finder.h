#ifndef MASKBENCH_DEVICE_FINDER_H_
#define MASKBENCH_DEVICE_FINDER_H_

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "device/backend.h"
#include "face/face.h"
#include "image/image.h"

namespace maskbench::device {

// What backends need of dlib's frontal model, and the landmarks' trees.
Models ModelsOf(std::span<const uint8_t> trees);

// Estimated bytes of a device that a photo takes while its faces are searched.
uint64_t BytesOf(ImageSize size, int upsample);

// Finds faces and their landmarks by backends, many photos at once: those that are asked for while all backends are at
// work form the next batch. The faces are those of DetectFaces and LandmarkPredictor.
class Finder {
 public:
  // `memory`: bytes that the photos of a batch may take at most.
  Finder(std::vector<std::unique_ptr<Backend>> backends, int upsample, uint64_t memory);

  // Whether a photo is small enough.
  bool Fits(const Image& image) const { return BytesOf({image.width, image.height}, upsample_) <= memory_; }
  // Waits for the photo's batch. Throws DeviceError; out of memory only where it is for this photo alone.
  std::vector<Face> Find(const Image& image);

 private:
  struct Request {
    const Image* image;
    std::vector<Face> faces;
    std::exception_ptr error;
    bool done = false;
  };

  // In halves where the memory does not last.
  void RunOrSplit(Backend& backend, std::span<Request* const> batch) const;
  void RunBatch(Backend& backend, std::span<Request* const> batch) const;

  const int upsample_;
  const uint64_t memory_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request*> waiting_;
  std::vector<std::unique_ptr<Backend>> idle_;
};

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_FINDER_H_
