// device_tests [--cuda <device>] <crops> <shape predictor> <mask's PNG> {<raw RGB pixels> <width> <height>}...: what
// runs on a GPU, on grids that are walked on the CPU, or on a device itself: faces of mixed batches of crops and odd
// sizes must be those of the CPU, boxes, scores and landmarks, and masks on them have its pixels. Devices are lost,
// too.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "device/accelerator.h"
#include "device/grid_backend.h"
#include "device/open.h"
#include "device/pairs.h"
#include "device/queue.h"
#include "device/walked_grid.h"
#include "embed/cut.h"
#include "face/detector.h"
#include "face/landmarks.h"
#include "mask/random.h"
#include "mask/render.h"
#include "mask/style.h"
#include "runtime/error.h"
#include "score/all_pairs.h"
#include "tests/crops.h"

namespace maskbench {
namespace {

using device::Queue;
using device::WalkedGrid;

constexpr uint64_t kMuch = uint64_t{4} << 30U;

// `limit`: bytes that each of two grids may take; `batch`: those that the photos of a batch may.
std::unique_ptr<Queue> MakeQueue(const LandmarkPredictor& predictor, int cuda, int upsample, uint64_t limit,
                                 uint64_t batch) {
  if (cuda >= 0) return device::OpenQueue({cuda, 2 * limit, false}, upsample, predictor.trees());
  std::vector<std::unique_ptr<device::Backend>> backends(2);
  for (auto& backend : backends)
    backend = std::make_unique<device::GridBackend<WalkedGrid>>(std::make_unique<WalkedGrid>(limit),
                                                                device::ModelsOf(predictor.trees()));
  return std::make_unique<Queue>(std::move(backends), upsample, batch);
}

bool Same(const std::vector<Face>& ours, const std::vector<Detection>& expected, const LandmarkPredictor& predictor,
          const Image& image) {
  return std::ranges::equal(ours, expected, [&](const Face& face, const Detection& other) {
    const Landmarks landmarks = predictor.Predict(image, other.box);
    return face.score == other.score && face.box.left == other.box.left && face.box.top == other.box.top &&
           face.box.right == other.box.right && face.box.bottom == other.box.bottom &&
           std::ranges::equal(face.landmarks, landmarks,
                              [](const Point& a, const Point& b) { return a.x == b.x && a.y == b.y; });
  });
}

// Calls `work` with 0 to below `count`, from many threads at once, so that batches form.
void ForEach(size_t count, const std::function<void(size_t)>& work) {
  std::vector<std::jthread> callers(8);
  std::atomic<size_t> next = 0;
  for (std::jthread& caller : callers)
    caller = std::jthread([&] {
      for (size_t i = next++; i < count; i = next++) work(i);
    });
}

std::vector<Image> MakeImages(int count, const std::vector<Image>& photos) {
  std::vector<Image> images;
  NamedRandom random(1, "odd sizes", 0);
  for (const auto& [width, height] :
       {std::pair(1, 1), {2, 90}, {90, 3}, {13, 17}, {37, 41}, {40, 40}, {97, 101}, {1, 600}}) {
    Image& noise = images.emplace_back(width, height);
    for (uint8_t& value : noise.pixels) value = static_cast<uint8_t>(random.Below(256));
  }
  for (int i = 0; i < count; ++i) {
    NamedRandom each(1, "crops", static_cast<uint64_t>(i));
    images.push_back(Crop(photos[static_cast<size_t>(i) % photos.size()], each));
  }
  return images;
}

struct DrawnFace {
  const Image* image;
  Landmarks landmarks;
};

// Every face with every style, and templates worn and tinted in several ways: how many differ from the CPU's.
int TestMasks(Queue& queue, const std::vector<DrawnFace>& faces, const Template& mask) {
  struct Style {
    std::optional<FlatStyle> flat;
    TemplateLook look{};
  };
  std::vector<Style> styles;
  for (const char letter : kSeedStyles) styles.push_back({FlatStyle(letter)});
  styles.push_back({FlatStyle(NistStyle{true, NistStyle::Coverage::kHigh})});
  styles.push_back({FlatStyle(NistStyle{false, NistStyle::Coverage::kLow})});
  for (const Wear wear : {Wear::kCorrect, Wear::kUnderNose, Wear::kOnChin})
    styles.push_back({std::nullopt, {{Color{20, 90, 200}, nullptr, 0.8F, 1}, wear, {0.02, -0.03, 4, 0.05}}});
  constexpr Color kColor{10, 120, 230};
  std::atomic<int> wrong = 0;
  ForEach(faces.size() * styles.size(), [&](size_t i) {
    const auto& [image, landmarks] = faces[i / styles.size()];
    const auto& [flat, look] = styles[i % styles.size()];
    Image ours = *image;
    Image expected = *image;
    const bool wants_matte = i % 3 == 0;
    std::vector<uint8_t> matte(wants_matte ? image->pixels.size() / 3 : 0);
    std::vector<uint8_t> expected_matte = matte;
    const Drawing drawing = flat ? PlanFlat(ours, landmarks, *flat, kColor) : PlanTemplate(ours, landmarks, mask, look);
    queue.Draw({&ours, &drawing, matte});
    if (flat)
      DrawFlat(expected, landmarks, *flat, kColor, expected_matte);
    else
      DrawTemplate(expected, landmarks, mask, look, expected_matte);
    if (ours.pixels == expected.pixels && matte == expected_matte) return;
    ++wrong;
    std::printf("mask %zu on an image of %dx%d differs\n", i % styles.size(), image->width, image->height);
  });
  std::printf("%d of %zu masks differ\n", wrong.load(), faces.size() * styles.size());
  return wrong;
}

// Faces cut in every way, whole images and ready crops as inputs of models of several kinds: how many differ from the
// CPU's.
int TestTensors(Queue& queue, const std::vector<DrawnFace>& faces) {
  int wrong = 0;
  size_t compared = 0;
  int kind = 0;
  for (const Cut cut : {Cut::kLetterbox, Cut::kBox, Cut::kAlign5, Cut::kAlign68}) {
    for (const auto& [width, height] : {std::pair(112, 112), {37, 53}}) {
      ModelInput input;
      input.width = width;
      input.height = height;
      input.channels_first = kind % 2 == 0;
      input.blue_first = kind % 3 == 0;
      input.mean = {127.5F, 117, 104};
      input.scale = {1 / 127.5F, 1, 0.017F};
      input.cut = cut;
      input.margin = 0.25;
      ++kind;
      std::vector<CropPlan> plans;
      for (const DrawnFace& face : faces) {
        const auto& [lowest, highest] = std::ranges::minmax(face.landmarks, {}, &Point::x);
        const Box box{lowest.x, face.landmarks[27].y - 20, highest.x, face.landmarks[8].y};
        const auto image = std::make_shared<const Image>(*face.image);
        plans.push_back(PlanCut(input, image, {box, 1, face.landmarks}));
        plans.push_back(PlanFit(input, image));
      }
      std::vector<const CropPlan*> crops;
      for (const CropPlan& plan : plans) crops.push_back(&plan);
      std::vector<float> ours(crops.size() * input.size());
      queue.Use(
          [&](device::Backend& backend) { backend.Read(backend.MakeTensor(crops, input.layout()), std::span(ours)); });
      for (size_t i = 0; i < plans.size(); ++i) {
        std::vector<float> expected(input.size());
        Normalize(input, MakeCrop(input, plans[i]), expected);
        ++compared;
        if (std::equal(expected.begin(), expected.end(), ours.begin() + static_cast<ptrdiff_t>(i * input.size())))
          continue;
        ++wrong;
        std::printf("input %zu of cut %d at %dx%d differs\n", i, static_cast<int>(cut), width, height);
      }
    }
  }
  std::printf("%d of %zu inputs of models differ\n", wrong, compared);
  return wrong;
}

bool SameCounts(const PairCounts& a, const PairCounts& b) {
  const auto same_pair = [](const PairCounts::Genuine& one, const PairCounts::Genuine& other) {
    return one.score == other.score && one.rows.probe == other.rows.probe && one.rows.reference == other.rows.reference;
  };
  const auto same_best = [](const Candidate& one, const Candidate& other) {
    return one.score == other.score && one.row == other.row && one.identity == other.identity;
  };
  return a.impostor == b.impostor && a.impostors == b.impostors && a.same_source == b.same_source && a.tail == b.tail &&
         a.above == b.above && std::ranges::equal(a.genuine, b.genuine, same_pair) &&
         std::ranges::equal(a.best, b.best, same_best);
}

// All pairs of random vectors, within one side and between two, by each metric, some excluded: how many counts differ
// from the CPU's.
int TestPairs(Queue& queue) {
  int wrong = 0;
  int compared = 0;
  constexpr int kRounds = 13;
  for (int round = 0; round < kRounds; ++round) {
    // The last has more to keep than fits at once.
    const bool much = round == kRounds - 1;
    NamedRandom random(1, "pairs", static_cast<uint64_t>(round));
    const auto below = [&](int bound) { return static_cast<int>(random.Below(static_cast<uint64_t>(bound))); };
    const size_t dimensions = much ? 2 : 1 + random.Below(70);
    constexpr int kIdentities = 40;
    AllPairsOptions options;
    options.metric = std::array{Metric::kCosine, Metric::kL2, Metric::kInverseL2}[round % 3];
    options.bins = 500;
    if (options.metric != Metric::kCosine) options.low = options.metric == Metric::kL2 ? -40 : 0;
    options.top = random.Below(5);
    options.tail_bin = random.Below(2) == 0 ? 400 : options.tail_bin;
    options.identities = kIdentities;
    const bool within = round % 2 == 0;
    std::vector<std::unique_ptr<PackedVectors>> sides;
    for (int side = 0; side < (within ? 1 : 2); ++side) {
      std::vector<int32_t> identities(much ? 9000 : 200 + random.Below(900));
      std::vector<int32_t> sources;
      for (int32_t& identity : identities) identity = below(kIdentities);
      std::ranges::sort(identities);
      for (size_t i = 0; i < identities.size(); ++i) sources.push_back(below(300));
      sides.push_back(std::make_unique<PackedVectors>(identities, sources, dimensions));
      for (size_t row = 0; row < identities.size(); ++row) {
        std::vector<float> vector;
        for (size_t i = 0; i < dimensions; ++i)
          vector.push_back(static_cast<float>(below(2000) - 1000 + 300 * (identities[row] % 7)) / 1000);
        sides.back()->Set(row, vector, options.metric);
      }
    }
    const PackedVectors& probes = *sides.front();
    const PackedVectors& references = *sides.back();
    for (int i = 0; i < 30; ++i) {
      PairOfRows pair{below(static_cast<int>(probes.size())), below(static_cast<int>(references.size()))};
      if (within && pair.probe >= pair.reference) continue;
      options.excluded.push_back(pair);
    }
    for (size_t row = 0; row < probes.size(); ++row)
      options.mates.push_back(
          much ? options.low : options.low + (options.high - options.low) * static_cast<float>(below(1000)) / 1000);
    const AllPairs pairs(probes, references, within, options);
    PairCounts expected(options, probes.size(), within ? 0 : references.size());
    PairCounts ours(options, probes.size(), within ? 0 : references.size());
    for (size_t strip = 0; strip < pairs.strips(); ++strip) {
      pairs.Count(strip, expected);
      queue.Use([&](device::Backend& backend) { device::CountPairs(backend, pairs, strip, ours); });
    }
    for (PairCounts* counts : {&expected, &ours})
      std::ranges::sort(counts->genuine, {}, [](const PairCounts::Genuine& pair) {
        return std::pair(pair.rows.probe, pair.rows.reference);
      });
    ++compared;
    if (SameCounts(ours, expected)) continue;
    ++wrong;
    std::printf("counts of round %d differ\n", round);
  }
  std::printf("%d of %d counts of pairs differ\n", wrong, compared);
  return wrong;
}

// A device that is lost after some kernels.
class LostGrid : public WalkedGrid {
 public:
  LostGrid() : WalkedGrid(kMuch) {}

  template <class Kernel>
  void Launch(size_t jobs, size_t threads, const Kernel& kernel) {
    constexpr int kKernels = 40;
    if (launched_++ >= kKernels) throw device::DeviceError{"the device is lost", false};
    WalkedGrid::Launch(jobs, threads, kernel);
  }

 private:
  int launched_ = 0;
};

// How many of what must happen to calls on a lost device, asked to go on without it or not, does not.
int TestLoss(const LandmarkPredictor& predictor, const Image& image) {
  const auto open = [&] {
    std::vector<std::unique_ptr<device::Backend>> backends;
    backends.push_back(std::make_unique<device::GridBackend<LostGrid>>(std::make_unique<LostGrid>(),
                                                                       device::ModelsOf(predictor.trees())));
    return std::make_unique<Queue>(std::move(backends), 1, kMuch);
  };
  int wrong = 0;
  device::Accelerator going_on({0, 0, true}, open);
  int found = 0;
  for (int i = 0; i < 5; ++i) found += going_on.Find(image) ? 1 : 0;
  if (found == 5 || going_on.problem() != "cuda:0: the device is lost" || going_on.Open() != nullptr) ++wrong;
  device::Accelerator ending({0, 0, false}, open);
  int ended = 0;
  for (int i = 0; i < 5; ++i) {
    try {
      ending.Find(image);
    } catch (const Error& error) {
      ended += error.code() == ErrorCode::kUnavailable ? 1 : 0;
    }
  }
  if (ended == 0 || ended + found != 5) ++wrong;
  std::printf("%d of 2 losses handled otherwise\n", wrong);
  return wrong;
}

int Main(int cuda, int count, const char* model, const char* picture, const std::vector<Image>& photos) {
  const auto predictor = LandmarkPredictor::Load(model);
  const std::vector<Image> images = MakeImages(count, photos);
  const Template mask(
      {"test",
       {{{picture, {}, true}}, {{28.5, {300, 20}}, {1.9, {20, 95}}, {14.1, {580, 95}}, {8, {300, 470}}}},
       std::nullopt,
       std::nullopt});
  int wrong = 0;
  size_t faces = 0;
  std::vector<DrawnFace> drawn;
  for (const int upsample : {0, 1}) {
    const auto queue = MakeQueue(*predictor, cuda, upsample, kMuch, uint64_t{20} << 20U);
    std::vector<std::vector<Face>> found(images.size());
    ForEach(images.size(), [&](size_t i) { found[i] = queue->Find(images[i]); });
    for (size_t i = 0; i < images.size(); ++i) {
      const auto expected = DetectFaces(images[i], {DetectorKind::kFast, upsample});
      faces += expected.size();
      if (upsample == 1)
        for (const Face& face : found[i]) drawn.push_back({&images[i], face.landmarks});
      if (Same(found[i], expected, *predictor, images[i])) continue;
      ++wrong;
      std::printf("image %zu of %dx%d differs, enlarged %d times\n", i, images[i].width, images[i].height, upsample);
    }
    if (upsample == 1) wrong += TestMasks(*queue, drawn, mask) + TestTensors(*queue, drawn) + TestPairs(*queue);
  }
  wrong += TestLoss(*predictor, images.back());
  // Too little memory for the models, and for a photo: told, and the next call is served.
  int refused = 0;
  try {
    MakeQueue(*predictor, cuda, 1, 1000, kMuch);
  } catch (const device::DeviceError& error) {
    refused += error.out_of_memory ? 1 : 0;
  }
  const auto small = MakeQueue(*predictor, cuda, 1, predictor->trees().size() + (uint64_t{2} << 20U), kMuch);
  try {
    small->Find(photos[0]);
  } catch (const device::DeviceError& error) {
    refused += error.out_of_memory ? 1 : 0;
  }
  if (!small->Find(images[0]).empty()) ++wrong;
  std::printf("%d of %zu images differ, %zu faces, %d of 2 shortages of memory told\n", wrong, 2 * images.size(), faces,
              refused);
  return wrong > 0 || refused != 2 ? 1 : 0;
}

}  // namespace
}  // namespace maskbench

int main(int count, char** arguments) {
  std::vector<char*> words(arguments + 1, arguments + count);
  int cuda = -1;
  if (words.size() > 1 && std::string_view(words[0]) == "--cuda") {
    cuda = std::atoi(words[1]);
    words.erase(words.begin(), words.begin() + 2);
  }
  if (words.size() < 6 || words.size() % 3 != 0) {
    std::fprintf(stderr,
                 "device_tests [--cuda <device>] <crops> <shape predictor> <mask's PNG> "
                 "{<raw RGB pixels> <width> <height>}...\n");
    return 2;
  }
  try {
    return maskbench::Main(cuda, std::atoi(words[0]), words[1], words[2],
                           maskbench::ReadPhotos(std::span(words).subspan(3)));
  } catch (const maskbench::device::DeviceError& error) {
    std::printf("skipped: cuda:%d: %s\n", cuda, error.what.c_str());
    return 0;
  }
}
