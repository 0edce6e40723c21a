// device_replay <cases> [<maskbench_cuda.so> [<device> [<runs>]]]: asks a CUDA device what the cases ask for, which
// device_tests wrote, compares the answers, and times some runs of it (20 on a device; with 0 it only compares, for
// profilers and sanitizers). It needs neither Node, OpenCV nor dlib, so that these three files can be carried to any
// machine with a device. Without a module: grids walked on the CPU.

#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <tuple>
#include <vector>

#include "device/walked_grid.h"
#include "open_device/programs.h"
#include "tests/device_cases.h"
#include "tests/pair_tests.h"

namespace maskbench {
namespace {

constexpr uint64_t kMemory = uint64_t{8} << 30U;

Programs Open(const char* module, int device, const DeviceModels& models) {
  if (module == nullptr) return MakePrograms(std::make_unique<device::WalkedGrid>(kMemory), models);
  void* library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw device::DeviceError{dlerror(), false};
  std::vector<DeviceInfo> devices;
  reinterpret_cast<DevicesFunction>(dlsym(library, kDevicesFunction))(devices);
  if (static_cast<size_t>(device) >= devices.size()) throw device::DeviceError{"there is no such device", false};
  std::printf("%s\n", devices[static_cast<size_t>(device)].name.c_str());
  Programs programs;
  reinterpret_cast<OpenFunction>(dlsym(library, kOpenFunction))(device, kMemory, models, programs);
  return programs;
}

// Least seconds of some runs. Their answers are compared in another one.
double Time(int runs, const std::function<void()>& work) {
  double least = 0;
  for (int run = 0; run < runs; ++run) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (run == 0 || seconds < least) least = seconds;
  }
  return least;
}

void Tell(const char* what, size_t wrong, size_t count, double seconds) {
  std::printf("%zu of %zu %s differ", wrong, count, what);
  if (seconds > 0) std::printf(", %.0f a second", static_cast<double>(count) / seconds);
  std::printf("\n");
  std::fflush(stdout);
}

std::vector<PhotoInput> PhotosOf(const SearchCase& search) {
  std::vector<PhotoInput> photos;
  for (const auto& [image, sizes] : search.photos)
    photos.push_back({image.pixels.data(), {image.width, image.height}, sizes});
  return photos;
}

size_t Search(WindowSearcher& searcher, int runs, const std::vector<SearchCase>& searches) {
  const auto in_order = [](std::vector<FoundWindow> windows) {
    std::ranges::sort(windows, {}, [](const FoundWindow& window) {
      return std::tuple(window.photo, window.level, window.filter, window.row, window.column);
    });
    return windows;
  };
  size_t wrong = 0;
  size_t count = 0;
  double seconds = 0;
  for (const SearchCase& search : searches) {
    const auto photos = PhotosOf(search);
    const auto windows = in_order(searcher.FindWindows(photos));
    const auto shapes = searcher.FindLandmarks(search.faces);
    const bool same = std::ranges::equal(windows, in_order(search.windows),
                                         [](const FoundWindow& a, const FoundWindow& b) {
                                           return std::tie(a.photo, a.level, a.filter, a.row, a.column, a.score) ==
                                                  std::tie(b.photo, b.level, b.filter, b.row, b.column, b.score);
                                         }) &&
                      shapes == search.shapes;
    wrong += same ? 0 : photos.size();
    count += photos.size();
    seconds += Time(runs, [&] {
      searcher.FindWindows(photos);
      searcher.FindLandmarks(search.faces);
    });
  }
  Tell("photos searched", wrong, count, seconds);
  return wrong;
}

size_t Draw(MaskDrawer& drawer, int runs, const std::vector<MaskCase>& masks) {
  std::vector<Image> images;
  std::vector<std::vector<uint8_t>> mattes;
  std::vector<DrawInput> inputs;
  for (const MaskCase& mask : masks) {
    images.push_back(mask.image);
    mattes.emplace_back(mask.matte.size());
  }
  for (size_t i = 0; i < masks.size(); ++i) inputs.push_back({&images[i], &masks[i].drawing, mattes[i]});
  drawer.Draw(inputs);
  size_t wrong = 0;
  for (size_t i = 0; i < masks.size(); ++i)
    wrong += images[i].pixels == masks[i].expected.pixels && mattes[i] == masks[i].matte ? 0 : 1;
  Tell("masks", wrong, masks.size(), Time(runs, [&] { drawer.Draw(inputs); }));
  return wrong;
}

size_t MakeTensors(TensorMaker& maker, int runs, const std::vector<TensorCase>& tensors) {
  size_t wrong = 0;
  size_t count = 0;
  double seconds = 0;
  for (const TensorCase& tensor : tensors) {
    std::vector<CropPlan> plans;
    for (const CropCase& crop : tensor.crops) plans.push_back(crop.Plan());
    std::vector<const CropPlan*> crops;
    crops.reserve(plans.size());
    for (const CropPlan& plan : plans) crops.push_back(&plan);
    std::vector<float> numbers(tensor.expected.size());
    maker.Read(maker.MakeTensor(crops, tensor.layout), numbers);
    wrong += numbers == tensor.expected ? 0 : crops.size();
    count += crops.size();
    seconds += Time(runs, [&] { maker.MakeTensor(crops, tensor.layout); });
  }
  Tell("inputs of models", wrong, count, seconds);
  return wrong;
}

// Every pair of so many random vectors.
void TimePairs(PairScorer& scorer) {
  constexpr size_t kRows = 50'000;
  constexpr size_t kDimensions = 512;
  std::vector<int32_t> identities;
  for (size_t row = 0; row < kRows; ++row) identities.push_back(static_cast<int32_t>(row / 5));
  PackedVectors vectors(identities, identities, kDimensions);
  NamedRandom random(1, "vectors", 0);
  std::vector<float> vector(kDimensions);
  for (size_t row = 0; row < kRows; ++row) {
    for (float& number : vector) number = static_cast<float>(random.Below(2001)) - 1000;
    vectors.Set(row, vector, Metric::kCosine);
  }
  AllPairsOptions options;
  options.top = 10;
  options.identities = identities.back() + 1;
  const AllPairs pairs(vectors, vectors, true, options);
  const double seconds = Time(1, [&] {
    PairCounts counts(options, kRows, 0);
    for (size_t strip = 0; strip < pairs.strips(); ++strip) CountPairs(scorer, pairs, strip, counts);
  });
  std::printf("%zu vectors of %zu numbers, every pair: %.2f s, %.0f GFLOPS\n", kRows, kDimensions, seconds,
              1e-9 * kRows * kRows * kDimensions / seconds);
}

int Main(const char* path, const char* module, int device, int runs) {
  DeviceCases cases;
  CaseReader reader(path);
  Transfer(reader, cases);
  const Programs programs = Open(module, device, cases.models);
  programs.searcher->LoadTrees(cases.trees);
  const size_t wrong = Search(*programs.searcher, runs, cases.searches) + Draw(*programs.drawer, runs, cases.masks) +
                       MakeTensors(*programs.tensor_maker, runs, cases.tensors) +
                       static_cast<size_t>(TestPairs(*programs.pair_scorer));
  if (module != nullptr && runs > 0) TimePairs(*programs.pair_scorer);
  return wrong > 0 ? 1 : 0;
}

}  // namespace
}  // namespace maskbench

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "device_replay <cases> [<maskbench_cuda.so> [<device> [<runs>]]]\n");
    return 2;
  }
  try {
    return maskbench::Main(arguments[1], count > 2 ? arguments[2] : nullptr, count > 3 ? std::atoi(arguments[3]) : 0,
                           count > 4   ? std::atoi(arguments[4])
                           : count > 2 ? 20
                                       : 0);
  } catch (const maskbench::device::DeviceError& error) {
    std::fprintf(stderr, "device_replay: %s\n", error.what.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "device_replay: %s: %s\n", arguments[1], error.what());
  }
  return 1;
}
