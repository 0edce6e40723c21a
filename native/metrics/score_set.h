#ifndef MASKBENCH_METRICS_SCORE_SET_H_
#define MASKBENCH_METRICS_SCORE_SET_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace maskbench {

// Error rates when a comparison is a match at score >= threshold, or, where said, at score > threshold.
struct Rates {
  double threshold;
  double fmr;
  double fnmr;
};

struct Curve {
  std::vector<double> thresholds, fmr, fnmr;
};

// What one pass over the sorted scores gives.
struct Measures {
  // Linear interpolation where FNMR - FMR changes sign.
  double eer_crossing;
  double eer_threshold;
  // The lower-left convex hull of the (FMR, FNMR) points, cut by the diagonal.
  double eer_hull;
  double auc;
  // Where the scores deviate by more than rounding.
  std::optional<double> d_prime;
  // From the hull's likelihood ratios, which are those of pool-adjacent-violators.
  double min_cllr;
};

// Genuine and impostor scores, each sorted, at least one of each and all finite.
class ScoreSet {
 public:
  // `precision`: that of the numbers that the scores were, relative to 1.
  ScoreSet(std::vector<double> genuine, std::vector<double> impostor, double precision);

  size_t genuine() const { return genuine_.size(); }
  size_t impostor() const { return impostor_.size(); }
  double lowest() const;
  double highest() const;

  Measures Measure() const;
  // At the smallest threshold, a score or infinity, with FMR <= target.
  Rates AtFmr(double target) const;
  // At the largest threshold with FNMR <= target.
  Rates AtFnmr(double target) const;
  // `strict`: a match is score > threshold.
  Rates At(double threshold, bool strict) const;
  // One point for every distinct score and one for infinity, thresholds ascending; of more than `most` points those
  // that lie visibly apart on linear or logarithmic axes.
  Curve Points(size_t most) const;
  // Counts of genuine and of impostor scores in equal bins from the lowest to the highest score.
  void Histogram(std::span<double> genuine, std::span<double> impostor) const;

 private:
  // Calls visit(threshold, genuine below, impostors at or above) at every distinct score, ascending, and at infinity.
  template <typename Visit>
  void Walk(Visit visit) const;

  std::vector<double> genuine_, impostor_;
  double precision_;
};

// Score `i` of a weighted resampling: its comparison is of identities `first[i]` and `second[i]`.
struct Comparisons {
  std::span<const double> scores;
  std::span<const uint8_t> labels;  // 1: genuine
  std::span<const int32_t> first, second;
  // Identities are numbered below this; 0: comparisons are drawn, each on its own.
  int identities;
};

struct BootstrapTargets {
  std::vector<double> fmr;         // FNMR with the threshold recomputed for this FMR
  std::vector<double> thresholds;  // descending; FMR and FNMR at each

  // Numbers of a draw: EER by crossing, AUC, FNMR for each fmr, then FMR and FNMR for each threshold.
  size_t values() const { return 2 + fmr.size() + 2 * thresholds.size(); }
};

// Draws of identities with replacement: identity i is drawn w_i times, a genuine comparison of i weighs w_i, an
// impostor comparison of i and j weighs w_i * w_j. A draw depends on `seed` and its number alone.
class Bootstrap {
 public:
  Bootstrap(const Comparisons& comparisons, BootstrapTargets targets, uint64_t seed);
  // Draw `number` into the targets' `values()` numbers; NaN where the draw has no genuine or no impostor comparison.
  void Draw(uint64_t number, std::span<double> out) const;

 private:
  struct Entry {
    int32_t first, second;
    bool genuine;
    // The next entry has another score.
    bool last_of_score;
  };

  int identities_;
  uint64_t seed_;
  BootstrapTargets targets_;
  std::vector<Entry> entries_;  // by descending score
  std::vector<double> scores_;
  size_t genuine_ = 0;
};

}  // namespace maskbench

#endif  // MASKBENCH_METRICS_SCORE_SET_H_
