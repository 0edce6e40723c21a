#ifndef MASKBENCH_METRICS_IDENTIFICATION_H_
#define MASKBENCH_METRICS_IDENTIFICATION_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace maskbench {

struct Searches {
  std::vector<double> mate, above, best;
};

// See `identify` in binding.d.ts.
template <typename Score>
Searches Identify(std::span<const Score> matrix, std::span<const int32_t> probes, std::span<const int32_t> gallery,
                  int identities) {
  Searches searches;
  std::vector<double> scores(static_cast<size_t>(identities));
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  for (size_t row = 0; row < probes.size(); ++row) {
    std::fill(scores.begin(), scores.end(), kNone);
    const std::span<const Score> line = matrix.subspan(row * gallery.size(), gallery.size());
    for (size_t column = 0; column < gallery.size(); ++column) {
      if (gallery[column] < 0) continue;
      double& score = scores[static_cast<size_t>(gallery[column])];
      score = std::max(score, static_cast<double>(line[column]));
    }
    const auto probe = static_cast<size_t>(probes[row]);
    const double mate = scores[probe];
    scores[probe] = kNone;
    const auto above =
        mate == kNone ? 0 : std::count_if(scores.begin(), scores.end(), [&](double other) { return other >= mate; });
    searches.mate.push_back(mate == kNone ? std::numeric_limits<double>::quiet_NaN() : mate);
    searches.above.push_back(static_cast<double>(above));
    searches.best.push_back(*std::max_element(scores.begin(), scores.end()));
  }
  return searches;
}

}  // namespace maskbench

#endif  // MASKBENCH_METRICS_IDENTIFICATION_H_
