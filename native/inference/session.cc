#include "inference/session.h"

#include <dlfcn.h>
#include <onnxruntime_cxx_api.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>

#include "runtime/error.h"
#include "runtime/thread_pool.h"

namespace maskbench {
namespace {

// The first with all that is used here; every library since answers to it.
constexpr uint32_t kApiVersion = 11;

// ONNX Runtime's messages may end in line breaks.
std::string Trimmed(std::string_view message) {
  return std::string(message.substr(0, message.find_last_not_of(" \n") + 1));
}

void AppendCuda(Ort::SessionOptions& settings, int device) {
  const OrtApi& api = Ort::GetApi();
  OrtCUDAProviderOptionsV2* made = nullptr;
  Ort::ThrowOnError(api.CreateCUDAProviderOptions(&made));
  const std::unique_ptr<OrtCUDAProviderOptionsV2, decltype(api.ReleaseCUDAProviderOptions)> options(
      made, api.ReleaseCUDAProviderOptions);
  const std::string number = std::to_string(device);
  const char* const key = "device_id";
  const char* const value = number.c_str();
  Ort::ThrowOnError(api.UpdateCUDAProviderOptions(made, &key, &value, 1));
  settings.AppendExecutionProvider_CUDA_V2(*made);
}

}  // namespace

OrtLibrary::OrtLibrary(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  const auto refuse = [&](const std::string& problem) { throw Error(ErrorCode::kUnavailable, path, problem); };
  if (handle == nullptr) refuse(std::string("ONNX Runtime cannot be loaded: ") + dlerror());
  const auto get_base = reinterpret_cast<decltype(&OrtGetApiBase)>(dlsym(handle, "OrtGetApiBase"));
  if (get_base == nullptr) refuse("is not ONNX Runtime");
  version_ = get_base()->GetVersionString();
  const OrtApi* const api = get_base()->GetApi(kApiVersion);
  if (api == nullptr) refuse("this ONNX Runtime is too old: " + version_);
  Ort::InitApi(api);
  // What fails is thrown, and need not be printed too.
  env_ = new Ort::Env(ORT_LOGGING_LEVEL_FATAL, "maskbench");
  // process.exit() may come in the middle of a run: before the library's own clean-up, which was registered as it was
  // loaded, the threads that are in it must have come back, or the process must have ended.
  ThreadPool::StopAtExit();
}

const OrtLibrary& OrtLibrary::Load(const std::string& path) {
  // Never unloaded: threads of other environments may still be in it when the process ends.
  static std::mutex mutex;
  static std::unique_ptr<const OrtLibrary> library;
  const std::lock_guard lock(mutex);
  if (!library) library.reset(new OrtLibrary(path));
  return *library;
}

std::vector<std::string> OrtLibrary::Providers() const { return Ort::GetAvailableProviders(); }

std::shared_ptr<const Session> Session::Open(const SessionOptions& options) {
  struct stat file {};
  if (stat(options.model.c_str(), &file) != 0 || access(options.model.c_str(), R_OK) != 0)
    throw Error(ErrorCode::kModelMissing, options.model, "the model cannot be opened");
  // What the file is, not what it is called: a relative path, or a file replaced, may be another model. The time of
  // change, unlike that of modification, can't be set back.
  const std::tuple key(file.st_dev, file.st_ino, file.st_size, file.st_ctim.tv_sec, file.st_ctim.tv_nsec,
                       options.cuda_device);
  static std::mutex mutex;
  static std::map<std::remove_const_t<decltype(key)>, std::weak_ptr<const Session>> open;
  const std::lock_guard lock(mutex);
  std::erase_if(open, [](const auto& entry) { return entry.second.expired(); });
  auto& known = open[key];
  std::shared_ptr<const Session> session = known.lock();
  if (!session) known = session = std::shared_ptr<const Session>(new Session(options));
  return session;
}

Session::Session(const SessionOptions& options) : model_(options.model) {
  const OrtLibrary& library = OrtLibrary::Load(options.runtime);
  Ort::SessionOptions settings;
  // Every thread that calls runs a batch of its own, which beats one batch on all of them: nobody waits for the others.
  settings.SetIntraOpNumThreads(1);
  settings.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  // Batches differ in size: a pattern kept for each would only grow.
  settings.DisableMemPattern();
  if (options.cuda_device >= 0) {
    try {
      AppendCuda(settings, options.cuda_device);
    } catch (const std::exception& error) {
      throw Error(ErrorCode::kUnavailable, "",
                  std::string("ONNX Runtime has no working CUDA provider: ") + Trimmed(error.what()));
    }
  }
  try {
    session_ = std::make_unique<Ort::Session>(library.env(), model_.c_str(), settings);
    const size_t inputs = session_->GetInputCount();
    if (inputs != 1) throw std::runtime_error("expected one input, found " + std::to_string(inputs));
    const Ort::AllocatorWithDefaultOptions allocator;
    input_ = session_->GetInputNameAllocated(0, allocator).get();
    for (size_t i = 0; i < session_->GetOutputCount(); ++i)
      outputs_.emplace_back(session_->GetOutputNameAllocated(i, allocator).get());
    const Ort::TypeInfo type = session_->GetInputTypeInfo(0);
    if (type.GetONNXType() != ONNX_TYPE_TENSOR ||
        type.GetTensorTypeAndShapeInfo().GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)
      throw std::runtime_error("expected an input of 32-bit floats");
    input_shape_ = type.GetTensorTypeAndShapeInfo().GetShape();
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kModelCorrupt, model_,
                std::string("is not a model that can be used: ") + Trimmed(error.what()));
  }
}

Session::~Session() = default;

std::vector<Tensor> Session::Run(std::span<float> input, int cuda_device, std::span<const int64_t> shape,
                                 std::span<const std::string> outputs) const {
  try {
    const Ort::MemoryInfo host("Cpu", OrtDeviceAllocator, 0, OrtMemTypeDefault);
    const Ort::MemoryInfo place(cuda_device < 0 ? "Cpu" : "Cuda", OrtDeviceAllocator, std::max(0, cuda_device),
                                OrtMemTypeDefault);
    const Ort::Value tensor =
        Ort::Value::CreateTensor<float>(place, input.data(), input.size(), shape.data(), shape.size());
    // Bound, so that a device's provider copies the input over once, if it is not there, and the outputs back.
    Ort::IoBinding binding(*session_);
    binding.BindInput(input_.c_str(), tensor);
    for (const std::string& output : outputs) binding.BindOutput(output.c_str(), host);
    session_->Run(Ort::RunOptions{nullptr}, binding);
    std::vector<Tensor> tensors;
    for (const Ort::Value& value : binding.GetOutputValues()) {
      const Ort::TensorTypeAndShapeInfo info = value.GetTensorTypeAndShapeInfo();
      if (info.GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)
        throw std::runtime_error("expected outputs of 32-bit floats");
      const auto* numbers = value.GetTensorData<float>();
      tensors.push_back({info.GetShape(), {numbers, numbers + info.GetElementCount()}});
    }
    return tensors;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kInferenceFailed, model_, Trimmed(error.what()));
  }
}

}  // namespace maskbench
