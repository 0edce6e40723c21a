#ifndef MASKBENCH_INFERENCE_SESSION_H_
#define MASKBENCH_INFERENCE_SESSION_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace Ort {
struct Env;
struct Session;
}  // namespace Ort

namespace maskbench {

// ONNX Runtime's shared library and its environment: one of each a process.
class OrtLibrary {
 public:
  // The first call decides which file is loaded. Throws UNAVAILABLE.
  static const OrtLibrary& Load(const std::string& path);

  const std::string& version() const { return version_; }
  std::vector<std::string> Providers() const;
  const Ort::Env& env() const { return *env_; }

 private:
  explicit OrtLibrary(const std::string& path);

  std::string version_;
  // Lives as long as the process.
  const Ort::Env* env_;
};

struct SessionOptions {
  // ONNX Runtime's shared library.
  std::string runtime;
  std::string model;
  // A CUDA device; negative: the CPU.
  int cuda_device = -1;
};

// Numbers, row-major.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<float> numbers;
};

// A model of one input of images [n, …]. Safe to run from many threads at once.
class Session {
 public:
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // One session for all who ask for the same file. Throws MODEL_MISSING, MODEL_CORRUPT, UNAVAILABLE (without a subject:
  // the device).
  static std::shared_ptr<const Session> Open(const SessionOptions& options);

  // The input's shape, -1 where any size will do.
  const std::vector<int64_t>& input_shape() const { return input_shape_; }
  const std::vector<std::string>& outputs() const { return outputs_; }

  // Runs `input` of `shape`, which lies in the memory of a CUDA device, or of the host (-1), and gives what `outputs`
  // names. Throws INFERENCE_FAILED, also where an output holds no 32-bit floats.
  std::vector<Tensor> Run(std::span<float> input, int cuda_device, std::span<const int64_t> shape,
                          std::span<const std::string> outputs) const;

 private:
  explicit Session(const SessionOptions& options);

  const std::string model_;
  std::unique_ptr<Ort::Session> session_;
  std::string input_;
  std::vector<int64_t> input_shape_;
  std::vector<std::string> outputs_;
};

}  // namespace maskbench

#endif  // MASKBENCH_INFERENCE_SESSION_H_
