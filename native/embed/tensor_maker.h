#ifndef MASKBENCH_EMBED_TENSOR_MAKER_H_
#define MASKBENCH_EMBED_TENSOR_MAKER_H_

#include <span>

#include "embed/crop.h"
#include "embed/cut.h"

namespace maskbench {

// Makes a model's input of many crops at once, as MakeCrop and Normalize do. Not safe to use from two threads at once.
class TensorMaker {
 public:
  TensorMaker() = default;
  virtual ~TensorMaker() = default;
  TensorMaker(const TensorMaker&) = delete;
  TensorMaker& operator=(const TensorMaker&) = delete;

  // [crops, ...] as `layout` says. Lies on the device, until the next call.
  virtual float* MakeTensor(std::span<const CropPlan* const> crops, const TensorLayout& layout) = 0;
  virtual void Read(const float* tensor, std::span<float> numbers) = 0;
};

}  // namespace maskbench

#endif  // MASKBENCH_EMBED_TENSOR_MAKER_H_
