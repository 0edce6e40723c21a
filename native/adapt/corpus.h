#ifndef MASKBENCH_ADAPT_CORPUS_H_
#define MASKBENCH_ADAPT_CORPUS_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "adapt/head.h"

namespace maskbench {

// Masked vectors that are learned from, and the plain ones beside them.
struct AdaptCorpus {
  Vectors plain, masked;
  // [masked]: the plain vector of the same photo; [plain]: who it shows.
  std::span<const int32_t> twins, identities;
  // [masked]: a number for each mask style, or whatever else the vectors were made in.
  std::span<const int32_t> styles;
  // The masked vectors to learn from; of at least two people.
  std::span<const int32_t> rows;
  // Vectors are compared by their angles, not by their distances: their lengths do not matter.
  bool by_angle = false;

  size_t dimensions() const { return plain.dimensions; }
  size_t twin(int32_t row) const { return static_cast<size_t>(twins[static_cast<size_t>(row)]); }
};

// Vectors are learned from at length 1.
template <typename Real>
void CopyUnit(std::span<const float> vector, Real* to) {
  double square = 0;
  for (const float number : vector) square += static_cast<double>(number) * number;
  const double factor = square > 0 ? 1 / std::sqrt(square) : 1;
  for (size_t k = 0; k < vector.size(); ++k) to[k] = static_cast<Real>(vector[k] * factor);
}

// The length that corrected vectors get: 1 where angles are compared, else the root mean square of the lengths of the
// plain vectors.
inline double LengthOf(const AdaptCorpus& corpus) {
  if (corpus.by_angle) return 1;
  double sum = 0;
  for (const int32_t row : corpus.rows)
    for (const float number : corpus.plain.row(corpus.twin(row))) sum += static_cast<double>(number) * number;
  return std::sqrt(sum / static_cast<double>(corpus.rows.size()));
}

}  // namespace maskbench

#endif  // MASKBENCH_ADAPT_CORPUS_H_
