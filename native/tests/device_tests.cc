// device_tests [--cuda <device>] [--record <file>] <crops> <shape predictor> <mask's PNG> {<raw RGB pixels> <width>
// <height>}...: what runs on a GPU, on grids that are walked on the CPU, or on a device itself: faces of mixed batches
// of crops and odd sizes must be those of the CPU, boxes, scores and landmarks, and masks on them have its pixels.
// Devices are lost, too.

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

#include "device/handle.h"
#include "open_device/open.h"
#include "device/queue.h"
#include "device/walked_grid.h"
#include "embed/cut.h"
#include "face/detector.h"
#include "face/landmarks.h"
#include "face/pyramid.h"
#include "face/search_request.h"
#include "mask/draw_request.h"
#include "runtime/random.h"
#include "mask/render.h"
#include "mask/style.h"
#include "runtime/error.h"
#include "tests/crops.h"
#include "tests/device_cases.h"
#include "tests/pair_tests.h"

namespace maskbench {
namespace {

using device::Queue;
using device::WalkedGrid;

constexpr uint64_t kMuch = uint64_t{4} << 30U;

// `limit`: bytes that each of two grids may take; `batch`: those that the photos of a batch may.
std::unique_ptr<Queue> MakeQueue(int cuda, uint64_t limit, uint64_t batch) {
  if (cuda >= 0) return OpenDevice({cuda, 2 * limit, false}, 2);
  std::vector<std::unique_ptr<device::Stream>> streams(2);
  for (auto& stream : streams)
    stream = MakeStream(MakePrograms(std::make_unique<WalkedGrid>(limit), MakeDeviceModels()));
  return std::make_unique<Queue>(std::move(streams), batch);
}

std::vector<Face> Find(Queue& queue, const Image& image, int upsample, const LandmarkPredictor& predictor) {
  SearchRequest request{&image, upsample, predictor.trees(), {}};
  queue.Do(request);
  return request.faces;
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
int TestMasks(Queue& queue, const std::vector<DrawnFace>& faces, const Template& mask, DeviceCases& cases) {
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
  cases.masks.resize(faces.size() * styles.size());
  ForEach(cases.masks.size(), [&](size_t i) {
    const auto& [image, landmarks] = faces[i / styles.size()];
    const auto& [flat, look] = styles[i % styles.size()];
    Image ours = *image;
    Image expected = *image;
    const bool wants_matte = i % 3 == 0;
    std::vector<uint8_t> matte(wants_matte ? image->pixels.size() / 3 : 0);
    std::vector<uint8_t> expected_matte = matte;
    const Drawing drawing = flat ? PlanFlat(ours, landmarks, *flat, kColor) : PlanTemplate(ours, landmarks, mask, look);
    DrawRequest request{{&ours, &drawing, matte}};
    queue.Do(request);
    if (flat)
      DrawFlat(expected, landmarks, *flat, kColor, expected_matte);
    else
      DrawTemplate(expected, landmarks, mask, look, expected_matte);
    MaskCase& record = cases.masks[i];
    record = {*image, drawing, {}, expected, expected_matte};
    if (const auto* worn = std::get_if<TemplateDrawing>(&drawing.mask); worn != nullptr && !worn->spans.empty())
      record.shadow.assign(worn->shadow.texels,
                           worn->shadow.texels + static_cast<ptrdiff_t>(worn->shadow.width) * worn->shadow.height);
    if (ours.pixels == expected.pixels && matte == expected_matte) return;
    ++wrong;
    std::printf("mask %zu on an image of %dx%d differs\n", i % styles.size(), image->width, image->height);
  });
  std::printf("%d of %zu masks differ\n", wrong.load(), faces.size() * styles.size());
  return wrong;
}

CropCase CaseOf(const CropPlan& plan) {
  CropCase crop{*plan.image, false, false, 0, 0, 0, 0, {}};
  if (const auto* resized = std::get_if<CropPlan::Resized>(&plan.way)) {
    crop.resized = true;
    // (Whole cells are the same by either way.)
    crop.by_area = resized->plan.tables().kind != ScaleKind::kLinear;
    crop.left = resized->left;
    crop.top = resized->top;
    crop.width = resized->width;
    crop.height = resized->height;
  } else {
    crop.map = std::get<Affine>(plan.way);
  }
  return crop;
}

// What walked grids answer, which was held to the CPU before.
std::vector<SearchCase> RecordSearches(const std::vector<Image>& images, const DeviceModels& models,
                                       std::span<const uint8_t> trees) {
  const Programs programs = MakePrograms(std::make_unique<WalkedGrid>(kMuch), models);
  programs.searcher->LoadTrees(trees);
  std::vector<SearchCase> searches;
  constexpr size_t kBatch = 64;
  for (size_t first = 0; first < images.size(); first += kBatch) {
    SearchCase& search = searches.emplace_back();
    std::vector<PhotoInput> photos;
    for (size_t i = first; i < std::min(first + kBatch, images.size()); ++i) {
      const ImageSize size{images[i].width, images[i].height};
      search.photos.push_back({images[i], SizesOf(size, 1)});
      photos.push_back({images[i].pixels.data(), size, SizesOf(size, 1)});
    }
    search.windows = programs.searcher->FindWindows(photos);
    for (const FoundWindow& window : search.windows) {
      const int side = BoxSizeOf(window.level, 1);
      search.faces.push_back({window.photo, PixelsOf({10, 10, 10 + side, 10 + side})});
    }
    search.shapes = programs.searcher->FindLandmarks(search.faces);
  }
  return searches;
}

// Faces cut in every way, whole images and ready crops as inputs of models of several kinds: how many differ from the
// CPU's.
int TestTensors(Queue& queue, const std::vector<DrawnFace>& faces, DeviceCases& cases) {
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
      crops.reserve(plans.size());
      for (const CropPlan& plan : plans) crops.push_back(&plan);
      std::vector<float> ours(crops.size() * input.size());
      queue.Lend([&](device::Stream& stream) {
        auto& maker = stream.Get<TensorMaker>();
        maker.Read(maker.MakeTensor(crops, input.layout()), std::span(ours));
      });
      TensorCase& record = cases.tensors.emplace_back();
      record.layout = input.layout();
      for (size_t i = 0; i < plans.size(); ++i) {
        record.crops.push_back(CaseOf(plans[i]));
        std::vector<float> expected(input.size());
        Normalize(input, MakeCrop(input, plans[i]), expected);
        record.expected.insert(record.expected.end(), expected.begin(), expected.end());
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

// How many of what must happen to calls on a lost device, asked to fall back to the CPU or not, does not.
int TestLoss(const LandmarkPredictor& predictor, const Image& image) {
  const auto open = [&] {
    std::vector<std::unique_ptr<device::Stream>> streams;
    streams.push_back(MakeStream(MakePrograms(std::make_unique<LostGrid>(), MakeDeviceModels())));
    return std::make_unique<Queue>(std::move(streams), kMuch);
  };
  const auto find = [&](device::Handle& device) {
    SearchRequest request{&image, 1, predictor.trees(), {}};
    return device.Do(request);
  };
  int wrong = 0;
  device::Handle going_on({0, 0, true}, open);
  int found = 0;
  for (int i = 0; i < 5; ++i) found += find(going_on) ? 1 : 0;
  const auto problem = going_on.problem();
  if (found == 5 || !problem || problem->device != "cuda:0" || problem->reason != "the device is lost" ||
      going_on.Open())
    ++wrong;
  device::Handle ending({0, 0, false}, open);
  int ended = 0;
  for (int i = 0; i < 5; ++i) {
    try {
      find(ending);
    } catch (const Error& error) {
      ended += error.code() == ErrorCode::kUnavailable ? 1 : 0;
    }
  }
  if (ended == 0 || ended + found != 5) ++wrong;
  std::printf("%d of 2 losses handled otherwise\n", wrong);
  return wrong;
}

int Main(int cuda, const char* record, int count, const char* model, const char* picture,
         const std::vector<Image>& photos) {
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
  DeviceCases cases;
  for (const int upsample : {0, 1}) {
    const auto queue = MakeQueue(cuda, kMuch, uint64_t{20} << 20U);
    std::vector<std::vector<Face>> found(images.size());
    ForEach(images.size(), [&](size_t i) { found[i] = Find(*queue, images[i], upsample, *predictor); });
    for (size_t i = 0; i < images.size(); ++i) {
      const auto expected = DetectFaces(images[i], {DetectorKind::kFast, upsample});
      faces += expected.size();
      if (upsample == 1)
        for (const Face& face : found[i]) drawn.push_back({&images[i], face.landmarks});
      if (Same(found[i], expected, *predictor, images[i])) continue;
      ++wrong;
      std::printf("image %zu of %dx%d differs, enlarged %d times\n", i, images[i].width, images[i].height, upsample);
    }
    if (upsample == 1) wrong += TestMasks(*queue, drawn, mask, cases) + TestTensors(*queue, drawn, cases);
    if (upsample == 1) queue->Lend([&](device::Stream& stream) { wrong += TestPairs(stream.Get<PairScorer>()); });
  }
  if (record != nullptr) {
    cases.models = MakeDeviceModels();
    cases.trees.assign(predictor->trees().begin(), predictor->trees().end());
    cases.searches = RecordSearches(images, cases.models, predictor->trees());
    CaseWriter writer(record);
    Transfer(writer, cases);
  }
  wrong += TestLoss(*predictor, images.back());
  // Too little memory for the models, and for a photo: told, and the next call is served.
  int refused = 0;
  try {
    MakeQueue(cuda, 1000, kMuch);
  } catch (const device::DeviceError& error) {
    refused += error.out_of_memory ? 1 : 0;
  }
  const auto small = MakeQueue(cuda, predictor->trees().size() + (uint64_t{2} << 20U), kMuch);
  try {
    Find(*small, photos[0], 1, *predictor);
  } catch (const device::DeviceError& error) {
    refused += error.out_of_memory ? 1 : 0;
  }
  if (!Find(*small, images[0], 1, *predictor).empty()) ++wrong;
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
  const char* record = nullptr;
  if (words.size() > 1 && std::string_view(words[0]) == "--record") {
    record = words[1];
    words.erase(words.begin(), words.begin() + 2);
  }
  if (words.size() < 6 || words.size() % 3 != 0) {
    std::fprintf(stderr,
                 "device_tests [--cuda <device>] [--record <file>] <crops> <shape predictor> <mask's PNG> "
                 "{<raw RGB pixels> <width> <height>}...\n");
    return 2;
  }
  try {
    return maskbench::Main(cuda, record, std::atoi(words[0]), words[1], words[2],
                           maskbench::ReadPhotos(std::span(words).subspan(3)));
  } catch (const maskbench::device::DeviceError& error) {
    std::printf("skipped: cuda:%d: %s\n", cuda, error.what.c_str());
    return 0;
  }
}
