#include "face/planes.h"

#include <algorithm>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "face/planes.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace maskbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void Separate(const uint8_t* pixels, int count, uint8_t* red, uint8_t* green, uint8_t* blue) {
  const hn::ScalableTag<uint8_t> d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  int x = 0;
  for (; x + lanes <= count; x += lanes) {
    hn::Vec<decltype(d)> r;
    hn::Vec<decltype(d)> g;
    hn::Vec<decltype(d)> b;
    hn::LoadInterleaved3(d, pixels + size_t{kColors} * x, r, g, b);
    hn::StoreU(r, d, red + x);
    hn::StoreU(g, d, green + x);
    hn::StoreU(b, d, blue + x);
  }
  for (; x < count; ++x) {
    const uint8_t* pixel = pixels + size_t{kColors} * x;
    red[x] = pixel[0];
    green[x] = pixel[1];
    blue[x] = pixel[2];
  }
}

using Columns = hn::CappedTag<float, kResizeGroup>;
constexpr int kVectors = kResizeGroup / hn::MaxLanes(Columns());

// The order of a group's columns in vectors. Packing interleaves the halves of two vectors of eight columns: then the
// first and the last four of these make up one.
void OrderColumns(std::array<int, kResizeGroup>& order) {
  for (int i = 0; i < kResizeGroup; ++i) order[i] = kVectors == 2 && i / 4 % 3 != 0 ? i ^ 12 : i;
}

// Numbers from 0 to 255, rounded down.
HWY_INLINE hn::Vec<hn::RebindToSigned<Columns>> RoundDown(hn::Vec<Columns> numbers) {
  // (hn::ConvertTo takes four more instructions for numbers that do not fit.)
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  return hn::Vec<hn::RebindToSigned<Columns>>{_mm512_cvttps_epi32(numbers.raw)};
#elif HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  return hn::Vec<hn::RebindToSigned<Columns>>{_mm256_cvttps_epi32(numbers.raw)};
#elif HWY_ARCH_X86
  return hn::Vec<hn::RebindToSigned<Columns>>{_mm_cvttps_epi32(numbers.raw)};
#else
  return hn::ConvertTo(hn::RebindToSigned<Columns>(), numbers);
#endif
}

HWY_INLINE void StoreGroup(const hn::Vec<hn::RebindToSigned<Columns>> (&group)[kVectors], uint8_t* to) {
  const hn::RepartitionToNarrow<hn::RebindToSigned<Columns>> d16;
  const hn::Rebind<uint8_t, decltype(d16)> d8;
  if constexpr (kVectors == 1) {
    const hn::Rebind<uint8_t, Columns> all;
    hn::StoreU(hn::DemoteTo(all, group[0]), all, to);
  } else {
    for (int i = 0; i < kVectors; i += 2)
      hn::StoreU(hn::DemoteTo(d8, hn::ReorderDemote2To(d16, group[i], group[i + 1])), d8,
                 to + i * hn::MaxLanes(Columns()));
  }
}

// The bytes that a group's columns in a vector are read from, four by four: `begin` of the first eight, `end` of the
// rest.
template <class D, class V>
HWY_INLINE hn::Vec<D> SourcesOf(D d, int vector, V begin, V end) {
  if constexpr (kVectors == 4) {
    return vector < 2 ? begin : end;
  } else if constexpr (kVectors == 2) {
    return hn::Combine(d, end, begin);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, hn::Combine(half, end, end), hn::Combine(half, begin, begin));
  }
}

// Left and right pixels of groups of columns, as floats: sixteen of these and sixteen of those.
void Gather(const uint8_t* from, const int* first, const uint8_t* places, int groups, float* pixels) {
  const Columns d;
  const hn::RebindToSigned<Columns> di;
  const hn::Repartition<uint8_t, Columns> d8;
  const hn::FixedTag<uint8_t, 16> half;
  constexpr int kLanes = hn::MaxLanes(d);
  for (int group = 0; group < groups; ++group, first += 2) {
    const auto begin = hn::LoadU(half, from + first[0]);
    const auto end = hn::LoadU(half, from + first[1]);
    for (int i = 0; i < 2 * kResizeGroup; i += kLanes, places += size_t{4} * kLanes) {
      const auto bytes = SourcesOf(d8, i % kResizeGroup / kLanes, begin, end);
      const auto found = hn::BitCast(di, hn::TableLookupBytesOr0(bytes, hn::Load(d8, places)));
      hn::Store(hn::ConvertTo(d, found), d, pixels + i);
    }
    pixels += size_t{2} * kResizeGroup;
  }
}

// Groups of columns of one output row.
void Blend(const ResizeRow& to_blend, int groups) {
  // (A copy, which no pixel written can change.)
  const ResizeRow row = to_blend;
  const Columns d;
  using Floats = hn::Vec<Columns>;
  const Floats one = hn::Set(d, 1.0F);
  const Floats bottom = hn::Set(d, row.bottom_weight);
  const Floats top = hn::Set(d, row.top_weight);
  for (int group = 0; group < groups; ++group) {
    const size_t column = size_t{kResizeGroup} * static_cast<size_t>(group);
    hn::Vec<hn::RebindToSigned<Columns>> blended[kColors][kVectors];
    for (int i = 0; i < kVectors; ++i) {
      const Floats right_weight = hn::LoadU(d, row.right_weight + column + i * hn::MaxLanes(d));
      const Floats left_weight = hn::Sub(one, right_weight);
      const Floats top_left = hn::Mul(top, left_weight);
      const Floats top_right = hn::Mul(top, right_weight);
      const Floats bottom_left = hn::Mul(bottom, left_weight);
      const Floats bottom_right = hn::Mul(bottom, right_weight);
      const size_t place = 2 * column + i * hn::MaxLanes(d);
      for (int color = 0; color < kColors; ++color) {
        const float* above = row.top[color] + place;
        const float* below = row.bottom[color] + place;
        blended[color][i] = RoundDown(hn::Add(hn::Add(hn::Add(hn::Mul(top_left, hn::Load(d, above)),
                                                              hn::Mul(top_right, hn::Load(d, above + kResizeGroup))),
                                                      hn::Mul(bottom_left, hn::Load(d, below))),
                                              hn::Mul(bottom_right, hn::Load(d, below + kResizeGroup))));
      }
    }
    for (int color = 0; color < kColors; ++color) StoreGroup(blended[color], row.out[color] + column);
  }
}

}  // namespace maskbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace maskbench {

HWY_EXPORT(Separate);
HWY_EXPORT(OrderColumns);
HWY_EXPORT(Gather);
HWY_EXPORT(Blend);

void Planes::SetSize(int width, int height) {
  width_ = width;
  height_ = height;
  stride_ = (static_cast<size_t>(width) + kBeyond + 63) / 64 * 64;
  bytes_.SetSize(kColors * static_cast<size_t>(height) * stride_);
}

void Planes::Assign(const Image& image) {
  SetSize(image.width, image.height);
  for (int y = 0; y < image.height; ++y)
    HWY_DYNAMIC_DISPATCH(Separate)(image.row(y), image.width, row(0, y), row(1, y), row(2, y));
}

void Halve(const Planes& in, Planes& out) {
  out.SetSize(std::max(1, in.width() / 2), std::max(1, in.height() / 2));
  const int right = in.width() > 1 ? 1 : 0;
  const int down = in.height() > 1 ? 1 : 0;
  for (int color = 0; color < kColors; ++color)
    for (int y = 0; y < out.height(); ++y) {
      const uint8_t* above = in.row(color, 2 * y);
      const uint8_t* below = in.row(color, 2 * y + down);
      uint8_t* mean = out.row(color, y);
      for (int x = 0; x < out.width(); ++x, above += 2, below += 2)
        mean[x] = static_cast<uint8_t>((above[0] + above[right] + below[0] + below[right] + 2) / 4);
    }
}

void Resizer::SetSizes(const Planes& in, const Planes& out) {
  const std::array<int, 4> sizes = {in.width(), in.height(), out.width(), out.height()};
  if (std::exchange(sizes_, sizes) == sizes) return;
  rows_ = PlanRows(in.height(), out.height());
  columns_ = PlanColumns(in.width(), out.width());
  // The last group may have fewer; its others repeat a column, and are written over or beyond the row's end.
  auto [left, right_weight, last] = columns_;
  while (left.size() % kResizeGroup != 0) {
    left.push_back(left.back());
    right_weight.push_back(right_weight.back());
  }
  std::array<int, kResizeGroup> order;
  HWY_DYNAMIC_DISPATCH(OrderColumns)(order);
  first_.clear();
  right_weight_.clear();
  places_.SetSize(8 * left.size());
  uint8_t* place = places_.data();
  for (size_t group = 0; group < left.size(); group += kResizeGroup) {
    const int first[2] = {left[group], left[group + kResizeGroup / 2]};
    first_.insert(first_.end(), first, first + 2);
    for (const int i : order) right_weight_.push_back(right_weight[group + i]);
    for (const int side : {0, 1})
      for (const int i : order) {
        *place++ = static_cast<uint8_t>(left[group + i] - first[i / 8] + side);
        // The other bytes of a number are 0.
        place = std::fill_n(place, 3, uint8_t{0x80});
      }
  }
}

void Resizer::Run(const Planes& in, Planes& out, int first, int end) const {
  const auto groups = static_cast<int>(first_.size()) / 2;
  // Two input rows as floats, by their numbers' last bit.
  const size_t color_floats = 2 * static_cast<size_t>(kResizeGroup * groups);
  thread_local Buffer<float> floats;
  floats.SetSize(size_t{2} * kColors * color_floats);
  int held[2] = {-1, -1};
  const auto floats_of = [&](int row, int color) {
    return floats.data() + static_cast<size_t>(row % 2 * kColors + color) * color_floats;
  };
  const auto hold = [&](int row) {
    if (std::exchange(held[row % 2], row) == row) return;
    for (int color = 0; color < kColors; ++color)
      HWY_DYNAMIC_DISPATCH(Gather)(in.row(color, row), first_.data(), places_.data(), groups, floats_of(row, color));
  };
  for (int row = first; row < end; ++row) {
    const auto& [top, bottom, bottom_weight] = rows_[row];
    hold(top);
    hold(bottom);
    ResizeRow job{};
    for (int color = 0; color < kColors; ++color) {
      job.top[color] = floats_of(top, color);
      job.bottom[color] = floats_of(bottom, color);
      job.out[color] = out.row(color, row);
    }
    job.top_weight = static_cast<float>(1 - bottom_weight);
    job.bottom_weight = static_cast<float>(bottom_weight);
    job.right_weight = right_weight_.data();
    HWY_DYNAMIC_DISPATCH(Blend)(job, groups);
    for (size_t i = 0; i < columns_.last.size(); ++i) {
      const auto& [left, right, right_weight] = columns_.last[i];
      for (int color = 0; color < kColors; ++color) {
        const uint8_t* above = in.row(color, top);
        const uint8_t* below = in.row(color, bottom);
        job.out[color][columns_.left.size() + i] =
            BlendDouble({above[left], above[right], below[left], below[right]}, bottom_weight, right_weight);
      }
    }
  }
}

}  // namespace maskbench
#endif  // HWY_ONCE
