#ifndef MASKBENCH_ADAPT_MATRIX_H_
#define MASKBENCH_ADAPT_MATRIX_H_

#include <cstddef>

namespace maskbench {

// Where the numbers of a matrix lie: by rows, or read as the transposed of what does.
template <typename Real>
struct MatrixView {
  const Real* numbers;
  size_t row_stride, column_stride;
};

template <typename Real>
MatrixView<Real> ByRows(const Real* numbers, size_t columns) {
  return {numbers, columns, 1};
}

template <typename Real>
MatrixView<Real> Transposed(const Real* numbers, size_t columns) {
  return {numbers, 1, columns};
}

// product [rows × columns] = a [rows × inner] · b [inner × columns], or added to what is there. Sums run over `inner`
// in one order, on any number of threads.
struct ProductShape {
  size_t rows, inner, columns;
  bool add;
};

void Multiply(const MatrixView<float>& a, const MatrixView<float>& b, const ProductShape& shape, float* product,
              int threads);
void Multiply(const MatrixView<double>& a, const MatrixView<double>& b, const ProductShape& shape, double* product,
              int threads);

}  // namespace maskbench

#endif  // MASKBENCH_ADAPT_MATRIX_H_
