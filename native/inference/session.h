#ifndef MASKBENCH_INFERENCE_SESSION_H_
#define MASKBENCH_INFERENCE_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "inference/ort_api.h"

namespace maskbench {

// ONNX Runtime's shared library and its environment: one of each a process.
class OrtLibrary {
 public:
  // The first call decides which file is loaded. Throws UNAVAILABLE.
  static const OrtLibrary& Load(const std::string& path);

  std::string version() const { return base_->get_version(); }
  std::vector<std::string> Providers() const;
  const ort::Env* env() const { return env_; }

  template <ort::Slot slot, typename... Arguments>
  auto Call(Arguments... arguments) const {
    return reinterpret_cast<typename ort::Signature<slot>::Type>(const_cast<void*>(table_[slot]))(arguments...);
  }
  // The same where a status comes back: throws its message.
  template <ort::Slot slot, typename... Arguments>
  void Do(Arguments... arguments) const {
    Check(Call<slot>(arguments...));
  }
  void Check(ort::Status* status) const;

  template <ort::Slot release, typename Type>
  std::unique_ptr<Type, std::function<void(Type*)>> Own(Type* object) const {
    return {object, [this](Type* owned) { Call<release>(owned); }};
  }

 private:
  explicit OrtLibrary(const std::string& path);

  const ort::ApiBase* base_;
  const void* const* table_;
  ort::Env* env_ = nullptr;
};

struct SessionOptions {
  // ONNX Runtime's shared library.
  std::string runtime;
  std::string model;
  // A CUDA device; negative: the CPU.
  int cuda_device = -1;
};

// A model of one image input [n, …] and vectors [n, dimensions] as the output. Safe to run from many threads at once.
class Session {
 public:
  // One session for all who ask for the same. Throws MODEL_MISSING, MODEL_CORRUPT, UNAVAILABLE (without a subject: the
  // device).
  static std::shared_ptr<const Session> Open(const SessionOptions& options);

  // The input's shape, -1 where any size will do.
  const std::vector<int64_t>& input_shape() const { return input_shape_; }
  const std::vector<std::string>& outputs() const { return outputs_; }

  // Runs `input` of `shape`, which lies in the memory of a CUDA device, or of the host (-1), and appends the numbers of
  // `output` (a name) to `vectors`. Throws INFERENCE_FAILED.
  void Run(std::span<float> input, int cuda_device, std::span<const int64_t> shape, const std::string& output,
           std::vector<float>& vectors) const;

 private:
  explicit Session(const SessionOptions& options);

  const OrtLibrary& library_;
  const std::string model_;
  std::shared_ptr<ort::Session> session_;
  std::string input_;
  std::vector<int64_t> input_shape_;
  std::vector<std::string> outputs_;
};

}  // namespace maskbench

#endif  // MASKBENCH_INFERENCE_SESSION_H_
