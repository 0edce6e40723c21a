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

// kBorders as slopes: y lies beyond a border where it is above (4 x times this) >> 16.
constexpr uint16_t kSlopes[4] = {2888, 9461, 19525, 45015};
constexpr int kMostLanes = 64;
constexpr auto kZerosThenOnes = [] {
  std::array<uint8_t, 2 * kMostLanes> bytes{};
  std::fill(bytes.begin() + kMostLanes, bytes.end(), uint8_t{1});
  return bytes;
}();
constexpr bool SlopesAreBorders() {
  for (int border = 0; border < 4; ++border)
    for (int x = 0; x < 256; ++x)
      if ((4 * x * kSlopes[border]) >> 16 != x * kBorders[border][0] / kBorders[border][1]) return false;
  return true;
}
static_assert(SlopesAreBorders());

// What the rows of an image are turned into while they pass.
struct FeatureScratch : CellGrid {
  // For eight rows of pixels, [block of eight pixels][row][pixel]: the length of the gradient, and where the votes of
  // its orientation begin.
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
  static constexpr int kBlock = kCell * kCell;
  // Where pixel `x` of a row is in these.
  static constexpr size_t PlaceOf(int row, int x) {
    return static_cast<size_t>((x - 1) / kCell * kBlock + row * kCell + (x - 1) % kCell);
  }
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

// Vectors of bytes, and of what pixels are after each widening.
using Bytes8 = hn::CappedTag<uint8_t, 64>;
using Shorts = hn::Vec<Shorts16>;
static_assert(hn::MaxLanes(Bytes8()) == 2 * hn::MaxLanes(Shorts16()));

// Differences of two neighbouring bytes, the second taken from the first.
HWY_INLINE Shorts SubtractPairs(hn::Vec<Bytes8> pairs) {
#if HWY_ARCH_X86
  const auto signs = hn::BitCast(hn::RebindToSigned<Bytes8>(), hn::Set(Shorts16(), 1 - (1 << 8)));
#if HWY_TARGET <= HWY_AVX3
  return Shorts{_mm512_maddubs_epi16(pairs.raw, signs.raw)};
#elif HWY_TARGET <= HWY_AVX2
  return Shorts{_mm256_maddubs_epi16(pairs.raw, signs.raw)};
#else
  return Shorts{_mm_maddubs_epi16(pairs.raw, signs.raw)};
#endif
#else
  const hn::RebindToUnsigned<Shorts16> d;
  const auto both = hn::BitCast(d, pairs);
  return hn::BitCast(Shorts16(), hn::Sub(hn::And(both, hn::Set(d, 0xFF)), hn::ShiftRight<8>(both)));
#endif
}

// Interleaving twice leaves pixels in blocks of 128 bits. With three or more of these, the bytes are put in an order
// from which they come out in vectors of following pixels.
HWY_INLINE hn::Vec<Bytes8> LoadPixels(const uint8_t* from) {
  const Bytes8 d;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  const __m512i order = _mm512_set_epi64(7, 3, 6, 2, 5, 1, 4, 0);
  return hn::Vec<Bytes8>{_mm512_permutexvar_epi64(order, hn::LoadU(d, from).raw)};
#else
  return hn::LoadU(d, from);
#endif
}

// The first of the pixels in one half of one part of a vector of bytes, both parts having been interleaved twice.
constexpr int FirstOf(int part, int half) {
  constexpr int kLanes = hn::MaxLanes(Ints32());
  return (kLanes == 8 ? part + 2 * half : 2 * part + half) * kLanes;
}

// Which direction is nearest to each gradient (see OrientationOf).
HWY_INLINE Shorts Orientations(Shorts across, Shorts along) {
  const Shorts16 d;
  const hn::RebindToUnsigned<Shorts16> du;
  const auto four_times = hn::BitCast(du, hn::ShiftLeft<2>(hn::Abs(across)));
  const Shorts y = hn::Abs(along);
  Shorts steps = hn::Zero(d);
  for (const uint16_t slope : kSlopes) {
    const Shorts limit = hn::BitCast(d, hn::MulHigh(four_times, hn::Set(du, slope)));
    steps = hn::Sub(steps, hn::VecFromMask(d, hn::Gt(y, limit)));
  }
  const Shorts up = hn::ShiftRight<15>(along);
  // What is along is made to point down: then it is mirrored where it points left.
  const Shorts mirrored = hn::ShiftRight<15>(hn::Sub(hn::Xor(across, up), up));
  const Shorts half = hn::Set(d, kHalf);
  steps = hn::Add(hn::Sub(hn::Xor(steps, mirrored), mirrored), hn::And(hn::Set(d, kHalf), mirrored));
  const auto orientations = hn::BitCast(du, hn::Add(steps, hn::And(half, up)));
  return hn::BitCast(d, hn::Min(orientations, hn::Sub(orientations, hn::Set(du, kOrientations))));
}

// Numbers of following pixels, into one row of their blocks.
template <class D>
HWY_INLINE void StoreBlocks(D d, hn::Vec<D> numbers, hn::TFromD<D>* to) {
  if constexpr (hn::MaxLanes(d) > kCell) {
    const hn::Half<D> half;
    hn::StoreU(hn::LowerHalf(half, numbers), half, to);
    hn::StoreU(hn::UpperHalf(half, numbers), half, to + FeatureScratch::kBlock);
  } else {
    hn::StoreU(numbers, d, to);
  }
}

// Lengths of gradients and the places of their votes, for pixels `first` to `end` - 1 of a row. Of equal colours the
// later counts. But dlib looks one by one at the pixels after the last block, where the earlier counts: with kLast
// there may be some.
template <bool kLast>
HWY_INLINE void GradientsOf(const Planes& image, int y, int first, int end, FeatureScratch& scratch, int row) {
  const Bytes8 d8;
  const Shorts16 d16;
  const Ints32 d32;
  const hn::RebindToFloat<Ints32> df;
  const hn::Half<Shorts16> half16;
  const hn::Repartition<uint64_t, Shorts16> d64;
  constexpr int kLanes = hn::MaxLanes(d8);
  using Pixels = hn::Vec<Bytes8>;
  const uint8_t* rows[kColors][3];
  for (int color = 0; color < kColors; ++color)
    for (int i = 0; i < 3; ++i) rows[color][i] = image.row(color, y - 1 + i);
  const Ints stride = hn::Set(d32, static_cast<int32_t>(scratch.votes_stride));
  // Moves the components across to the first half of each block of 128 bits, and those along to the second.
  alignas(16) static constexpr uint8_t kApart[16] = {0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15};
  const auto apart = hn::BitCast(d16, hn::LoadDup128(d8, kApart));
  // Components across and along, side by side.
  const auto subtract = [&](Pixels right, Pixels left, Pixels below, Pixels above, Shorts(&pairs)[2][2]) HWY_ATTR {
    const Shorts across[2] = {SubtractPairs(hn::InterleaveLower(d8, right, left)),
                              SubtractPairs(hn::InterleaveUpper(d8, right, left))};
    const Shorts along[2] = {SubtractPairs(hn::InterleaveLower(d8, below, above)),
                             SubtractPairs(hn::InterleaveUpper(d8, below, above))};
    for (int part = 0; part < 2; ++part) {
      pairs[part][0] = hn::InterleaveLower(d16, across[part], along[part]);
      pairs[part][1] = hn::InterleaveUpper(d16, across[part], along[part]);
    }
  };
  size_t at = FeatureScratch::PlaceOf(row, first);
  for (int x = first; x < end; x += kLanes, at += FeatureScratch::PlaceOf(0, 1 + kLanes)) {
    // 1 where the earlier colour counts.
    Shorts earlier[2][2];
    if constexpr (kLast) {
      const int before = std::clamp(1 + kCell * scratch.blocks - x, 0, kLanes);
      const Pixels ones = LoadPixels(kZerosThenOnes.data() + kMostLanes - before);
      subtract(ones, hn::Zero(d8), hn::Zero(d8), hn::Zero(d8), earlier);
    }
    Shorts gradients[2][2];
    Ints squares[2][2];
    for (int color = 0; color < kColors; ++color) {
      const auto load = [&](int which, int offset) HWY_ATTR { return LoadPixels(rows[color][which] + x + offset); };
      Shorts pairs[2][2];
      subtract(load(1, 1), load(1, -1), load(2, 0), load(0, 0), pairs);
      for (int part = 0; part < 2; ++part)
        for (int half = 0; half < 2; ++half) {
          Shorts& gradient = gradients[part][half];
          Ints& most = squares[part][half];
          const Shorts pair = pairs[part][half];
          const Ints square = MultiplyPairs(d16, pair, pair);
          if (color == 0) {
            gradient = pair;
            most = square;
            continue;
          }
          Ints least = most;
          if constexpr (kLast) least = hn::Add(least, hn::BitCast(d32, earlier[part][half]));
          gradient = hn::BitCast(
              d16, hn::IfThenElse(hn::Gt(least, square), hn::BitCast(d32, gradient), hn::BitCast(d32, pair)));
          most = hn::Max(most, square);
        }
    }
    for (int part = 0; part < 2; ++part) {
      const auto split = [&](int half)
                             HWY_ATTR { return hn::BitCast(d64, hn::TableLookupBytes(gradients[part][half], apart)); };
      const auto lower = split(0);
      const auto upper = split(1);
      const Shorts orientations = Orientations(hn::BitCast(d16, hn::InterleaveLower(d64, lower, upper)),
                                               hn::BitCast(d16, hn::InterleaveUpper(d64, lower, upper)));
      OrderBlocks(squares[part][0], squares[part][1]);
      for (int half = 0; half < 2; ++half) {
        const auto of_half = half == 0 ? hn::LowerHalf(half16, orientations) : hn::UpperHalf(half16, orientations);
        const Ints place = hn::Mul(hn::PromoteTo(d32, of_half), stride);
        const auto length = hn::Sqrt(hn::ConvertTo(df, squares[part][half]));
        // (Blocks begin at `x`.)
        const size_t to = at + FeatureScratch::PlaceOf(0, 1 + FirstOf(part, half));
        StoreBlocks(d32, place, scratch.places.data() + to);
        StoreBlocks(df, length, scratch.lengths.data() + to);
      }
    }
  }
}

void Gradients(const Planes& image, int y, FeatureScratch& scratch, int row) {
  constexpr int kLanes = hn::MaxLanes(Bytes8());
  const int first_last = 1 + kCell * scratch.blocks / kLanes * kLanes;
  GradientsOf<false>(image, y, 1, first_last, scratch, row);
  GradientsOf<true>(image, y, first_last, scratch.visible_columns, scratch, row);
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
      const size_t place = FeatureScratch::PlaceOf(ended, x);
      const Weights length = hn::Set(d, scratch.lengths[place]);
      Vote(votes + scratch.places[place] + ptrdiff_t{2} * share.first,
           hn::Mul(hn::Mul(hn::Load(d, along[ended]), hn::Load(d, x_shares)), length));
    }
    const int from = std::max(0, (step - blocks + 2) / 2);
    const int to = std::min(rows - 1, step / 2);
    // From a row to the next the same step is as far away everywhere.
    constexpr int kApart = kCell - 2 * FeatureScratch::kBlock;
    const auto vote = [&](int first_row, auto count) HWY_ATTR {
      const int place = FeatureScratch::kBlock * step + kApart * first_row;
      const float* lengths = scratch.lengths.data() + place;
      const int32_t* places = scratch.places.data() + place;
      // The first three pixels of a block vote in another cell than the rest.
      const auto vote_in = [&](int cell, int first_pixel, int end_pixel) HWY_ATTR {
        float* cells = votes + ptrdiff_t{2} * (step + cell) - ptrdiff_t{4} * first_row;
        for (int i = first_pixel; i < end_pixel; ++i) {
          const Weights x_weights = hn::Load(d, across[i]);
          for (int row = 0; row < count; ++row)
            Vote(cells + places[kApart * row + i] - ptrdiff_t{4} * row,
                 hn::Mul(hn::Mul(x_weights, hn::Set(d, lengths[kApart * row + i])),
                         hn::Load(d, along[first_row + row])));
        }
      };
      constexpr int kInFirst = 3;
      static_assert(ShareOf(kInFirst).first == 0 && ShareOf(1 + kInFirst).first == 1);
      vote_in(0, 0, kInFirst);
      vote_in(1, kInFirst, kCell);
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

// A vector may be read or written beyond the end.
constexpr size_t kSlack = 64;

}  // namespace

void FeatureScratch::SetSize(const Planes& image) {
  static_cast<CellGrid&>(*this) = CellsOf(image.width(), image.height());
  const size_t pixels = static_cast<size_t>(std::max(1, visible_columns)) + kSlack;
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
    for (int row = 0; row < rows; ++row) HWY_DYNAMIC_DISPATCH(Gradients)(image, first + row, scratch, row);
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
