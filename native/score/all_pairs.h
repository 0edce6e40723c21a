#ifndef MASKBENCH_SCORE_ALL_PAIRS_H_
#define MASKBENCH_SCORE_ALL_PAIRS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace maskbench {

enum class Metric { kCosine, kL2, kInverseL2 };

// Vectors in panels of kPanel rows, numbers of one dimension side by side, as the product reads them.
inline constexpr size_t kPanel = 24;

// Vectors sorted by identity. For cosine they have length 1.
class PackedVectors {
 public:
  PackedVectors(size_t count, size_t dimensions);
  PackedVectors(const PackedVectors&) = delete;
  PackedVectors& operator=(const PackedVectors&) = delete;

  // Row `row` of the sorted order. Returns false for a vector that is not finite, or under cosine zero.
  bool Set(size_t row, std::span<const float> vector, Metric metric, int32_t identity, int32_t photo);

  size_t size() const { return count_; }
  size_t panels() const { return (count_ + kPanel - 1) / kPanel; }
  size_t dimensions() const { return dimensions_; }
  const float* panel(size_t index) const { return aligned_ + index * kPanel * dimensions_; }
  int32_t identity(size_t row) const { return identities_[row]; }
  int32_t photo(size_t row) const { return photos_[row]; }
  // Squared length.
  float square(size_t row) const { return squares_[row]; }
  const float* squares(size_t row) const { return squares_.data() + row; }

 private:
  const size_t count_, dimensions_;
  std::vector<float> data_;
  // The first number of `data_` that begins a cache line: no load then crosses two.
  float* aligned_;
  std::vector<int32_t> identities_, photos_;
  std::vector<float> squares_;
};

enum class SamePhoto { kExclude, kInclude, kOnly };

struct AllPairsOptions {
  Metric metric = Metric::kCosine;
  size_t bins = 65536;
  // Similarities are counted in equal bins over [low, high]; distances as negated distances.
  float low = -1;
  float high = 1;
  SamePhoto same_photo = SamePhoto::kExclude;
  // Impostor identities kept for each probe; 0: none.
  size_t top = 0;
  // Impostor scores from this bin on are also counted by identity, `tail_width` bins at a time.
  size_t tail_bin = std::numeric_limits<size_t>::max();
  size_t tail_width = 1;
  int32_t identities = 0;

  bool has_tail() const { return tail_bin < bins; }
};

inline constexpr size_t kTailBins = 512;

struct Candidate {
  float score;
  int32_t row;  // of the other side; negative: none
};

// What one thread has counted. The sum of several is the same whatever was counted where.
struct PairCounts {
  // `references` is 0 within one set.
  PairCounts(const AllPairsOptions& options, size_t probes, size_t references);
  // Adds what 32 bits hold to what 64 do.
  void Flush();

  std::vector<uint64_t> impostor;
  // Genuine pairs by row numbers, and their scores.
  struct Genuine {
    float score;
    int32_t probe, reference;
  };
  std::vector<Genuine> genuine;
  uint64_t impostors = 0;
  uint64_t same_photo = 0;
  // [identities x kTailBins]: impostor pairs that an identity takes part in.
  std::vector<uint32_t> tail;
  // [(probes + references) x top]: the best impostor of each of the best identities, best first.
  std::vector<Candidate> best;

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

 private:
  void CountTile(PairCounts& counts, const float* products, size_t probe, size_t reference, bool mixed) const;
  void CountImpostor(PairCounts& counts, size_t probe, size_t reference, float score) const;
  void Offer(PairCounts& counts, size_t slot, int32_t row, float score, const PackedVectors& others) const;

  const PackedVectors& probes_;
  const PackedVectors& references_;
  const bool within_;
  const AllPairsOptions options_;
  // A score below this is in no tail bin.
  const float tail_;
};

}  // namespace maskbench

#endif  // MASKBENCH_SCORE_ALL_PAIRS_H_
