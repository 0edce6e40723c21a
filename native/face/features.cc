#include "face/features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "face/features.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef MASKBENCH_FACE_FEATURES_CC_
#define MASKBENCH_FACE_FEATURES_CC_
namespace maskbench {

constexpr int kHalf = kOrientations / 2;

// What the rows of an image are turned into while they pass.
struct FeatureScratch : CellGrid {
  // For eight rows of pixels: the length of the gradient and where it votes.
  size_t pixels;
  std::vector<float> lengths;
  std::vector<int32_t> places;
  // [orientation][cell][upper, lower]: votes of the two rows of cells that the present rows of pixels vote in.
  size_t votes_stride;
  std::vector<float> votes;
  // Rows of cells, the last three: votes [orientation][cell], and their energy.
  size_t cells_stride;
  std::array<std::vector<float>, 3> histograms, energies;
  // Rows of blocks of 2 x 2 cells, the last two: the most that a vote counts, and its factor.
  std::array<std::vector<float>, 2> limits, factors;

  void SetSize(const Planes& image);
  float* lengths_of(int row) { return lengths.data() + static_cast<size_t>(row) * pixels; }
  int32_t* places_of(int row) { return places.data() + static_cast<size_t>(row) * pixels; }
};

}  // namespace maskbench
#endif  // MASKBENCH_FACE_FEATURES_CC_

HWY_BEFORE_NAMESPACE();
namespace maskbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Wide = hn::CappedTag<float, 8>;
using Four = hn::FixedTag<float, 4>;

// a0 b0 + a1 b1 of each two neighbours.
template <class D16>
HWY_INLINE hn::Vec<hn::RepartitionToWide<D16>> MultiplyPairs(D16 d, hn::Vec<D16> a, hn::Vec<D16> b) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  (void)d;
  return hn::Vec<hn::RepartitionToWide<D16>>{_mm512_madd_epi16(a.raw, b.raw)};
#elif HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  (void)d;
  return hn::Vec<hn::RepartitionToWide<D16>>{_mm256_madd_epi16(a.raw, b.raw)};
#else
  const hn::RepartitionToWide<D16> d32;
  const auto low = [&](hn::Vec<D16> v) HWY_ATTR { return hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(d32, v))); };
  const auto high = [&](hn::Vec<D16> v) HWY_ATTR { return hn::ShiftRight<16>(hn::BitCast(d32, v)); };
  (void)d;
  return hn::Add(hn::Mul(low(a), low(b)), hn::Mul(high(a), high(b)));
#endif
}

using Shorts16 = hn::CappedTag<int16_t, 32>;
using Ints32 = hn::RepartitionToWide<Shorts16>;
using Ints = hn::Vec<Ints32>;

// Interleaving has left the blocks of 128 bits where they were, those of the lower halves in the first vector: puts
// them in order.
HWY_INLINE void OrderBlocks(Ints& first, Ints& second) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  const __m512i lower = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
  const __m512i upper = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
  const Ints ordered{_mm512_permutex2var_epi64(first.raw, lower, second.raw)};
  second = Ints{_mm512_permutex2var_epi64(first.raw, upper, second.raw)};
  first = ordered;
#else
  if constexpr (hn::MaxLanes(Ints32()) == 8) {
    const Ints32 d;
    const Ints ordered = hn::ConcatLowerLower(d, second, first);
    second = hn::ConcatUpperUpper(d, second, first);
    first = ordered;
  }
#endif
}

// Where the votes of each orientation begin, for gradients that lie beyond so many borders.
class Beginnings {
 public:
  explicit Beginnings(int stride) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
    alignas(64) int32_t table[32];
    for (int up = 0; up < 2; ++up)
      for (int mirrored = 0; mirrored < 2; ++mirrored)
        for (int steps = 0; steps < 8; ++steps)
          table[16 * up + 8 * mirrored + steps] =
              ((mirrored == 1 ? kHalf - steps : steps) + kHalf * up) % kOrientations * stride;
    first_ = hn::Load(Ints32(), table);
    second_ = hn::Load(Ints32(), table + 16);
#else
    stride_ = hn::Set(Ints32(), stride);
#endif
  }

  // `both` are the components across and along, `steps` the borders.
  HWY_INLINE Ints Of(Ints both, Ints steps) const {
    const Ints32 d;
    const Ints up = hn::ShiftRight<31>(both);
    // What is along is made to point down: then it is mirrored where it points left.
    const Ints across = hn::Sub(hn::Xor(hn::ShiftLeft<16>(both), up), up);
    const Ints mirrored = hn::ShiftRight<31>(across);
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
    const Ints bits = hn::Or(hn::And(up, hn::Set(d, 16)), hn::And(mirrored, hn::Set(d, 8)));
    return Ints{_mm512_permutex2var_epi32(first_.raw, hn::Or(bits, steps).raw, second_.raw)};
#else
    const Ints half = hn::Set(d, kHalf);
    Ints orientation = hn::Add(hn::Sub(hn::Xor(steps, mirrored), mirrored), hn::And(mirrored, half));
    orientation = hn::Add(orientation, hn::And(up, half));
    return hn::Mul(hn::IfThenZeroElse(hn::Eq(orientation, hn::Set(d, kOrientations)), orientation), stride_);
#endif
  }

 private:
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  Ints first_, second_;
#else
  Ints stride_;
#endif
};

// Lengths of gradients and the places of their votes, for the pixels of a row that dlib looks at eight at a time.
void Gradients(const Planes& image, int y, FeatureScratch& scratch, int row) {
  const Shorts16 d16;
  const hn::Rebind<uint8_t, Shorts16> d8;
  const Ints32 d32;
  const hn::RebindToFloat<Ints32> df;
  using Shorts = hn::Vec<Shorts16>;
  constexpr int kLanes = hn::MaxLanes(d16);
  float* lengths = scratch.lengths_of(row);
  int32_t* places = scratch.places_of(row);
  const Beginnings beginnings(static_cast<int>(scratch.votes_stride));
  Shorts borders[4];
  for (int i = 0; i < 4; ++i) {
    const auto& [across, along] = kBorders[i];
    borders[i] = hn::BitCast(d16, hn::Set(d32, across - along * (1 << 16)));
  }
  const uint8_t* rows[kColors][3];
  for (int color = 0; color < kColors; ++color)
    for (int i = 0; i < 3; ++i) rows[color][i] = image.row(color, y - 1 + i);
  const Ints counted = hn::Iota(d32, 0);
  for (int x = 1; x < 1 + kCell * scratch.blocks; x += kLanes) {
    Shorts gradients[2];
    Ints squares[2];
    for (int color = 0; color < kColors; ++color) {
      const auto& [above, middle, below] = rows[color];
      const auto load = [&](const uint8_t* from) HWY_ATTR { return hn::PromoteTo(d16, hn::LoadU(d8, from + x)); };
      const Shorts across = hn::Sub(load(middle + 1), load(middle - 1));
      const Shorts along = hn::Sub(load(below), load(above));
      const Shorts pairs[2] = {hn::InterleaveLower(d16, across, along), hn::InterleaveUpper(d16, across, along)};
      for (int half = 0; half < 2; ++half) {
        const Ints square = MultiplyPairs(d16, pairs[half], pairs[half]);
        if (color == 0) {
          gradients[half] = pairs[half];
          squares[half] = square;
          continue;
        }
        // The later of equal colours.
        const auto keep = hn::Gt(squares[half], square);
        gradients[half] =
            hn::BitCast(d16, hn::IfThenElse(keep, hn::BitCast(d32, gradients[half]), hn::BitCast(d32, pairs[half])));
        squares[half] = hn::Max(squares[half], square);
      }
    }
    Ints places_of[2];
    for (int half = 0; half < 2; ++half) {
      const Shorts sizes = hn::Abs(gradients[half]);
      Ints steps = hn::Zero(d32);
      // Beyond a border the sum is negative.
      for (const Shorts& border : borders)
        steps = hn::Sub(steps, hn::ShiftRight<31>(MultiplyPairs(d16, sizes, border)));
      places_of[half] = beginnings.Of(hn::BitCast(d32, gradients[half]), steps);
    }
    OrderBlocks(places_of[0], places_of[1]);
    OrderBlocks(squares[0], squares[1]);
    for (int half = 0; half < 2; ++half) {
      const int from = x + half * kLanes / 2;
      // Twice the cell, whose two rows lie side by side.
      const Ints at = hn::Add(counted, hn::Set(d32, from));
      const Ints cell = hn::ShiftRight<4>(hn::Add(hn::Add(at, at), hn::Set(d32, 1 + kCell)));
      hn::StoreU(hn::Add(places_of[half], hn::Add(cell, cell)), d32, places + from);
      hn::StoreU(hn::Sqrt(hn::ConvertTo(df, squares[half])), df, lengths + from);
    }
  }
}

HWY_INLINE void Vote(float* votes, hn::Vec<Four> weights) {
  const Four d;
  hn::StoreU(hn::Add(hn::LoadU(d, votes), weights), d, votes);
}

// Votes of up to eight rows of pixels, `first` being the image's row number of the first. Those of a row keep apart
// from those of the next by two blocks of eight pixels: so every bin is added to in the image's order, and no sum waits
// for the one before.
void Votes(FeatureScratch& scratch, int first, int rows) {
  const Four d;
  using Weights = hn::Vec<Four>;
  alignas(16) float across[kCell][4];
  alignas(16) float along[kCell][4];
  for (int i = 0; i < kCell; ++i) {
    const Share x = ShareOf(1 + i);
    const Share y = ShareOf(first + i);
    const float x_weights[4] = {x.here, x.here, x.next, x.next};
    const float y_weights[4] = {y.here, y.next, y.here, y.next};
    std::copy(x_weights, x_weights + 4, across[i]);
    std::copy(y_weights, y_weights + 4, along[i]);
  }
  float* votes = scratch.votes.data();
  const int blocks = scratch.blocks;
  for (int step = 0; step <= blocks + 2 * (rows - 1); ++step) {
    // The row that has just left its blocks does its last pixels: the next row is about to vote in their cells.
    const int ended = step < blocks || (step - blocks) % 2 != 0 ? rows : (step - blocks) / 2;
    for (int x = 1 + kCell * blocks; ended < rows && x < scratch.visible_columns; ++x) {
      const Share share = ShareOf(x);
      alignas(16) const float x_shares[4] = {share.here, share.here, share.next, share.next};
      const Weights length = hn::Set(d, scratch.lengths_of(ended)[x]);
      Vote(votes + scratch.places_of(ended)[x],
           hn::Mul(hn::Mul(hn::Load(d, along[ended]), hn::Load(d, x_shares)), length));
    }
    const int from = std::max(0, (step - blocks + 2) / 2);
    const int to = std::min(rows - 1, step / 2);
    // From a row to the next the same step is as far away everywhere.
    const size_t apart = scratch.pixels - size_t{2} * kCell;
    const size_t place = static_cast<size_t>(from) * apart + static_cast<size_t>(1 + kCell * step);
    const auto vote = [&](int first_row, auto count) HWY_ATTR {
      for (int i = 0; i < kCell; ++i) {
        const Weights x_weights = hn::Load(d, across[i]);
        const float* length = scratch.lengths.data() + place + i;
        const int32_t* at = scratch.places.data() + place + i;
        for (int row = 0; row < count; ++row, length += apart, at += apart)
          Vote(votes + *at, hn::Mul(hn::Mul(x_weights, hn::Set(d, *length)), hn::Load(d, along[first_row + row])));
      }
    };
    // Almost always all rows are under way: then the loop over them is unrolled.
    if (to - from + 1 == kCell)
      vote(0, std::integral_constant<int, kCell>());
    else
      vote(from, to - from + 1);
  }
}

// Takes the upper row of votes, and makes the lower one the upper one.
void TakeRow(FeatureScratch& scratch, float* histogram, float* energy) {
  const Wide d;
  const size_t lanes = hn::Lanes(d);
  const size_t cells = static_cast<size_t>(scratch.cells_across) + 2;
  for (int o = 0; o < kOrientations; ++o) {
    float* votes = scratch.votes.data() + static_cast<size_t>(o) * scratch.votes_stride;
    float* to = histogram + static_cast<size_t>(o) * scratch.cells_stride;
    for (size_t cell = 0; cell < cells; cell += lanes) {
      hn::Vec<Wide> upper;
      hn::Vec<Wide> lower;
      hn::LoadInterleaved2(d, votes + 2 * cell, upper, lower);
      hn::StoreU(upper, d, to + cell);
      hn::StoreInterleaved2(lower, hn::Zero(d), d, votes + 2 * cell);
    }
  }
  for (size_t cell = 0; cell < cells; cell += lanes) {
    auto sum = hn::Zero(d);
    for (size_t o = 0; o < kHalf; ++o) {
      const auto both = hn::Add(hn::LoadU(d, histogram + o * scratch.cells_stride + cell),
                                hn::LoadU(d, histogram + (o + kHalf) * scratch.cells_stride + cell));
      sum = hn::Add(sum, hn::Mul(both, both));
    }
    hn::StoreU(sum, d, energy + cell);
  }
}

// The factors of blocks whose upper and lower cells have these energies.
void Normalise(const float* upper, const float* lower, size_t cells, float* limit, float* factor) {
  const Wide d;
  for (size_t cell = 0; cell < cells; cell += hn::Lanes(d)) {
    const auto sum = hn::Add(
        hn::Add(hn::Add(hn::LoadU(d, upper + cell), hn::LoadU(d, upper + cell + 1)), hn::LoadU(d, lower + cell)),
        hn::LoadU(d, lower + cell + 1));
    const auto most = hn::Mul(hn::Set(d, 0.2F), hn::Sqrt(hn::Add(sum, hn::Set(d, 0.0001F))));
    hn::StoreU(most, d, limit + cell);
    hn::StoreU(hn::Div(hn::Set(d, 0.1F), most), d, factor + cell);
  }
}

// Eight cells' features as bytes, [feature][cell], to [cell][feature].
void StoreCells(const uint8_t* tile, int count, uint8_t* cells) {
  const hn::FixedTag<uint8_t, 16> d;
  const hn::FixedTag<uint8_t, 8> half;
  const hn::FixedTag<uint16_t, 8> d16;
  const hn::FixedTag<uint32_t, 4> d32;
  alignas(16) uint8_t out[kCell][kCellBytes];
  for (int group = 0; group < kCellBytes; group += 8) {
    const auto load = [&](int feature) HWY_ATTR {
      return hn::ZeroExtendVector(d, hn::LoadU(half, tile + size_t{kCell} * (group + feature)));
    };
    // Two features of eight cells, four of four, eight of two.
    const auto pair = [&](int feature) HWY_ATTR {
      return hn::BitCast(d16, hn::InterleaveLower(d, load(feature), load(feature + 1)));
    };
    const auto a = pair(0);
    const auto b = pair(2);
    const auto c = pair(4);
    const auto e = pair(6);
    const auto first_low = hn::BitCast(d32, hn::InterleaveLower(d16, a, b));
    const auto first_high = hn::BitCast(d32, hn::InterleaveUpper(d16, a, b));
    const auto second_low = hn::BitCast(d32, hn::InterleaveLower(d16, c, e));
    const auto second_high = hn::BitCast(d32, hn::InterleaveUpper(d16, c, e));
    const auto store = [&](hn::Vec<decltype(d32)> two, int cell) HWY_ATTR {
      const auto bytes = hn::BitCast(d, two);
      hn::StoreU(hn::LowerHalf(half, bytes), half, out[cell] + group);
      hn::StoreU(hn::UpperHalf(half, bytes), half, out[cell + 1] + group);
    };
    store(hn::InterleaveLower(d32, first_low, second_low), 0);
    store(hn::InterleaveUpper(d32, first_low, second_low), 2);
    store(hn::InterleaveLower(d32, first_high, second_high), 4);
    store(hn::InterleaveUpper(d32, first_high, second_high), 6);
  }
  std::memcpy(cells, out, static_cast<size_t>(count) * kCellBytes);
}

// One row of features from a row of histograms and the blocks above and below it.
void StoreRow(const FeatureScratch& scratch, const float* histogram, int upper, int lower, int y, Features& features) {
  const Wide d;
  const hn::RebindToSigned<Wide> di;
  const hn::Rebind<uint8_t, Wide> d8;
  const int lanes = static_cast<int>(hn::Lanes(d));
  using Floats = hn::Vec<Wide>;
  const int row = y + kZerosBefore;
  float* energies = features.energy(row) + kZerosBefore;
  alignas(16) uint8_t tile[kCellBytes * kCell];
  std::memset(tile, 0, sizeof(tile));
  const auto steps = [](int feature) { return kByteSteps / FeatureRange(feature); };
  for (int tile_x = 0; tile_x < features.columns(); tile_x += kCell) {
    for (int part = 0; part < kCell; part += lanes) {
      const int x = tile_x + part;
      // The blocks that a cell is in, in dlib's order.
      const Floats limits[4] = {
          hn::LoadU(d, scratch.limits[lower].data() + x + 1), hn::LoadU(d, scratch.limits[upper].data() + x + 1),
          hn::LoadU(d, scratch.limits[lower].data() + x), hn::LoadU(d, scratch.limits[upper].data() + x)};
      const Floats factors[4] = {
          hn::LoadU(d, scratch.factors[lower].data() + x + 1), hn::LoadU(d, scratch.factors[upper].data() + x + 1),
          hn::LoadU(d, scratch.factors[lower].data() + x), hn::LoadU(d, scratch.factors[upper].data() + x)};
      Floats energy = hn::Zero(d);
      const auto store = [&](int feature, Floats value) HWY_ATTR {
        hn::StoreU(value, d, features.row(feature, row) + kZerosBefore + x);
        const auto scaled = hn::NearestInt(hn::Mul(value, hn::Set(d, steps(feature))));
        const auto whole = hn::Min(scaled, hn::Set(di, kByteSteps));
        const auto number = hn::ConvertTo(d, whole);
        energy = hn::Add(energy, hn::Mul(number, number));
        if (feature >= 27)
          energy = hn::Add(energy, hn::IfThenElseZero(hn::RebindMask(d, hn::Gt(scaled, hn::Set(di, kByteSteps))),
                                                      hn::Set(d, kBeyondRange)));
        hn::StoreU(hn::DemoteTo(d8, whole), d8, tile + size_t{kCell} * feature + part);
      };
      Floats texture[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
      Floats three[4];
      for (int feature = 0; feature < 27; ++feature) {
        const bool signless = feature >= kOrientations;
        const auto o = static_cast<size_t>(signless ? feature - kOrientations : feature);
        const float* from = histogram + o * scratch.cells_stride + 2 + x;
        Floats count = hn::LoadU(d, from);
        if (signless) count = hn::Add(count, hn::LoadU(d, from + kHalf * scratch.cells_stride));
        Floats part_of[4];
        for (int block = 0; block < 4; ++block) {
          part_of[block] = hn::Mul(hn::Min(count, limits[block]), factors[block]);
          if (signless) continue;
          three[block] = feature % 3 == 0 ? part_of[block] : hn::Add(three[block], part_of[block]);
          if (feature % 3 == 2) texture[block] = hn::Add(texture[block], three[block]);
        }
        store(feature, hn::Add(hn::Add(part_of[0], part_of[1]), hn::Add(part_of[2], part_of[3])));
      }
      for (int block = 0; block < 4; ++block) store(27 + block, hn::Mul(texture[block], hn::Set(d, 0.4714F)));
      hn::StoreU(energy, d, energies + x);
    }
    StoreCells(tile, std::min(kCell, features.columns() - tile_x),
               features.cells(row) + static_cast<size_t>(kZerosBefore + tile_x) * kCellBytes);
  }
}

}  // namespace maskbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace maskbench {

HWY_EXPORT(Gradients);
HWY_EXPORT(Votes);
HWY_EXPORT(TakeRow);
HWY_EXPORT(Normalise);
HWY_EXPORT(StoreRow);

namespace {

// The last pixels of a row, which dlib does one by one: the earlier of equal colours counts.
void LastGradients(const Planes& image, int y, FeatureScratch& scratch, int row) {
  for (int x = 1 + kCell * scratch.blocks; x < scratch.visible_columns; ++x) {
    int best = -1;
    int across = 0;
    int along = 0;
    for (int color = 0; color < kColors; ++color) {
      const uint8_t* middle = image.row(color, y);
      const int dx = middle[x + 1] - middle[x - 1];
      const int dy = image.row(color, y + 1)[x] - image.row(color, y - 1)[x];
      if (dx * dx + dy * dy <= best) continue;
      best = dx * dx + dy * dy;
      across = dx;
      along = dy;
    }
    scratch.lengths_of(row)[x] = std::sqrt(static_cast<float>(best));
    scratch.places_of(row)[x] =
        OrientationOf(across, along) * static_cast<int>(scratch.votes_stride) + 2 * ShareOf(x).first;
  }
}

// A vector may be read or written beyond the end.
constexpr size_t kSlack = 32;

}  // namespace

void FeatureScratch::SetSize(const Planes& image) {
  static_cast<CellGrid&>(*this) = CellsOf(image.width(), image.height());
  pixels = static_cast<size_t>(std::max(1, visible_columns)) + kSlack;
  lengths.resize(kCell * pixels);
  places.resize(kCell * pixels);
  votes_stride = 2 * (static_cast<size_t>(cells_across) + 2) + 2 * kSlack;
  votes.assign(kOrientations * votes_stride, 0);
  cells_stride = static_cast<size_t>(cells_across) + 2 + kSlack;
  for (auto& histogram : histograms) histogram.resize(kOrientations * cells_stride + kSlack);
  for (auto& energy : energies) energy.resize(cells_stride + kSlack);
  for (auto& limit : limits) limit.resize(cells_stride + kSlack);
  for (auto& factor : factors) factor.resize(cells_stride + kSlack);
}

void Features::SetSize(int image_width, int image_height) {
  const CellGrid grid = CellsOf(image_width, image_height);
  rows_ = std::max(grid.cells_down - 2, 0);
  columns_ = std::max(grid.cells_across - 2, 0);
  if (rows_ == 0 || columns_ == 0) {
    rows_ = 0;
    columns_ = 0;
    return;
  }
  width_ = static_cast<size_t>(columns_) + kZerosBefore + kZerosAfter;
  stride_ = width_ + kSlack;
  numbers_.SetSize(size_t{kFeatures} * kRowsKept * stride_);
  energy_.SetSize(kRowsKept * stride_);
  bytes_.SetSize(kRowsKept * width_ * kCellBytes + 64);
}

void Features::ClearRow(int y) {
  for (int feature = 0; feature < kFeatures; ++feature) std::fill_n(row(feature, y), stride_, 0.0F);
  std::fill_n(energy(y), stride_, 0.0F);
  std::fill_n(cells(y), width_ * kCellBytes, uint8_t{0});
}

void ExtractFeatures(const Planes& image, Features& features, int first_row, int end_row,
                     const std::function<void(int)>& done) {
  if (features.rows() == 0) return;
  thread_local FeatureScratch scratch;
  scratch.SetSize(image);
  const auto clear = [&](int first, int end) {
    for (int y = std::max(first, first_row); y < std::min(end, end_row); ++y) {
      features.ClearRow(y);
      done(y);
    }
  };
  clear(0, kZerosBefore);
  const int begin = std::max(0, first_row - kZerosBefore);
  const int end = std::min(features.rows(), end_row - kZerosBefore);
  const auto cells = static_cast<size_t>(scratch.cells_across) + 2;
  // Rows of cells here count one before the image. Feature row y is of cell row y + 2, and needs those beside it. The
  // pixels that vote in cell row b and in the next are those from 8 b - 4 on.
  for (int b = begin; b < end + 3; ++b) {
    const int first = std::max(1, kCell * b - kCell / 2);
    const int rows = std::min(kCell * b + kCell / 2, scratch.visible_rows) - first;
    for (int row = 0; row < rows; ++row) {
      HWY_DYNAMIC_DISPATCH(Gradients)(image, first + row, scratch, row);
      LastGradients(image, first + row, scratch, row);
    }
    if (rows > 0) HWY_DYNAMIC_DISPATCH(Votes)(scratch, first, rows);
    float* energy = scratch.energies[b % 3].data();
    HWY_DYNAMIC_DISPATCH(TakeRow)(scratch, scratch.histograms[b % 3].data(), energy);
    // The first row has but half of its votes.
    if (b < begin + 2) continue;
    HWY_DYNAMIC_DISPATCH(Normalise)
    (scratch.energies[(b - 1) % 3].data() + 1, energy + 1, cells, scratch.limits[b % 2].data(),
     scratch.factors[b % 2].data());
    if (b < begin + 3) continue;
    const int y = b - 3;
    for (int feature = 0; feature < kFeatures; ++feature)
      std::fill_n(features.row(feature, y + kZerosBefore), kZerosBefore, 0.0F);
    HWY_DYNAMIC_DISPATCH(StoreRow)
    (scratch, scratch.histograms[(b - 1) % 3].data(), (b - 1) % 2, b % 2, y, features);
    const int after = kZerosBefore + features.columns();
    for (int feature = 0; feature < kFeatures; ++feature)
      std::fill_n(features.row(feature, y + kZerosBefore) + after, kZerosAfter, 0.0F);
    std::fill_n(features.energy(y + kZerosBefore), kZerosBefore, 0.0F);
    std::fill_n(features.energy(y + kZerosBefore) + after, kZerosAfter, 0.0F);
    uint8_t* bytes = features.cells(y + kZerosBefore);
    std::fill_n(bytes, kZerosBefore * kCellBytes, uint8_t{0});
    std::fill_n(bytes + static_cast<size_t>(after) * kCellBytes, kZerosAfter * kCellBytes, uint8_t{0});
    done(y + kZerosBefore);
  }
  clear(kZerosBefore + features.rows(), features.height());
}

}  // namespace maskbench
#endif  // HWY_ONCE
