#ifndef MASKBENCH_INFERENCE_ORT_API_H_
#define MASKBENCH_INFERENCE_ORT_API_H_

#include <cstddef>
#include <cstdint>

// The part of ONNX Runtime's C API that is used, without its header. The table of functions only ever grows at its end,
// so a function's place and signature hold for every later version (checked against the official header in
// ort_check.cc, where CMake finds one).
namespace maskbench::ort {

struct Env;
struct Status;
struct Session;
struct SessionOptions;
struct RunOptions;
struct Value;
struct MemoryInfo;
struct Allocator;
struct TypeInfo;
struct TensorInfo;
struct CudaOptions;
struct IoBinding;

// The last version whose entries are used here is older; every library since answers to it.
inline constexpr uint32_t kApiVersion = 11;

enum Slot : size_t {
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kCreateSession = 7,
  kCreateSessionOptions = 10,
  kDisableMemPattern = 17,
  kSetGraphOptimizationLevel = 23,
  kSetIntraOpNumThreads = 24,
  kSessionGetInputCount = 30,
  kSessionGetOutputCount = 31,
  kSessionGetInputTypeInfo = 33,
  kSessionGetOutputTypeInfo = 34,
  kSessionGetInputName = 36,
  kSessionGetOutputName = 37,
  kCreateTensorWithData = 49,
  kGetTensorMutableData = 51,
  kCastTypeInfoToTensorInfo = 55,
  kGetTensorElementType = 60,
  kGetDimensionsCount = 61,
  kGetDimensions = 62,
  kGetTensorTypeAndShape = 65,
  kCreateMemoryInfo = 68,
  kAllocatorFree = 76,
  kGetDefaultAllocator = 78,
  kReleaseEnv = 92,
  kReleaseStatus = 93,
  kReleaseMemoryInfo = 94,
  kReleaseSession = 95,
  kReleaseValue = 96,
  kReleaseTypeInfo = 98,
  kReleaseTensorInfo = 99,
  kReleaseSessionOptions = 100,
  kGetAvailableProviders = 125,
  kReleaseAvailableProviders = 126,
  kRunWithBinding = 133,
  kCreateIoBinding = 134,
  kReleaseIoBinding = 135,
  kBindInput = 136,
  kBindOutputToDevice = 138,
  kGetBoundOutputValues = 140,
  kAppendCuda = 204,
  kCreateCudaOptions = 205,
  kUpdateCudaOptions = 206,
  kReleaseCudaOptions = 208,
};

template <Slot>
struct Signature;
#define MASKBENCH_ORT_ENTRY(slot, result, ...) \
  template <>                                  \
  struct Signature<slot> {                     \
    using Type = result (*)(__VA_ARGS__);      \
  }
MASKBENCH_ORT_ENTRY(kGetErrorMessage, const char*, const Status*);
MASKBENCH_ORT_ENTRY(kCreateEnv, Status*, int, const char*, Env**);
MASKBENCH_ORT_ENTRY(kCreateSession, Status*, const Env*, const char*, const SessionOptions*, Session**);
MASKBENCH_ORT_ENTRY(kRunWithBinding, Status*, Session*, const RunOptions*, const IoBinding*);
MASKBENCH_ORT_ENTRY(kCreateIoBinding, Status*, Session*, IoBinding**);
MASKBENCH_ORT_ENTRY(kReleaseIoBinding, void, IoBinding*);
MASKBENCH_ORT_ENTRY(kBindInput, Status*, IoBinding*, const char*, const Value*);
MASKBENCH_ORT_ENTRY(kBindOutputToDevice, Status*, IoBinding*, const char*, const MemoryInfo*);
MASKBENCH_ORT_ENTRY(kGetBoundOutputValues, Status*, const IoBinding*, Allocator*, Value***, size_t*);
MASKBENCH_ORT_ENTRY(kCreateSessionOptions, Status*, SessionOptions**);
MASKBENCH_ORT_ENTRY(kDisableMemPattern, Status*, SessionOptions*);
MASKBENCH_ORT_ENTRY(kSetGraphOptimizationLevel, Status*, SessionOptions*, int);
MASKBENCH_ORT_ENTRY(kSetIntraOpNumThreads, Status*, SessionOptions*, int);
MASKBENCH_ORT_ENTRY(kSessionGetInputCount, Status*, const Session*, size_t*);
MASKBENCH_ORT_ENTRY(kSessionGetOutputCount, Status*, const Session*, size_t*);
MASKBENCH_ORT_ENTRY(kSessionGetInputTypeInfo, Status*, const Session*, size_t, TypeInfo**);
MASKBENCH_ORT_ENTRY(kSessionGetOutputTypeInfo, Status*, const Session*, size_t, TypeInfo**);
MASKBENCH_ORT_ENTRY(kSessionGetInputName, Status*, const Session*, size_t, Allocator*, char**);
MASKBENCH_ORT_ENTRY(kSessionGetOutputName, Status*, const Session*, size_t, Allocator*, char**);
MASKBENCH_ORT_ENTRY(kCreateTensorWithData, Status*, const MemoryInfo*, void*, size_t, const int64_t*, size_t, int,
                    Value**);
MASKBENCH_ORT_ENTRY(kGetTensorMutableData, Status*, Value*, void**);
MASKBENCH_ORT_ENTRY(kCastTypeInfoToTensorInfo, Status*, const TypeInfo*, const TensorInfo**);
MASKBENCH_ORT_ENTRY(kGetTensorElementType, Status*, const TensorInfo*, int*);
MASKBENCH_ORT_ENTRY(kGetDimensionsCount, Status*, const TensorInfo*, size_t*);
MASKBENCH_ORT_ENTRY(kGetDimensions, Status*, const TensorInfo*, int64_t*, size_t);
MASKBENCH_ORT_ENTRY(kGetTensorTypeAndShape, Status*, const Value*, TensorInfo**);
MASKBENCH_ORT_ENTRY(kCreateMemoryInfo, Status*, const char*, int, int, int, MemoryInfo**);
MASKBENCH_ORT_ENTRY(kAllocatorFree, Status*, Allocator*, void*);
MASKBENCH_ORT_ENTRY(kGetDefaultAllocator, Status*, Allocator**);
MASKBENCH_ORT_ENTRY(kReleaseEnv, void, Env*);
MASKBENCH_ORT_ENTRY(kReleaseStatus, void, Status*);
MASKBENCH_ORT_ENTRY(kReleaseMemoryInfo, void, MemoryInfo*);
MASKBENCH_ORT_ENTRY(kReleaseSession, void, Session*);
MASKBENCH_ORT_ENTRY(kReleaseValue, void, Value*);
MASKBENCH_ORT_ENTRY(kReleaseTypeInfo, void, TypeInfo*);
MASKBENCH_ORT_ENTRY(kReleaseTensorInfo, void, TensorInfo*);
MASKBENCH_ORT_ENTRY(kReleaseSessionOptions, void, SessionOptions*);
MASKBENCH_ORT_ENTRY(kGetAvailableProviders, Status*, char***, int*);
MASKBENCH_ORT_ENTRY(kReleaseAvailableProviders, Status*, char**, int);
MASKBENCH_ORT_ENTRY(kAppendCuda, Status*, SessionOptions*, const CudaOptions*);
MASKBENCH_ORT_ENTRY(kCreateCudaOptions, Status*, CudaOptions**);
MASKBENCH_ORT_ENTRY(kUpdateCudaOptions, Status*, CudaOptions*, const char* const*, const char* const*, size_t);
MASKBENCH_ORT_ENTRY(kReleaseCudaOptions, void, CudaOptions*);
#undef MASKBENCH_ORT_ENTRY

// Values of the API's enumerations.
inline constexpr int kError = 3;            // ORT_LOGGING_LEVEL_ERROR
inline constexpr int kOptimizeAll = 99;     // ORT_ENABLE_ALL
inline constexpr int kFloat = 1;            // ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
inline constexpr int kDeviceAllocator = 0;  // OrtDeviceAllocator
inline constexpr int kMemTypeDefault = 0;   // OrtMemTypeDefault

// What OrtGetApiBase returns.
struct ApiBase {
  const void* const* (*get_api)(uint32_t version);
  const char* (*get_version)();
};

}  // namespace maskbench::ort

#endif  // MASKBENCH_INFERENCE_ORT_API_H_
