#include "adapt/trainer.h"

#include <algorithm>
#include <utility>

#include "adapt/parallel.h"

namespace maskbench {

Trainer::Trainer(const AdaptCorpus& corpus, const TrainerOptions& options)
    : corpus_(corpus),
      options_(options),
      network_(corpus.dimensions(), options.residual, options.seed, options.threads),
      loss_(options.loss, corpus.dimensions(), options.threads),
      negatives_(options.seed, "negatives", 0),
      order_(corpus.rows.begin(), corpus.rows.end()) {
  for (const int32_t row : corpus.rows) plain_.push_back(static_cast<int32_t>(corpus.twin(row)));
  std::ranges::sort(plain_);
  plain_.erase(std::unique(plain_.begin(), plain_.end()), plain_.end());
  velocity_ = network_.gradient();
  for (auto& [weights, scale, offset] : velocity_)
    for (std::vector<float>* numbers : {&weights, &scale, &offset}) std::ranges::fill(*numbers, 0.0F);
  const size_t numbers = options.batch * corpus.dimensions();
  for (std::vector<float>* rows : {&inputs_, &positives_, &others_, &slopes_}) rows->resize(numbers);
  shown_.resize(options.batch);
  at_ = order_.size();
}

void Trainer::Train(size_t updates, double rate, const Cancellation& cancellation) {
  for (size_t done = 0; done < updates; ++done) {
    cancellation.ThrowIfCancelled();
    NextBatch();
    const std::vector<float>& outputs = network_.Forward(options_.batch, inputs_);
    loss_(options_.batch, outputs.data(), {positives_.data(), others_.data(), shown_}, slopes_.data());
    network_.Backward(slopes_);
    Update(rate);
  }
}

void Trainer::NextBatch() {
  // A last batch that is not full is left to the next epoch's order.
  if (at_ + options_.batch > order_.size()) {
    NamedRandom random(options_.seed, "epoch", epoch_++);
    for (size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random.Below(i)]);
    at_ = 0;
  }
  const size_t dimensions = corpus_.dimensions();
  for (size_t i = 0; i < options_.batch; ++i) {
    const int32_t row = order_[at_++];
    const size_t twin = corpus_.twin(row);
    shown_[i] = corpus_.identities[twin];
    size_t other = twin;
    while (corpus_.identities[other] == shown_[i]) other = static_cast<size_t>(plain_[negatives_.Below(plain_.size())]);
    const size_t to = i * dimensions;
    CopyUnit(corpus_.masked.row(static_cast<size_t>(row)), inputs_.data() + to);
    CopyUnit(corpus_.plain.row(twin), positives_.data() + to);
    CopyUnit(corpus_.plain.row(other), others_.data() + to);
  }
}

void Trainer::Update(double rate) {
  constexpr float kMomentum = 0.9F;
  const auto step = static_cast<float>(rate);
  const auto update = [&](std::vector<float>& numbers, const std::vector<float>& gradient,
                          std::vector<float>& velocity) {
    constexpr size_t kPiece = 16384;
    ForPieces(numbers.size(), kPiece, options_.threads, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i) {
        velocity[i] = kMomentum * velocity[i] + gradient[i];
        numbers[i] -= step * (gradient[i] + kMomentum * velocity[i]);
      }
    });
  };
  for (size_t layer = 0; layer < kLayers; ++layer) {
    NormedLayer<float>& parameters = network_.parameters()[layer];
    const NormedLayer<float>& gradient = network_.gradient()[layer];
    NormedLayer<float>& velocity = velocity_[layer];
    update(parameters.weights, gradient.weights, velocity.weights);
    update(parameters.scale, gradient.scale, velocity.scale);
    update(parameters.offset, gradient.offset, velocity.offset);
  }
}

}  // namespace maskbench
