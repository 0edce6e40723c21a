#ifndef MASKBENCH_ALL_PAIRS_COUNTS_H_
#define MASKBENCH_ALL_PAIRS_COUNTS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <unordered_set>
#include <vector>

#include "all_pairs/packed_vectors.h"
#include "all_pairs/pair_score.h"

namespace maskbench {

enum class SameSource { kExclude, kInclude, kOnly };

struct PairOfRows {
  int32_t probe, reference;
};

struct AllPairsOptions {
  Metric metric = Metric::kCosine;
  size_t bins = 65536;
  // Similarities are counted in equal bins over [low, high]; distances as negated distances.
  float low = -1;
  float high = 1;
  SameSource same_source = SameSource::kExclude;
  // Left out of every count. Within one set by ascending rows.
  std::vector<PairOfRows> excluded;
  // Only panels that share identities: every genuine pair, and a sample of impostors.
  bool near_only = false;
  // The score of each searching row's best mate, infinity where it has none: of the probes, or empty to count no ranks.
  std::vector<float> mates;
  // Impostor identities kept for each probe; 0: none.
  size_t top = 0;
  // Impostor scores from this bin on are also counted by identity, `tail_width` bins at a time.
  size_t tail_bin = std::numeric_limits<size_t>::max();
  size_t tail_width = 1;
  int32_t identities = 0;

  bool has_tail() const { return tail_bin < bins; }
  Binning binning() const { return {low, static_cast<float>(bins) / (high - low), static_cast<int>(bins) - 1}; }
};

inline constexpr size_t kTailBins = 512;

struct Candidate {
  float score;
  int32_t row;  // of the other side; negative: none
  int32_t identity;
};

// What one thread has counted. The sum of several is the same whatever was counted where.
struct PairCounts {
  // `references` is 0 within one set.
  PairCounts(const AllPairsOptions& options, size_t probes, size_t references);
  // Adds what 32 bits hold to what 64 do.
  void Flush();

  std::vector<uint64_t> impostor;
  struct Genuine {
    float score;
    PairOfRows rows;
  };
  std::vector<Genuine> genuine;
  uint64_t impostors = 0;
  uint64_t same_source = 0;
  // [identities x kTailBins]: impostor pairs that an identity takes part in.
  std::vector<uint32_t> tail;
  // [(probes + references) x top]: the best impostor of each of the best identities, best first.
  std::vector<Candidate> best;
  // [mates]: identities with a score of at least the mate's.
  std::vector<uint32_t> above;

  // [mates]: the identity that was counted there last. All pairs of a row and an identity are in one strip, one after
  // another.
  std::vector<int32_t> counted;
  // For each row the least score that any of the above wants to know of.
  std::vector<float> limits;
  std::vector<uint32_t> histogram;
  uint64_t unflushed = 0;
};

// All pairs of `probes` x `references`, or where `within` all unordered pairs of one set.
class AllPairs {
 public:
  AllPairs(const PackedVectors& probes, const PackedVectors& references, bool within, const AllPairsOptions& options);

  // The work is a list of strips of probes; each is counted whole.
  size_t strips() const;
  void Count(size_t strip, PairCounts& counts) const;
  void Merge(PairCounts& into, const PairCounts& from) const;

  // For a device that scores pairs, and counts impostors by bins: of the others, sorted by rows, genuine pairs and
  // those that reach a row's limit, this counts the rest.
  void CountKept(std::span<const ScoredPair> kept, PairCounts& counts) const;
  // Takes the excluded impostors of a strip out of the bins.
  void Uncount(size_t strip, PairCounts& counts) const;
  const PackedVectors& probes() const { return probes_; }
  const PackedVectors& references() const { return references_; }
  bool within() const { return within_; }
  // No other in this process has the same.
  uint64_t id() const { return id_; }
  const AllPairsOptions& options() const { return options_; }
  // Where the limits of references begin.
  size_t reference_slots() const { return within_ ? 0 : probes_.size(); }

 private:
  struct Tile;
  void CountTile(PairCounts& counts, const float* products, const Tile& tile) const;
  void CountGenuine(PairCounts& counts, size_t probe, size_t reference, float score) const;
  void CountImpostor(PairCounts& counts, size_t probe, size_t reference, float score) const;
  void CountAbove(PairCounts& counts, size_t slot, int32_t identity, float score) const;
  void Offer(PairCounts& counts, size_t slot, const Candidate& offered) const;

  const uint64_t id_;
  const PackedVectors& probes_;
  const PackedVectors& references_;
  const bool within_;
  const AllPairsOptions options_;
  // A score below this is in no tail bin.
  const float tail_;
  // Pairs of rows, and of the panels that they lie in.
  std::unordered_set<uint64_t> excluded_, excluded_panels_;
};

}  // namespace maskbench

#endif  // MASKBENCH_ALL_PAIRS_COUNTS_H_
