#ifndef MASKBENCH_ADAPT_TRAINER_H_
#define MASKBENCH_ADAPT_TRAINER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "adapt/corpus.h"
#include "adapt/head.h"
#include "adapt/loss.h"
#include "adapt/network.h"
#include "runtime/cancellation.h"

namespace maskbench {

struct TrainerOptions {
  LossOptions loss;
  bool residual = true;
  // Rows of a batch, at least 2 and at most those of the corpus.
  size_t batch = 512;
  uint64_t seed = 0;
  int threads = 1;
};

// Trains the network by stochastic gradient descent with Nesterov momentum. The same seed gives the same network on any
// number of threads.
class Trainer {
 public:
  // What `corpus` points to must outlive this.
  Trainer(const AdaptCorpus& corpus, const TrainerOptions& options);

  // Makes so many updates with this learning rate. Throws ABORTED.
  void Train(size_t updates, double rate, const Cancellation& cancellation);
  Head ToHead() const { return {{network_.ToStage()}, LengthOf(corpus_)}; }

 private:
  void NextBatch();
  void Update(double rate);

  const AdaptCorpus corpus_;
  const TrainerOptions options_;
  Network<float> network_;
  Loss<float> loss_;
  Parameters<float> velocity_;
  // Plain vectors to draw negatives from.
  std::vector<int32_t> plain_;
  NamedRandom negatives_;
  std::vector<int32_t> order_;
  size_t at_ = 0;
  uint64_t epoch_ = 0;
  // The batch.
  std::vector<float> inputs_, positives_, others_, slopes_;
  std::vector<int32_t> shown_;
};

}  // namespace maskbench

#endif  // MASKBENCH_ADAPT_TRAINER_H_
