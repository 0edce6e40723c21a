// Holds ort_api.h to the official header, where CMake finds one.
#ifdef MASKBENCH_ORT_HEADER
#include <onnxruntime_c_api.h>

#include <cstddef>

#include "inference/ort_api.h"

namespace maskbench::ort {
#define MASKBENCH_ORT_SAME(slot, entry) \
  static_assert(offsetof(OrtApi, entry) == (slot) * sizeof(void*), #entry " has another place")
MASKBENCH_ORT_SAME(kGetErrorMessage, GetErrorMessage);
MASKBENCH_ORT_SAME(kCreateEnv, CreateEnv);
MASKBENCH_ORT_SAME(kCreateSession, CreateSession);
MASKBENCH_ORT_SAME(kRunWithBinding, RunWithBinding);
MASKBENCH_ORT_SAME(kCreateIoBinding, CreateIoBinding);
MASKBENCH_ORT_SAME(kReleaseIoBinding, ReleaseIoBinding);
MASKBENCH_ORT_SAME(kBindInput, BindInput);
MASKBENCH_ORT_SAME(kBindOutputToDevice, BindOutputToDevice);
MASKBENCH_ORT_SAME(kGetBoundOutputValues, GetBoundOutputValues);
MASKBENCH_ORT_SAME(kCreateSessionOptions, CreateSessionOptions);
MASKBENCH_ORT_SAME(kDisableMemPattern, DisableMemPattern);
MASKBENCH_ORT_SAME(kSetGraphOptimizationLevel, SetSessionGraphOptimizationLevel);
MASKBENCH_ORT_SAME(kSetIntraOpNumThreads, SetIntraOpNumThreads);
MASKBENCH_ORT_SAME(kSessionGetInputCount, SessionGetInputCount);
MASKBENCH_ORT_SAME(kSessionGetOutputCount, SessionGetOutputCount);
MASKBENCH_ORT_SAME(kSessionGetInputTypeInfo, SessionGetInputTypeInfo);
MASKBENCH_ORT_SAME(kSessionGetOutputTypeInfo, SessionGetOutputTypeInfo);
MASKBENCH_ORT_SAME(kSessionGetInputName, SessionGetInputName);
MASKBENCH_ORT_SAME(kSessionGetOutputName, SessionGetOutputName);
MASKBENCH_ORT_SAME(kCreateTensorWithData, CreateTensorWithDataAsOrtValue);
MASKBENCH_ORT_SAME(kGetTensorMutableData, GetTensorMutableData);
MASKBENCH_ORT_SAME(kCastTypeInfoToTensorInfo, CastTypeInfoToTensorInfo);
MASKBENCH_ORT_SAME(kGetTensorElementType, GetTensorElementType);
MASKBENCH_ORT_SAME(kGetDimensionsCount, GetDimensionsCount);
MASKBENCH_ORT_SAME(kGetDimensions, GetDimensions);
MASKBENCH_ORT_SAME(kGetTensorTypeAndShape, GetTensorTypeAndShape);
MASKBENCH_ORT_SAME(kCreateMemoryInfo, CreateMemoryInfo);
MASKBENCH_ORT_SAME(kAllocatorFree, AllocatorFree);
MASKBENCH_ORT_SAME(kGetDefaultAllocator, GetAllocatorWithDefaultOptions);
MASKBENCH_ORT_SAME(kReleaseEnv, ReleaseEnv);
MASKBENCH_ORT_SAME(kReleaseStatus, ReleaseStatus);
MASKBENCH_ORT_SAME(kReleaseMemoryInfo, ReleaseMemoryInfo);
MASKBENCH_ORT_SAME(kReleaseSession, ReleaseSession);
MASKBENCH_ORT_SAME(kReleaseValue, ReleaseValue);
MASKBENCH_ORT_SAME(kReleaseTypeInfo, ReleaseTypeInfo);
MASKBENCH_ORT_SAME(kReleaseTensorInfo, ReleaseTensorTypeAndShapeInfo);
MASKBENCH_ORT_SAME(kReleaseSessionOptions, ReleaseSessionOptions);
MASKBENCH_ORT_SAME(kGetAvailableProviders, GetAvailableProviders);
MASKBENCH_ORT_SAME(kReleaseAvailableProviders, ReleaseAvailableProviders);
MASKBENCH_ORT_SAME(kAppendCuda, SessionOptionsAppendExecutionProvider_CUDA_V2);
MASKBENCH_ORT_SAME(kCreateCudaOptions, CreateCUDAProviderOptions);
MASKBENCH_ORT_SAME(kUpdateCudaOptions, UpdateCUDAProviderOptions);
MASKBENCH_ORT_SAME(kReleaseCudaOptions, ReleaseCUDAProviderOptions);
static_assert(ORT_API_VERSION >= kApiVersion);
static_assert(kError == ORT_LOGGING_LEVEL_ERROR && kOptimizeAll == ORT_ENABLE_ALL);
static_assert(kFloat == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT && kDeviceAllocator == OrtDeviceAllocator);
static_assert(kMemTypeDefault == OrtMemTypeDefault);
}  // namespace maskbench::ort
#endif
