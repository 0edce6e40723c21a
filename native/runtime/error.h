#ifndef MASKBENCH_RUNTIME_ERROR_H_
#define MASKBENCH_RUNTIME_ERROR_H_

#include <stdexcept>
#include <string>
#include <utility>

namespace maskbench {

// The codes of binding.d.ts (`ErrorCode`).
enum class ErrorCode {
  kInvalidArgument,
  kNotFound,
  kUnreadable,
  kReadFailed,
  kDamaged,
  kTooLarge,
  kOutOfMemory,
  kUnsupportedFormat,
  kModelMissing,
  kModelCorrupt,
  kOutputExists,
  kWriteFailed,
  kNoFace,
  kWrongFace,
  kInferenceFailed,
  kUnavailable,
  kAborted,
};

inline const char* Name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case ErrorCode::kNotFound:
      return "NOT_FOUND";
    case ErrorCode::kUnreadable:
      return "UNREADABLE";
    case ErrorCode::kReadFailed:
      return "READ_FAILED";
    case ErrorCode::kDamaged:
      return "DAMAGED";
    case ErrorCode::kTooLarge:
      return "TOO_LARGE";
    case ErrorCode::kOutOfMemory:
      return "OUT_OF_MEMORY";
    case ErrorCode::kUnsupportedFormat:
      return "UNSUPPORTED_FORMAT";
    case ErrorCode::kModelMissing:
      return "MODEL_MISSING";
    case ErrorCode::kModelCorrupt:
      return "MODEL_CORRUPT";
    case ErrorCode::kOutputExists:
      return "OUTPUT_EXISTS";
    case ErrorCode::kWriteFailed:
      return "WRITE_FAILED";
    case ErrorCode::kNoFace:
      return "NO_FACE";
    case ErrorCode::kWrongFace:
      return "WRONG_FACE";
    case ErrorCode::kInferenceFailed:
      return "INFERENCE_FAILED";
    case ErrorCode::kUnavailable:
      return "UNAVAILABLE";
    case ErrorCode::kAborted:
      return "ABORTED";
  }
  return "";
}

// `subject` is the file or the argument that the error is about.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string subject, const std::string& what)
      : std::runtime_error(subject.empty() ? what : subject + ": " + what), code_(code), subject_(std::move(subject)) {}

  ErrorCode code() const { return code_; }
  const std::string& subject() const { return subject_; }

 private:
  ErrorCode code_;
  std::string subject_;
};

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_ERROR_H_
