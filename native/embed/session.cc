#include "embed/session.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include "runtime/error.h"

namespace maskbench {

OrtLibrary::OrtLibrary(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  const auto refuse = [&](const std::string& problem) { throw Error(ErrorCode::kUnavailable, path, problem); };
  if (handle == nullptr) refuse(std::string("ONNX Runtime cannot be loaded: ") + dlerror());
  using GetBase = const ort::ApiBase* (*)();
  const auto get_base = reinterpret_cast<GetBase>(dlsym(handle, "OrtGetApiBase"));
  if (get_base == nullptr) refuse("is not ONNX Runtime");
  base_ = get_base();
  table_ = base_->get_api(ort::kApiVersion);
  if (table_ == nullptr) refuse(std::string("this ONNX Runtime is too old: ") + base_->get_version());
  // What fails is thrown, and need not be printed too.
  Do<ort::kCreateEnv>(ort::kFatal, "maskbench", &env_);
}

const OrtLibrary& OrtLibrary::Load(const std::string& path) {
  // Never unloaded: threads of other environments may still be in it when the process ends.
  static std::mutex mutex;
  static std::unique_ptr<const OrtLibrary> library;
  const std::lock_guard lock(mutex);
  if (!library) library.reset(new OrtLibrary(path));
  return *library;
}

void OrtLibrary::Check(ort::Status* status) const {
  if (status == nullptr) return;
  const auto owned = Own<ort::kReleaseStatus>(status);
  std::string message = Call<ort::kGetErrorMessage>(static_cast<const ort::Status*>(status));
  message.erase(message.find_last_not_of(" \n") + 1);
  throw std::runtime_error(message);
}

std::vector<std::string> OrtLibrary::Providers() const {
  char** names = nullptr;
  int count = 0;
  Do<ort::kGetAvailableProviders>(&names, &count);
  std::vector<std::string> providers(names, names + count);
  Do<ort::kReleaseAvailableProviders>(names, count);
  return providers;
}

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

Session::Session(const SessionOptions& options) : library_(OrtLibrary::Load(options.runtime)), model_(options.model) {
  const OrtLibrary& library = library_;
  ort::SessionOptions* raw_options = nullptr;
  library.Do<ort::kCreateSessionOptions>(&raw_options);
  const auto settings = library.Own<ort::kReleaseSessionOptions>(raw_options);
  // Every thread that calls runs a batch of its own, which beats one batch on all of them: nobody waits for the others.
  library.Do<ort::kSetIntraOpNumThreads>(raw_options, 1);
  library.Do<ort::kSetGraphOptimizationLevel>(raw_options, ort::kOptimizeAll);
  // Batches differ in size: a pattern kept for each would only grow.
  library.Do<ort::kDisableMemPattern>(raw_options);
  if (options.cuda_device >= 0) {
    try {
      ort::CudaOptions* raw_cuda = nullptr;
      library.Do<ort::kCreateCudaOptions>(&raw_cuda);
      const auto cuda = library.Own<ort::kReleaseCudaOptions>(raw_cuda);
      const std::string device = std::to_string(options.cuda_device);
      const char* key = "device_id";
      const char* value = device.c_str();
      library.Do<ort::kUpdateCudaOptions>(raw_cuda, &key, &value, size_t{1});
      library.Do<ort::kAppendCuda>(raw_options, static_cast<const ort::CudaOptions*>(raw_cuda));
    } catch (const std::exception& error) {
      throw Error(ErrorCode::kUnavailable, "device",
                  std::string("ONNX Runtime has no working CUDA provider: ") + error.what());
    }
  }
  try {
    ort::Session* raw_session = nullptr;
    library.Do<ort::kCreateSession>(library.env(), model_.c_str(), static_cast<const ort::SessionOptions*>(raw_options),
                                    &raw_session);
    session_ = std::shared_ptr<ort::Session>(
        raw_session, [&library](ort::Session* owned) { library.Call<ort::kReleaseSession>(owned); });
    const ort::Session* session = raw_session;
    ort::Allocator* allocator = nullptr;
    library.Do<ort::kGetDefaultAllocator>(&allocator);
    const auto take = [&](char* name) {
      std::string copy(name);
      library.Do<ort::kAllocatorFree>(allocator, static_cast<void*>(name));
      return copy;
    };
    size_t inputs = 0;
    size_t outputs = 0;
    library.Do<ort::kSessionGetInputCount>(session, &inputs);
    library.Do<ort::kSessionGetOutputCount>(session, &outputs);
    if (inputs != 1) throw std::runtime_error("expected one input, found " + std::to_string(inputs));
    char* name = nullptr;
    library.Do<ort::kSessionGetInputName>(session, size_t{0}, allocator, &name);
    input_ = take(name);
    for (size_t i = 0; i < outputs; ++i) {
      library.Do<ort::kSessionGetOutputName>(session, i, allocator, &name);
      outputs_.push_back(take(name));
    }
    ort::TypeInfo* raw_type = nullptr;
    library.Do<ort::kSessionGetInputTypeInfo>(session, size_t{0}, &raw_type);
    const auto type = library.Own<ort::kReleaseTypeInfo>(raw_type);
    const ort::TensorInfo* info = nullptr;
    library.Do<ort::kCastTypeInfoToTensorInfo>(static_cast<const ort::TypeInfo*>(raw_type), &info);
    int element = 0;
    size_t dimensions = 0;
    if (info != nullptr) {
      library.Do<ort::kGetTensorElementType>(info, &element);
      library.Do<ort::kGetDimensionsCount>(info, &dimensions);
    }
    if (element != ort::kFloat) throw std::runtime_error("expected an input of 32-bit floats");
    input_shape_.resize(dimensions);
    library.Do<ort::kGetDimensions>(info, input_shape_.data(), dimensions);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kModelCorrupt, model_, std::string("not a usable model: ") + error.what());
  }
}

void Session::Run(std::span<float> input, int cuda_device, std::span<const int64_t> shape, const std::string& output,
                  std::vector<float>& vectors) const {
  const OrtLibrary& library = library_;
  try {
    const auto memory_of = [&](const char* name, int device) {
      ort::MemoryInfo* raw = nullptr;
      library.Do<ort::kCreateMemoryInfo>(name, ort::kDeviceAllocator, device, ort::kMemTypeDefault, &raw);
      return library.Own<ort::kReleaseMemoryInfo>(raw);
    };
    const auto host = memory_of("Cpu", 0);
    const auto device = cuda_device < 0 ? nullptr : memory_of("Cuda", cuda_device);
    ort::Value* raw_input = nullptr;
    library.Do<ort::kCreateTensorWithData>(static_cast<const ort::MemoryInfo*>(device ? device.get() : host.get()),
                                           static_cast<void*>(input.data()), input.size_bytes(), shape.data(),
                                           shape.size(), ort::kFloat, &raw_input);
    const auto owned_input = library.Own<ort::kReleaseValue>(raw_input);
    // Bound, so that a device's provider copies the input over once, if it is not there, and the vectors back.
    ort::IoBinding* raw_binding = nullptr;
    library.Do<ort::kCreateIoBinding>(session_.get(), &raw_binding);
    const auto binding = library.Own<ort::kReleaseIoBinding>(raw_binding);
    library.Do<ort::kBindInput>(raw_binding, input_.c_str(), static_cast<const ort::Value*>(raw_input));
    library.Do<ort::kBindOutputToDevice>(raw_binding, output.c_str(), static_cast<const ort::MemoryInfo*>(host.get()));
    library.Do<ort::kRunWithBinding>(session_.get(), static_cast<const ort::RunOptions*>(nullptr),
                                     static_cast<const ort::IoBinding*>(raw_binding));
    ort::Allocator* allocator = nullptr;
    library.Do<ort::kGetDefaultAllocator>(&allocator);
    ort::Value** values = nullptr;
    size_t bound = 0;
    library.Do<ort::kGetBoundOutputValues>(static_cast<const ort::IoBinding*>(raw_binding), allocator, &values, &bound);
    ort::Value* raw_output = values[0];
    library.Do<ort::kAllocatorFree>(allocator, static_cast<void*>(values));
    const auto owned_output = library.Own<ort::kReleaseValue>(raw_output);
    ort::TensorInfo* raw_info = nullptr;
    library.Do<ort::kGetTensorTypeAndShape>(static_cast<const ort::Value*>(raw_output), &raw_info);
    const auto info = library.Own<ort::kReleaseTensorInfo>(raw_info);
    int element = 0;
    library.Do<ort::kGetTensorElementType>(static_cast<const ort::TensorInfo*>(raw_info), &element);
    size_t dimensions = 0;
    library.Do<ort::kGetDimensionsCount>(static_cast<const ort::TensorInfo*>(raw_info), &dimensions);
    std::vector<int64_t> sizes(dimensions);
    library.Do<ort::kGetDimensions>(static_cast<const ort::TensorInfo*>(raw_info), sizes.data(), dimensions);
    if (element != ort::kFloat || dimensions < 2 || sizes[0] != shape[0])
      throw std::runtime_error("expected an output of 32-bit floats, a vector for each image");
    size_t count = 1;
    for (const int64_t size : sizes) count *= static_cast<size_t>(size);
    void* data = nullptr;
    library.Do<ort::kGetTensorMutableData>(raw_output, &data);
    const auto* numbers = static_cast<const float*>(data);
    vectors.insert(vectors.end(), numbers, numbers + count);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kInferenceFailed, model_, error.what());
  }
}

}  // namespace maskbench
