#include "face/detectors/neural_detector.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "face/detectors/passes.h"
#include "face/detectors/suppression.h"
#include "image/scale.h"
#include "runtime/error.h"
#include "runtime/naming.h"

namespace maskbench {
namespace {

// Tiles in one run at most.
constexpr int kMostTiles = 8;

// The smallest face that is looked for.
int SmallestFace(int min_face, int longer_side) {
  constexpr int kShare = 96;
  constexpr int kLeast = 20;
  return min_face > 0 ? min_face : std::max(kLeast, longer_side / kShare);
}

// Whether a box ends at a side where its tile ends and the plane does not: what it shows of a face may be a part.
bool IsCut(const FoundBox& box, const Pass& pass, const TilePlace& tile) {
  constexpr float kEdge = 1;
  return (box.left < kEdge && tile.left > 0) || (box.top < kEdge && tile.top > 0) ||
         (box.right > static_cast<float>(pass.tile_width) - kEdge && tile.left + pass.tile_width < pass.plane_width) ||
         (box.bottom > static_cast<float>(pass.tile_height) - kEdge && tile.top + pass.tile_height < pass.plane_height);
}

}  // namespace

NeuralDetector::NeuralDetector(const SessionOptions& session, DetectorDescription description)
    : description_(std::move(description)),
      model_(session.model),
      decode_(DecoderNamed(description_.decoder)),
      session_(Session::Open(session)) {
  Try();
}

std::vector<Tensor> NeuralDetector::Run(std::span<float> tensor, int images, int width, int height) const {
  std::array<int64_t, 4> shape = {images, 3, height, width};
  if (!description_.channels_first) shape = {images, height, width, 3};
  return session_->Run(tensor, -1, shape, session_->outputs());
}

std::vector<FoundBox> NeuralDetector::DecodeImage(const NetworkOutput& output, float least) const {
  std::vector<FoundBox> found;
  Naming(model_, ErrorCode::kInferenceFailed, [&] { decode_(description_, output, least, found); });
  for (const FoundBox& box : found)
    for (const float number : {box.score, box.left, box.top, box.right, box.bottom})
      if (!std::isfinite(number))
        throw Error(ErrorCode::kInferenceFailed, model_, "the network's scores or boxes are not finite");
  return found;
}

void NeuralDetector::Try() {
  const std::vector<int64_t>& shape = session_->input_shape();
  const int channels = description_.channels_first ? 1 : 3;
  const int rows = description_.channels_first ? 2 : 1;
  const auto fits = [&](int axis, int64_t size, bool free) {
    const int64_t found = shape[static_cast<size_t>(axis)];
    return found < 0 || (found == size && !free);
  };
  const bool free = description_.multiple > 0;
  if (shape.size() != 4 || shape[0] > 1 || !fits(channels, 3, false) || !fits(rows, description_.height, free) ||
      !fits(rows + 1, description_.width, free)) {
    std::string sizes;
    for (const int64_t size : shape) sizes += (sizes.empty() ? "" : " x ") + (size < 0 ? "n" : std::to_string(size));
    throw Error(ErrorCode::kInvalidArgument, model_,
                "the network's input is " + sizes + ", its description says " + std::to_string(description_.width) +
                    "x" + std::to_string(description_.height) + " pixels" + (free ? " and other sizes" : "") +
                    ", one image or any number");
  }
  // An image of noise, and of grey.
  const size_t size = size_t{3} * description_.width * description_.height;
  std::vector<float> tensor(2 * size);
  const ValueTables tables = TablesOf(description_);
  for (size_t i = 0; i < tensor.size(); ++i) tensor[i] = tables[i % 3][i < size ? i * 97 % 256 : 128];
  const std::vector<Tensor> alone = Run({tensor.data(), size}, 1, description_.width, description_.height);
  DecodeImage({alone, 1, 0, description_.width, description_.height}, 0);
  if (shape[0] == 1) return;
  try {
    const std::vector<Tensor> together = Run(tensor, 2, description_.width, description_.height);
    for (size_t i = 0; i < alone.size(); ++i) {
      constexpr float kTolerance = 1e-3F;
      const auto is_near = [](float a, float b) { return std::abs(a - b) <= kTolerance * std::max(1.0F, std::abs(a)); };
      if (together[i].numbers.size() != 2 * alone[i].numbers.size() || together[i].shape.front() != 2 ||
          !std::ranges::equal(alone[i].numbers, std::span(together[i].numbers).first(alone[i].numbers.size()), is_near))
        return;
    }
    max_batch_ = kMostTiles;
  } catch (const Error&) {  // one by one then
  }
}

std::vector<FoundBox> NeuralDetector::FindBoxes(const Image& image, const NeuralSearch& search, float least,
                                                const Cancellation& cancellation) const {
  const ValueTables tables = TablesOf(description_);
  const int smallest = SmallestFace(search.min_face, std::max(image.width, image.height));
  std::vector<Pass> passes = PlanPasses(description_, image.width, image.height, smallest, search.pad);
  std::vector<FoundBox> found;
  std::vector<float> tensor;
  // Each is made from the next finer one.
  std::ranges::reverse(passes);
  Image finer;
  Image scaled;
  const Image* from = &image;
  for (const Pass& pass : passes) {
    scaled = Image(pass.width, pass.height);
    ScaleInto(ScalePlan(from->width, from->height, pass.width, pass.height, true), *from, scaled, 0, 0, pass.width,
              pass.height);
    const size_t size = size_t{3} * pass.tile_width * pass.tile_height;
    const auto across = static_cast<float>(static_cast<double>(image.width) / pass.width);
    const auto down = static_cast<float>(static_cast<double>(image.height) / pass.height);
    for (size_t begin = 0; begin < pass.tiles.size(); begin += static_cast<size_t>(max_batch_)) {
      cancellation.ThrowIfCancelled();
      const int count = static_cast<int>(std::min(pass.tiles.size() - begin, static_cast<size_t>(max_batch_)));
      tensor.resize(size * static_cast<size_t>(count));
      for (int i = 0; i < count; ++i) {
        const TilePlace& tile = pass.tiles[begin + static_cast<size_t>(i)];
        FillInput(description_, tables, scaled, pass.tile_width, pass.tile_height, pass.left - tile.left,
                  pass.top - tile.top, tensor.data() + size * static_cast<size_t>(i));
      }
      const std::vector<Tensor> outputs = Run(tensor, count, pass.tile_width, pass.tile_height);
      for (int i = 0; i < count; ++i) {
        const TilePlace& tile = pass.tiles[begin + static_cast<size_t>(i)];
        for (FoundBox& box : DecodeImage({outputs, count, i, pass.tile_width, pass.tile_height}, least)) {
          if (IsCut(box, pass, tile) || std::max(box.right - box.left, box.bottom - box.top) > pass.largest) continue;
          const auto to_x = [&](float x) { return (x + static_cast<float>(tile.left - pass.left)) * across; };
          const auto to_y = [&](float y) { return (y + static_cast<float>(tile.top - pass.top)) * down; };
          box.left = to_x(box.left);
          box.right = to_x(box.right);
          box.top = to_y(box.top);
          box.bottom = to_y(box.bottom);
          for (FloatPoint& point : box.points) point = {to_x(point.x), to_y(point.y)};
          found.push_back(std::move(box));
        }
      }
    }
    finer = std::move(scaled);
    from = &finer;
  }
  return SuppressWorse(std::move(found), description_.overlap);
}

void NeuralDetector::Confirm(const Image& image, std::span<FoundBox> boxes, const Cancellation& cancellation) const {
  // A box that shares less shows something else.
  constexpr float kSame = 0.35F;
  const ValueTables tables = TablesOf(description_);
  const int width = description_.width;
  const int height = description_.height;
  const size_t size = size_t{3} * width * height;
  std::vector<float> tensor;
  for (size_t begin = 0; begin < boxes.size(); begin += static_cast<size_t>(max_batch_)) {
    cancellation.ThrowIfCancelled();
    const std::span<FoundBox> some =
        boxes.subspan(begin, std::min(boxes.size() - begin, static_cast<size_t>(max_batch_)));
    tensor.resize(size * some.size());
    std::vector<FoundBox> places;
    for (size_t i = 0; i < some.size(); ++i) {
      const FoundBox& box = some[i];
      const double side = std::max({box.right - box.left, box.bottom - box.top, 1.0F});
      // Pixels of the image for one of the input.
      const double step = description_.confirm * side / std::min(width, height);
      const double left = (box.left + box.right) / 2 - step * width / 2;
      const double top = (box.top + box.bottom) / 2 - step * height / 2;
      FillScaledInput(description_, tables, image, {left, top, step}, tensor.data() + size * i);
      const auto place = [&](float at, double from) { return static_cast<float>((at - from) / step); };
      places.push_back(
          {place(box.left, left), place(box.top, top), place(box.right, left), place(box.bottom, top), 0, {}});
    }
    const int count = static_cast<int>(some.size());
    const std::vector<Tensor> outputs = Run(tensor, count, width, height);
    for (int i = 0; i < count; ++i) {
      float second = 0;
      for (const FoundBox& box : DecodeImage({outputs, count, i, width, height}, 0))
        if (box.score > second && OverlapOf(box, places[static_cast<size_t>(i)]) >= kSame) second = box.score;
      FoundBox& box = some[static_cast<size_t>(i)];
      box.score = (box.score + second) / 2;
    }
  }
}

std::vector<FoundBox> NeuralDetector::Search(const Image& image, const NeuralSearch& search,
                                             const Cancellation& cancellation) const {
  if (description_.confirm == 0) return FindBoxes(image, search, search.min_score, cancellation);
  // What the first look must give, and how many boxes are looked at again at most.
  constexpr float kFirst = 0.3F;
  constexpr size_t kMost = 256;
  std::vector<FoundBox> found = FindBoxes(image, search, std::min(kFirst, search.min_score), cancellation);
  if (found.size() > kMost) found.resize(kMost);
  Confirm(image, found, cancellation);
  std::erase_if(found, [&](const FoundBox& box) { return box.score < search.min_score; });
  std::ranges::stable_sort(found, std::ranges::greater(), &FoundBox::score);
  return found;
}

int64_t NetworkSearchBytes(const DetectorDescription& network, int64_t pixels, int min_face) {
  const double scale = static_cast<double>(network.smallest) / SmallestFace(min_face, 0);
  // A network's own layers take about this much for a pixel of its input; a scaled photo three bytes.
  constexpr int64_t kLayers = 400;
  const int64_t input = int64_t{network.width} * network.height * (network.multiple > 0 ? 4 : 1);
  return static_cast<int64_t>(static_cast<double>(3 * pixels) * scale * scale) + input * kMostTiles * kLayers;
}

}  // namespace maskbench
