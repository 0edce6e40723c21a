#include "metrics/score_set.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace maskbench {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double Square(double value) { return value * value; }

struct Moments {
  double mean, variance;
};

Moments MomentsOf(const std::vector<double>& scores) {
  const auto count = static_cast<double>(scores.size());
  double sum = 0;
  for (const double score : scores) sum += score;
  double mean = sum / count;
  // What rounding left of the mean.
  double rest = 0;
  for (const double score : scores) rest += score - mean;
  mean += rest / count;
  double squares = 0;
  for (const double score : scores) squares += Square(score - mean);
  return {mean, squares / count};
}

// One error rate that falls along a curve, and one that rises.
struct Errors {
  double falling, rising;
};

// The rate at which the two are equal, between a point before that and the next one.
double Crossing(const Errors& before, const Errors& after) {
  const double gap_before = before.rising - before.falling;
  const double gap_after = after.rising - after.falling;
  return before.falling - gap_before / (gap_after - gap_before) * (after.falling - before.falling);
}

// The largest count whose share of `total` is at most `rate`.
size_t MostWithin(double rate, size_t total) {
  const auto all = static_cast<double>(total);
  auto count = static_cast<size_t>(std::clamp(rate * all, 0.0, all));
  while (count < total && static_cast<double>(count + 1) / all <= rate) ++count;
  while (count > 0 && static_cast<double>(count) / all > rate) --count;
  return count;
}

// Steele, Lea and Flood's SplitMix64: one stream for each start, the same everywhere.
class Random {
 public:
  explicit Random(uint64_t state) : state_(state) {}
  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15;
    uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return mixed ^ (mixed >> 31);
  }
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(((Next() >> 32) * bound) >> 32); }

 private:
  uint64_t state_;
};

}  // namespace

ScoreSet::ScoreSet(std::vector<double> genuine, std::vector<double> impostor, double precision)
    : genuine_(std::move(genuine)), impostor_(std::move(impostor)), precision_(precision) {
  std::sort(genuine_.begin(), genuine_.end());
  std::sort(impostor_.begin(), impostor_.end());
}

double ScoreSet::lowest() const { return std::min(genuine_.front(), impostor_.front()); }
double ScoreSet::highest() const { return std::max(genuine_.back(), impostor_.back()); }

template <typename Visit>
void ScoreSet::Walk(Visit visit) const {
  size_t g = 0;
  size_t i = 0;
  while (g < genuine_.size() || i < impostor_.size()) {
    const double score = g == genuine_.size()    ? impostor_[i]
                         : i == impostor_.size() ? genuine_[g]
                                                 : std::min(genuine_[g], impostor_[i]);
    visit(score, g, impostor_.size() - i);
    while (g < genuine_.size() && genuine_[g] == score) ++g;
    while (i < impostor_.size() && impostor_[i] == score) ++i;
  }
  visit(kInfinity, genuine_.size(), size_t{0});
}

Measures ScoreSet::Measure() const {
  const auto genuine = static_cast<double>(genuine_.size());
  const auto impostor = static_cast<double>(impostor_.size());
  struct Point {
    int64_t fm, fnm;  // counts, so that the hull's turns are exact
  };
  Measures measures{};
  std::vector<Point> hull;
  uint64_t twice_won = 0;  // impostor-genuine pairs in the right order, a tie being half of one
  bool crossed = false;
  Point previous{};
  double previous_threshold = 0;
  bool first = true;
  Walk([&](double threshold, size_t below, size_t above) {
    const Point point{static_cast<int64_t>(above), static_cast<int64_t>(below)};
    if (!first) {
      const auto impostors = static_cast<uint64_t>(previous.fm - point.fm);
      const auto ties = static_cast<uint64_t>(point.fnm - previous.fnm);
      twice_won += impostors * (2 * (genuine_.size() - below) + ties);
      const double fmr = static_cast<double>(point.fm) / impostor;
      const double fnmr = static_cast<double>(point.fnm) / genuine;
      if (!crossed && fnmr >= fmr) {
        crossed = true;
        const double fmr_before = static_cast<double>(previous.fm) / impostor;
        const double fnmr_before = static_cast<double>(previous.fnm) / genuine;
        measures.eer_crossing = Crossing({fmr_before, fnmr_before}, {fmr, fnmr});
        measures.eer_threshold = fnmr - fmr <= fmr_before - fnmr_before ? threshold : previous_threshold;
      }
    }
    // From (all, 0) to (0, all) by falling false matches: the hull turns to the right all the way.
    while (hull.size() >= 2) {
      const Point& a = hull[hull.size() - 2];
      const Point& b = hull.back();
      const int64_t turn = (b.fm - a.fm) * (point.fnm - a.fnm) - (b.fnm - a.fnm) * (point.fm - a.fm);
      if (turn < 0) break;
      hull.pop_back();
    }
    hull.push_back(point);
    previous = point;
    previous_threshold = threshold;
    first = false;
  });
  measures.auc = static_cast<double>(twice_won) / 2 / (genuine * impostor);

  double genuine_cost = 0;
  double impostor_cost = 0;
  bool cut = false;
  for (size_t k = 1; k < hull.size(); ++k) {
    const Point& a = hull[k - 1];
    const Point& b = hull[k];
    const double fmr_a = static_cast<double>(a.fm) / impostor;
    const double fnmr_a = static_cast<double>(a.fnm) / genuine;
    const double fmr_b = static_cast<double>(b.fm) / impostor;
    const double fnmr_b = static_cast<double>(b.fnm) / genuine;
    if (!cut && fnmr_b >= fmr_b) {
      cut = true;
      measures.eer_hull = Crossing({fmr_a, fnmr_a}, {fmr_b, fnmr_b});
    }
    // Between two corners all scores have one likelihood ratio: the hull's slope.
    const double genuine_share = fnmr_b - fnmr_a;
    const double impostor_share = fmr_a - fmr_b;
    if (genuine_share > 0) genuine_cost += genuine_share * std::log2(1 + impostor_share / genuine_share);
    if (impostor_share > 0) impostor_cost += impostor_share * std::log2(1 + genuine_share / impostor_share);
  }
  measures.min_cllr = (genuine_cost + impostor_cost) / 2;

  const Moments g = MomentsOf(genuine_);
  const Moments i = MomentsOf(impostor_);
  const double spread = std::sqrt((g.variance + i.variance) / 2);
  const double rounding = 4 * precision_ * std::max(std::abs(lowest()), std::abs(highest()));
  if (spread > rounding) measures.d_prime = std::abs(g.mean - i.mean) / spread;
  return measures;
}

Rates ScoreSet::At(double threshold, bool strict) const {
  const auto below = [&](const std::vector<double>& scores) {
    const auto end = strict ? std::upper_bound(scores.begin(), scores.end(), threshold)
                            : std::lower_bound(scores.begin(), scores.end(), threshold);
    return static_cast<size_t>(end - scores.begin());
  };
  return {threshold, static_cast<double>(impostor_.size() - below(impostor_)) / static_cast<double>(impostor_.size()),
          static_cast<double>(below(genuine_)) / static_cast<double>(genuine_.size())};
}

Rates ScoreSet::AtFmr(double target) const {
  const size_t most = MostWithin(target, impostor_.size());
  double threshold = lowest();
  if (most < impostor_.size()) {
    const double refused = impostor_[impostor_.size() - most - 1];
    threshold = kInfinity;
    for (const std::vector<double>* scores : {&genuine_, &impostor_}) {
      const auto next = std::upper_bound(scores->begin(), scores->end(), refused);
      if (next != scores->end()) threshold = std::min(threshold, *next);
    }
  }
  return At(threshold, false);
}

Rates ScoreSet::AtFnmr(double target) const {
  const size_t most = MostWithin(target, genuine_.size());
  return At(most < genuine_.size() ? genuine_[most] : kInfinity, false);
}

Curve ScoreSet::Points(size_t most) const {
  size_t distinct = 0;
  Walk([&](double, size_t, size_t) { ++distinct; });
  const auto genuine = static_cast<double>(genuine_.size());
  const auto impostor = static_cast<double>(impostor_.size());
  const auto apart = [](double a, double b) {
    return std::abs(a - b) >= 1.0 / 400 || std::abs(a - b) > 0.03 * std::min(a, b);
  };
  Curve curve;
  Walk([&](double threshold, size_t below, size_t above) {
    const double fmr = static_cast<double>(above) / impostor;
    const double fnmr = static_cast<double>(below) / genuine;
    if (distinct > most && !curve.fmr.empty() && threshold != kInfinity && !apart(fmr, curve.fmr.back()) &&
        !apart(fnmr, curve.fnmr.back()))
      return;
    curve.thresholds.push_back(threshold);
    curve.fmr.push_back(fmr);
    curve.fnmr.push_back(fnmr);
  });
  return curve;
}

void ScoreSet::Histogram(std::span<double> genuine, std::span<double> impostor) const {
  const double low = lowest();
  const double width = (highest() - low) / static_cast<double>(genuine.size());
  const auto count = [&](const std::vector<double>& scores, std::span<double> bins) {
    for (const double score : scores) {
      const auto bin = width > 0 ? static_cast<size_t>((score - low) / width) : size_t{0};
      ++bins[std::min(bin, bins.size() - 1)];
    }
  };
  count(genuine_, genuine);
  count(impostor_, impostor);
}

Bootstrap::Bootstrap(const Comparisons& comparisons, BootstrapTargets targets, uint64_t seed)
    : identities_(comparisons.identities), seed_(seed), targets_(std::move(targets)) {
  const auto& scores = comparisons.scores;
  std::vector<uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
  entries_.reserve(order.size());
  scores_.reserve(order.size());
  // Where comparisons are drawn each on its own, they are numbered as given, so that two systems share their draws.
  std::vector<int32_t> number(order.size());
  int32_t counted[2] = {};
  for (size_t at = 0; at < order.size(); ++at) number[at] = counted[comparisons.labels[at]]++;
  genuine_ = static_cast<size_t>(counted[1]);
  for (size_t k = 0; k < order.size(); ++k) {
    const uint32_t at = order[k];
    const bool genuine = comparisons.labels[at] == 1;
    const bool last = k + 1 == order.size() || scores[order[k + 1]] != scores[at];
    // Slot `identities_` always weighs 1.
    entries_.push_back({identities_ > 0 ? comparisons.first[at] : number[at],
                        genuine ? identities_ : comparisons.second[at], genuine, last});
    scores_.push_back(scores[at]);
  }
}

void Bootstrap::Draw(uint64_t number, std::span<double> out) const {
  thread_local std::vector<uint32_t> drawn;
  thread_local std::vector<double> weights;
  Random random(Random(seed_ ^ (number * 0xD1342543DE82EF95)).Next());
  weights.resize(entries_.size());
  double genuine = 0;
  double impostor = 0;
  if (identities_ > 0) {
    drawn.assign(static_cast<size_t>(identities_) + 1, 0);
    for (int k = 0; k < identities_; ++k) ++drawn[random.Below(static_cast<uint32_t>(identities_))];
    drawn[static_cast<size_t>(identities_)] = 1;
    for (size_t k = 0; k < entries_.size(); ++k) {
      const Entry& entry = entries_[k];
      const auto weight = static_cast<double>(drawn[static_cast<size_t>(entry.first)] *
                                              uint64_t{drawn[static_cast<size_t>(entry.second)]});
      weights[k] = weight;
      (entry.genuine ? genuine : impostor) += weight;
    }
  } else {
    // Genuine and impostor comparisons are drawn apart: their numbers are the experiment's choice.
    const size_t total = entries_.size();
    const size_t impostors = total - genuine_;
    drawn.assign(total, 0);
    for (size_t k = 0; k < genuine_; ++k) ++drawn[random.Below(static_cast<uint32_t>(genuine_))];
    for (size_t k = 0; k < impostors; ++k) ++drawn[genuine_ + random.Below(static_cast<uint32_t>(impostors))];
    for (size_t k = 0; k < total; ++k) {
      const auto at = static_cast<size_t>(entries_[k].first);
      weights[k] = static_cast<double>(drawn[entries_[k].genuine ? at : genuine_ + at]);
    }
    genuine = static_cast<double>(genuine_);
    impostor = static_cast<double>(impostors);
  }
  std::fill(out.begin(), out.end(), std::numeric_limits<double>::quiet_NaN());
  if (genuine == 0 || impostor == 0) return;

  double matched_genuine = 0;
  double matched_impostor = 0;
  double won = 0;  // weighted impostor-genuine pairs in the right order
  double genuine_before = 0;
  double fmr_before = 0;
  double fnmr_before = 1;
  bool crossed = false;
  size_t fixed = 0;
  const size_t fnmr_at = 2;
  const size_t fixed_at = fnmr_at + targets_.fmr.size();
  // What a threshold above every score gives; better ones overwrite it below.
  double highest_target = -1;
  for (size_t k = 0; k < targets_.fmr.size(); ++k) {
    out[fnmr_at + k] = 1;
    highest_target = std::max(highest_target, targets_.fmr[k]);
  }
  for (size_t k = 0; k < entries_.size(); ++k) {
    // A fixed threshold's rates are those of the scores above it; `thresholds` descend.
    while (fixed < targets_.thresholds.size() && scores_[k] < targets_.thresholds[fixed]) {
      out[fixed_at + 2 * fixed] = fmr_before;
      out[fixed_at + 2 * fixed + 1] = fnmr_before;
      ++fixed;
    }
    (entries_[k].genuine ? matched_genuine : matched_impostor) += weights[k];
    if (!entries_[k].last_of_score) continue;
    const double fmr = matched_impostor / impostor;
    const double fnmr = (genuine - matched_genuine) / genuine;
    won += (fmr - fmr_before) * impostor * (genuine_before + matched_genuine) / 2;
    genuine_before = matched_genuine;
    if (!crossed && fmr >= fnmr) {
      crossed = true;
      out[0] = Crossing({fnmr_before, fmr_before}, {fnmr, fmr});
    }
    if (fmr <= highest_target)
      for (size_t target = 0; target < targets_.fmr.size(); ++target)
        if (fmr <= targets_.fmr[target]) out[fnmr_at + target] = fnmr;
    fmr_before = fmr;
    fnmr_before = fnmr;
  }
  for (; fixed < targets_.thresholds.size(); ++fixed) {
    out[fixed_at + 2 * fixed] = fmr_before;
    out[fixed_at + 2 * fixed + 1] = fnmr_before;
  }
  out[1] = won / (genuine * impostor);
}

}  // namespace maskbench
