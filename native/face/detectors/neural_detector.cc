#include "face/detectors/neural_detector.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

#include "face/detectors/passes.h"
#include "face/detectors/suppression.h"
#include "image/scale.h"
#include "runtime/error.h"
#include "runtime/naming.h"

namespace maskbench {
namespace {

// Tiles in one run at most, and pixels in their inputs where there are several: more are no faster.
constexpr int kMostTiles = 8;
constexpr int kMostPixels = 300'000;

size_t TilesInRun(int max_batch, int width, int height) {
  return static_cast<size_t>(std::clamp(kMostPixels / (width * height), 1, max_batch));
}

// The smallest face that is looked for where nothing is asked for: a share of the longer side, and at least so many
// pixels. In small photos smaller ones are looked for where that finds nothing.
constexpr int kSmallestShare = 96;
constexpr int kSmallest = 20;
constexpr int kSmallestOfNone = 12;

int SmallestFace(int min_face, int longer_side) {
  return min_face > 0 ? min_face : std::max(kSmallest, longer_side / kSmallestShare);
}

// Whether a box ends at a side where its tile ends and the plane does not: what it shows of a face may be a part.
bool IsCut(const FoundBox& box, const Pass& pass, const TilePlace& tile) {
  constexpr float kEdge = 1;
  return (box.left < kEdge && tile.left > 0) || (box.top < kEdge && tile.top > 0) ||
         (box.right > static_cast<float>(pass.tile_width) - kEdge && tile.left + pass.tile_width < pass.plane_width) ||
         (box.bottom > static_cast<float>(pass.tile_height) - kEdge && tile.top + pass.tile_height < pass.plane_height);
}

// A square of the image that the network is shown.
struct Window : InputPlace {
  void ToImage(FoundBox& box) const {
    const auto x = [&](float at) { return static_cast<float>(left + at * step); };
    const auto y = [&](float at) { return static_cast<float>(top + at * step); };
    box.left = x(box.left);
    box.right = x(box.right);
    box.top = y(box.top);
    box.bottom = y(box.bottom);
    for (FloatPoint& point : box.points) point = {x(point.x), y(point.y)};
  }
};

// Has `sides` times the box's longer side.
Window WindowAround(const FoundBox& box, double sides, int width, int height) {
  const double side = std::max({box.right - box.left, box.bottom - box.top, 1.0F});
  const double step = sides * side / std::min(width, height);
  return {{(box.left + box.right) / 2 - step * width / 2, (box.top + box.bottom) / 2 - step * height / 2, step}};
}

// Turns round what was seen in a mirrored input. Which points change sides is not known, so they are left out.
void MirrorBack(int width, FoundBox& box) {
  box = {
      static_cast<float>(width) - box.right, box.top, static_cast<float>(width) - box.left, box.bottom, box.score, {}};
}

// Moves a box, and its points where the other has them, by a share of their distances from the other's.
void MoveTowards(const FoundBox& other, float share, FoundBox& box) {
  const auto move = [&](float& from, float to) { from += share * (to - from); };
  move(box.left, other.left);
  move(box.top, other.top);
  move(box.right, other.right);
  move(box.bottom, other.bottom);
  for (size_t i = 0; i < other.points.size(); ++i) {
    move(box.points[i].x, other.points[i].x);
    move(box.points[i].y, other.points[i].y);
  }
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

std::vector<FoundBox> NeuralDetector::FindBoxes(const DetectorDescription& plan, const Image& image,
                                                const NeuralSearch& search, float least,
                                                const Cancellation& cancellation) const {
  const ValueTables tables = TablesOf(description_);
  const int smallest = SmallestFace(search.min_face, std::max(image.width, image.height));
  std::vector<Pass> passes = PlanPasses(plan, image.width, image.height, smallest, search.pad);
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
    const size_t most = TilesInRun(max_batch_, pass.tile_width, pass.tile_height);
    for (size_t begin = 0; begin < pass.tiles.size(); begin += most) {
      cancellation.ThrowIfCancelled();
      const int count = static_cast<int>(std::min(pass.tiles.size() - begin, most));
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

std::vector<FoundBox> NeuralDetector::LookAgain(const Look& look, double sides, const Image& image,
                                                std::span<const FoundBox> boxes, std::span<const size_t> some,
                                                const Cancellation& cancellation) const {
  // A box that shares less shows something else.
  constexpr float kSame = 0.35F;
  // Lower scores say nothing.
  constexpr float kLeast = 0.01F;
  const auto& [width, height, mirrored] = look;
  const ValueTables tables = TablesOf(description_);
  const size_t size = size_t{3} * width * height;
  std::vector<float> tensor;
  std::vector<FoundBox> all;
  const size_t most = TilesInRun(max_batch_, width, height);
  for (size_t begin = 0; begin < some.size(); begin += most) {
    cancellation.ThrowIfCancelled();
    const std::span<const size_t> batch = some.subspan(begin, std::min(some.size() - begin, most));
    tensor.resize(size * batch.size());
    std::vector<Window> windows;
    for (size_t i = 0; i < batch.size(); ++i) {
      windows.push_back(WindowAround(boxes[batch[i]], sides, width, height));
      float* input = tensor.data() + size * i;
      FillScaledInput(description_, tables, image, windows.back(), width, height, input);
      if (mirrored) MirrorInput(description_, width, height, input);
    }
    const int count = static_cast<int>(batch.size());
    const std::vector<Tensor> outputs = Run(tensor, count, width, height);
    for (int i = 0; i < count; ++i) {
      const auto place = static_cast<size_t>(i);
      FoundBox best{};
      for (FoundBox& seen : DecodeImage({outputs, count, i, width, height}, kLeast)) {
        if (mirrored) MirrorBack(width, seen);
        windows[place].ToImage(seen);
        if (seen.score > best.score && OverlapOf(seen, boxes[batch[place]]) >= kSame) best = std::move(seen);
      }
      all.push_back(std::move(best));
    }
  }
  return all;
}

void NeuralDetector::Confirm(double sides, std::span<const Look> looks, const Image& image, float min_score,
                             std::vector<FoundBox>& boxes, const Cancellation& cancellation) const {
  // From here a mean of two looks or more is a face, whatever another look gives; so far below the least score it is
  // none. Chosen on the odd ones of photos with marked faces and of photos without faces, where both change nothing.
  constexpr float kSure = 0.7F;
  constexpr float kReach = 0.24F;
  // Looks that saw the box.
  std::vector<float> seen(boxes.size(), 1);
  for (size_t look = 0; look < looks.size(); ++look) {
    const auto before = static_cast<float>(look + 1);
    const auto left = static_cast<float>(looks.size() - look);
    std::vector<size_t> open;
    for (size_t i = 0; i < boxes.size(); ++i) {
      const float score = boxes[i].score;
      const bool decided = look > 0 && (score >= kSure || score < min_score - kReach);
      if (!decided && score * before + left >= min_score * (before + left)) open.push_back(i);
    }
    const std::vector<FoundBox> found = LookAgain(looks[look], sides, image, boxes, open, cancellation);
    for (size_t k = 0; k < open.size(); ++k) {
      FoundBox& box = boxes[open[k]];
      box.score += (found[k].score - box.score) / (before + 1);
      if (found[k].score > 0) MoveTowards(found[k], 1 / ++seen[open[k]], box);
    }
  }
}

std::vector<FoundBox> NeuralDetector::SearchWith(const DetectorDescription& plan, std::span<const Look> looks,
                                                 const Image& image, const NeuralSearch& search,
                                                 const Cancellation& cancellation) const {
  // What the first look must give, and how many boxes are looked at again at most.
  constexpr float kFirst = 0.2F;
  constexpr size_t kMost = 256;
  std::vector<FoundBox> found = FindBoxes(plan, image, search, std::min(kFirst, search.min_score), cancellation);
  if (found.size() > kMost) found.resize(kMost);
  Confirm(plan.confirm, looks, image, search.min_score, found, cancellation);
  std::erase_if(found, [&](const FoundBox& box) { return box.score < search.min_score; });
  return SuppressWorse(std::move(found), description_.overlap);
}

std::vector<FoundBox> NeuralDetector::Search(const Image& image, const NeuralSearch& search,
                                             const Cancellation& cancellation) const {
  const DetectorDescription& usual = description_;
  if (usual.confirm == 0) return FindBoxes(usual, image, search, search.min_score, cancellation);
  if (usual.multiple == 0)
    return SearchWith(usual, std::array{Look{usual.width, usual.height, false}}, image, search, cancellation);
  const auto resized = [&](const DetectorDescription& plan, double times, bool mirrored) {
    const auto side = [&](int of) {
      return std::max(1, static_cast<int>(of * times) / usual.multiple) * usual.multiple;
    };
    return Look{side(plan.width), side(plan.height), mirrored};
  };
  // Looks at a second size tell more of what is a face, and so does a mirrored one. The smaller is first: it costs
  // less.
  const auto looks = [&](const DetectorDescription& plan, double smaller) {
    return std::array{resized(plan, smaller, false), resized(plan, 1, false), resized(plan, 1, true)};
  };
  constexpr double kSmaller = 0.75;
  std::vector<FoundBox> found = SearchWith(usual, looks(usual, kSmaller), image, search, cancellation);
  constexpr float kEnough = 0.5F;
  const auto is_found = [&] { return !found.empty() && found.front().score >= kEnough; };
  const auto add = [&](std::vector<FoundBox> more) {
    std::ranges::move(more, std::back_inserter(found));
    found = SuppressWorse(std::move(found), usual.overlap);
  };
  const int longer = std::max(image.width, image.height);
  // A face that fills the photo is seen better, about as large as before, with more border.
  constexpr double kLarger = 1.5;
  constexpr double kLittleSmaller = 0.85;
  if (search.pad > 0 && !is_found()) {
    DetectorDescription wide = usual;
    const Look larger = resized(usual, kLarger, false);
    wide.width = larger.width;
    wide.height = larger.height;
    wide.confirm = kLarger * usual.confirm;
    const double pad = (kLarger * (1 + 2 * search.pad) - 1) / 2;
    // What only this shows is less often a face at the same score. Chosen on the odd photos with marked faces.
    constexpr float kWorth = 0.88F;
    std::vector<FoundBox> seen =
        SearchWith(wide, looks(wide, kLittleSmaller), image, {search.min_score / kWorth, longer, pad}, cancellation);
    for (FoundBox& box : seen) box.score *= kWorth;
    add(std::move(seen));
  }
  const int smaller = std::max(kSmallestOfNone, longer / kSmallestShare);
  if (search.min_face == 0 && smaller < SmallestFace(0, longer) && !is_found())
    add(SearchWith(usual, looks(usual, kSmaller), image, {search.min_score, smaller, search.pad}, cancellation));
  return found;
}

int64_t NetworkSearchBytes(const DetectorDescription& network, int64_t pixels, int min_face) {
  const double least = std::max<double>(kSmallestOfNone, std::sqrt(static_cast<double>(pixels)) / kSmallestShare);
  const double scale = network.smallest / (min_face > 0 ? min_face : least);
  // A network's own layers take about this much for a pixel of its input; a scaled photo three bytes.
  constexpr int64_t kLayers = 400;
  const int64_t input = std::max(int64_t{kMostPixels}, LargestTile(network));
  return static_cast<int64_t>(static_cast<double>(3 * pixels) * scale * scale) + input * kLayers;
}

}  // namespace maskbench
