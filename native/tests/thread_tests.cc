// thread_tests <shape predictor> {<raw RGB pixels> <width> <height>}...: masks each photo alone, and then all of them
// over and over on many threads at once, some of them cancelled; the results must be the same. For ThreadSanitizer.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <mutex>
#include <vector>

#include "mask/masker.h"
#include "runtime/thread_pool.h"

namespace maskbench {
namespace {

struct Photo {
  std::vector<uint8_t> pixels;
  int width, height;
};

MaskRequest Request(const Photo& photo) {
  MaskRequest request;
  request.source = RawPixels{photo.pixels, photo.width, photo.height, 3, false};
  request.format = Format::kPng;
  return request;
}

int Main(const char* model, const std::vector<Photo>& photos) {
  MaskerOptions options;
  options.styles.push_back({"a", 1, FlatStyle('a'), {}, false, ""});
  options.search.landmarks.file = model;
  options.limits.max_pixels = 10'000'000;
  Masker alone(options);
  std::vector<Bytes> expected;
  expected.reserve(photos.size());
  for (const Photo& photo : photos) expected.push_back(alone.Run(Request(photo), {}).image);

  constexpr int kThreads = 6;
  constexpr size_t kRounds = 6;
  const auto masker = std::make_shared<Masker>(options);
  const auto queue = std::make_shared<WorkQueue>(kThreads);
  std::atomic<int> wrong = 0;
  std::atomic<int> cancelled = 0;
  std::mutex mutex;
  std::condition_variable all_done;
  size_t left = kRounds * photos.size();
  for (size_t job = 0; job < kRounds * photos.size(); ++job)
    queue->Submit([&, job] {
      const size_t number = job % photos.size();
      Cancellation cancellation;
      if (job % 7 == 3) cancellation.Cancel();
      try {
        if (masker->Run(Request(photos[number]), cancellation).image != expected[number]) ++wrong;
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kAborted)
          ++cancelled;
        else
          ++wrong;
      }
      const std::lock_guard lock(mutex);
      if (--left == 0) all_done.notify_all();
    });
  std::unique_lock lock(mutex);
  all_done.wait(lock, [&] { return left == 0; });
  const auto masked = std::ranges::count_if(expected, [](const Bytes& image) { return !image.empty(); });
  std::printf("%d of %zu results differ, %d were cancelled, %td of %zu photos masked\n", wrong.load(),
              kRounds * photos.size(), cancelled.load(), masked, photos.size());
  ThreadPool::Shared().Stop();
  return wrong > 0 ? 1 : 0;
}

}  // namespace
}  // namespace maskbench

int main(int count, char** arguments) {
  if (count < 5 || count % 3 != 2) {
    std::fprintf(stderr, "thread_tests <shape predictor> {<raw RGB pixels> <width> <height>}...\n");
    return 2;
  }
  std::vector<maskbench::Photo> photos;
  for (int i = 2; i < count; i += 3) {
    maskbench::Photo photo{{}, std::atoi(arguments[i + 1]), std::atoi(arguments[i + 2])};
    photo.pixels.resize(size_t{3} * photo.width * photo.height);
    std::ifstream in(arguments[i], std::ios::binary);
    if (!in.read(reinterpret_cast<char*>(photo.pixels.data()), static_cast<std::streamsize>(photo.pixels.size()))) {
      std::fprintf(stderr, "%s: too short\n", arguments[i]);
      return 1;
    }
    photos.push_back(std::move(photo));
  }
  return maskbench::Main(arguments[1], photos);
}
