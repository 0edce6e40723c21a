#ifndef MASKBENCH_DEVICE_QUEUE_H_
#define MASKBENCH_DEVICE_QUEUE_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "device/stream.h"

namespace maskbench::device {

// Work of many callers on the streams of a device, in batches: what is asked for while all are at work forms the next
// ones. Every call waits for its batch, and throws DeviceError; out of memory only where it is for this call alone.
//
// A type of request has
//   uint64_t bytes() const;  // of the device that it takes, about
//   uint64_t kept() const;   // of the device that any batch of them takes beside
//   static void Run(Stream& stream, std::span<Request* const> batch);
class Queue {
 public:
  // `memory`: bytes that a batch may take at most.
  Queue(std::vector<std::unique_ptr<Stream>> streams, uint64_t memory);

  template <class Request>
  bool Fits(const Request& request) const {
    return request.bytes() + request.kept() <= memory_;
  }
  template <class Request>
  void Do(Request& request) {
    Waiting waiting{&request, RunBatch<Request>, request.bytes(), request.kept(), nullptr};
    Wait(waiting);
  }
  // Something else, on a stream of its own meanwhile.
  void Lend(const std::function<void(Stream&)>& work);

 private:
  struct Waiting {
    void* request;
    // Requests of one type have the same.
    void (*run)(Stream& stream, std::span<Waiting* const> batch);
    uint64_t bytes, kept;
    std::exception_ptr error;
    bool done = false;
  };

  template <class Request>
  static void RunBatch(Stream& stream, std::span<Waiting* const> batch) {
    std::vector<Request*> requests;
    for (const Waiting* waiting : batch) requests.push_back(static_cast<Request*>(waiting->request));
    Request::Run(stream, requests);
  }

  // Runs batches, this request's among them, until it is done.
  void Wait(Waiting& waiting);
  // Requests of one type, the longest waiting first; called with the lock held.
  std::vector<Waiting*> Take();
  // In halves where the memory does not last.
  static void RunOrSplit(Stream& stream, std::span<Waiting* const> batch);

  // So many batches run at once, so that one's copies and the CPU's part of it overlap with the other's kernels; and so
  // many streams are lent.
  static constexpr int kAtOnce = 2;

  const uint64_t memory_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting*> waiting_;
  std::vector<std::unique_ptr<Stream>> idle_;
  int batches_ = 0;
  int lent_ = 0;
};

}  // namespace maskbench::device

#endif  // MASKBENCH_DEVICE_QUEUE_H_
