#ifndef MASKBENCH_RUNTIME_RANDOM_H_
#define MASKBENCH_RUNTIME_RANDOM_H_

#include <cstdint>
#include <string_view>

namespace maskbench {

// Random numbers that depend on a seed and a name only, so that any photo can be made again alone, on any number of
// threads.
class NamedRandom {
 public:
  NamedRandom(uint64_t seed, std::string_view name, uint64_t index) : state_(seed) {
    // FNV-1a over the name; splitmix64 (Steele, Lea and Flood, 2014) below spreads its bits.
    uint64_t hash = 0xCBF29CE484222325ULL;
    for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ULL;
    state_ = Mix(state_ ^ Mix(hash)) + index;
    Next();
  }

  // Uniform over [0, bound); the bias of at most bound / 2^64 is of no account here.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }

 private:
  uint64_t Next() { return Mix(state_ += 0x9E3779B97F4A7C15ULL); }

  static uint64_t Mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
  }

  uint64_t state_;
};

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_RANDOM_H_
