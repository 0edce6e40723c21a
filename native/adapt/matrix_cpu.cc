#include "adapt/matrix.h"

#include <algorithm>

#include "adapt/parallel.h"
#include "runtime/buffer.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "adapt/matrix_cpu.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace maskbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Rows of `a` whose sums stay in registers, two registers each.
#if HWY_MAX_BYTES == 64
constexpr size_t kRows = 12;
#elif HWY_MAX_BYTES == 32
constexpr size_t kRows = 6;
#else
constexpr size_t kRows = 4;
#endif
// So much of the sums' length stays in the first-level cache.
constexpr size_t kInner = 256;
// A piece of work: so many rows, and at least so many columns.
constexpr size_t kPieceRows = 48;
constexpr size_t kPieceColumns = 128;

template <typename Real>
using Tag = hn::CappedTag<Real, HWY_MAX_BYTES / sizeof(Real)>;
template <typename Real>
constexpr size_t kColumns = 2 * hn::MaxLanes(Tag<Real>());

// Panels of `width` rows, or columns, one after the other: [panel][inner][width], with zeros beyond the last.
template <typename Real>
HWY_INLINE void Pack(const Real* numbers, size_t stride, size_t inner_stride, size_t count, size_t inner, size_t width,
                     Real* packed) {
  for (size_t first = 0; first < count; first += width) {
    const size_t here = std::min(width, count - first);
    const Real* const from = numbers + first * stride;
    for (size_t k = 0; k < inner; ++k, packed += width) {
      for (size_t i = 0; i < here; ++i) packed[i] = from[i * stride + k * inner_stride];
      for (size_t i = here; i < width; ++i) packed[i] = 0;
    }
  }
}

// Adds the product of two panels to `sums` [kRows × kColumns].
template <typename Real>
HWY_INLINE void AddPanels(const Real* a, const Real* b, size_t inner, Real* sums, size_t stride) {
  constexpr Tag<Real> kTag;
  constexpr size_t kLanes = hn::MaxLanes(kTag);
  hn::Vec<Tag<Real>> left[kRows];
  hn::Vec<Tag<Real>> right[kRows];
#pragma GCC unroll 12
  for (size_t i = 0; i < kRows; ++i) {
    left[i] = hn::LoadU(kTag, sums + i * stride);
    right[i] = hn::LoadU(kTag, sums + i * stride + kLanes);
  }
  for (size_t k = 0; k < inner; ++k) {
    const auto b_left = hn::LoadU(kTag, b + k * kColumns<Real>);
    const auto b_right = hn::LoadU(kTag, b + k * kColumns<Real> + kLanes);
#pragma GCC unroll 12
    for (size_t i = 0; i < kRows; ++i) {
      const auto factor = hn::Set(kTag, a[k * kRows + i]);
      left[i] = hn::MulAdd(factor, b_left, left[i]);
      right[i] = hn::MulAdd(factor, b_right, right[i]);
    }
  }
#pragma GCC unroll 12
  for (size_t i = 0; i < kRows; ++i) {
    hn::StoreU(left[i], kTag, sums + i * stride);
    hn::StoreU(right[i], kTag, sums + i * stride + kLanes);
  }
}

template <typename Real>
void MultiplyAny(const MatrixView<Real>& a, const MatrixView<Real>& b, const ProductShape& shape, Real* product,
                 int threads) {
  const size_t rows = shape.rows;
  const size_t inner = shape.inner;
  const size_t columns = shape.columns;
  constexpr size_t kWidth = kColumns<Real>;
  const size_t panels = (columns + kWidth - 1) / kWidth;
  const size_t piece_panels = std::max<size_t>(1, kPieceColumns / kWidth);
  const size_t row_pieces = (rows + kPieceRows - 1) / kPieceRows;
  const size_t column_pieces = (panels + piece_panels - 1) / piece_panels;
  // The calling thread packs for all threads. It keeps the buffer, because products come in thousands.
  thread_local Buffer<Real> packed_b;
  packed_b.SetSize(panels * kWidth * std::min(inner, kInner));
  for (size_t k = 0; k < inner; k += kInner) {
    const size_t deep = std::min(kInner, inner - k);
    Real* const to = packed_b.data();
    ForPieces(panels, piece_panels, threads, [&](size_t first, size_t last) HWY_ATTR {
      const size_t column = first * kWidth;
      Pack(b.numbers + column * b.column_stride + k * b.row_stride, b.column_stride, b.row_stride,
           std::min(columns, last * kWidth) - column, deep, kWidth, to + first * kWidth * deep);
    });
    ForPieces(row_pieces * column_pieces, 1, threads, [&](size_t piece, size_t /*last*/) HWY_ATTR {
      const size_t row = piece / column_pieces * kPieceRows;
      const size_t row_end = std::min(rows, row + kPieceRows);
      const size_t first_panel = piece % column_pieces * piece_panels;
      alignas(64) Real packed_a[kPieceRows * kInner];
      alignas(64) Real sums[kRows * kWidth];
      Pack(a.numbers + row * a.row_stride + k * a.column_stride, a.row_stride, a.column_stride, row_end - row, deep,
           kRows, packed_a);
      for (size_t panel = first_panel; panel < std::min(panels, first_panel + piece_panels); ++panel) {
        const size_t column = panel * kWidth;
        const size_t wide = std::min(kWidth, columns - column);
        for (size_t i = row; i < row_end; i += kRows) {
          const size_t high = std::min(kRows, row_end - i);
          Real* const out = product + i * columns + column;
          const bool fresh = k == 0 && !shape.add;
          const Real* const panel_a = packed_a + (i - row) * deep;
          const Real* const panel_b = to + column * deep;
          if (high == kRows && wide == kWidth) {
            if (fresh)
              for (size_t y = 0; y < kRows; ++y) std::fill_n(out + y * columns, kWidth, Real{0});
            AddPanels(panel_a, panel_b, deep, out, columns);
            continue;
          }
          std::fill_n(sums, kRows * kWidth, Real{0});
          if (!fresh)
            for (size_t y = 0; y < high; ++y) std::copy_n(out + y * columns, wide, sums + y * kWidth);
          AddPanels(panel_a, panel_b, deep, sums, kWidth);
          for (size_t y = 0; y < high; ++y) std::copy_n(sums + y * kWidth, wide, out + y * columns);
        }
      }
    });
  }
}

void MultiplyFloats(const MatrixView<float>& a, const MatrixView<float>& b, const ProductShape& shape, float* product,
                    int threads) {
  MultiplyAny(a, b, shape, product, threads);
}

void MultiplyDoubles(const MatrixView<double>& a, const MatrixView<double>& b, const ProductShape& shape,
                     double* product, int threads) {
  MultiplyAny(a, b, shape, product, threads);
}

}  // namespace maskbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace maskbench {

HWY_EXPORT(MultiplyFloats);
HWY_EXPORT(MultiplyDoubles);

void Multiply(const MatrixView<float>& a, const MatrixView<float>& b, const ProductShape& shape, float* product,
              int threads) {
  HWY_DYNAMIC_DISPATCH(MultiplyFloats)(a, b, shape, product, threads);
}

void Multiply(const MatrixView<double>& a, const MatrixView<double>& b, const ProductShape& shape, double* product,
              int threads) {
  HWY_DYNAMIC_DISPATCH(MultiplyDoubles)(a, b, shape, product, threads);
}

}  // namespace maskbench
#endif  // HWY_ONCE
