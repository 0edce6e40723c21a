#include "runtime/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "runtime/error.h"

namespace maskbench {
namespace {

std::string Reason(int error) { return std::generic_category().message(error); }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  // Closes now and tells whether that went well (a network file system may report a full disk only here).
  bool Close() { return close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

// Opens a regular file for reading and gives its size.
size_t Open(const Descriptor& file, const std::string& path) {
  if (file.get() < 0) {
    const int error = errno;
    throw Error(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnreadable, path,
                "cannot be opened: " + Reason(error));
  }
  struct stat status {};
  if (fstat(file.get(), &status) != 0) throw Error(ErrorCode::kUnreadable, path, "cannot be read: " + Reason(errno));
  if (S_ISDIR(status.st_mode)) throw Error(ErrorCode::kUnreadable, path, "expected a file, found a folder");
  if (!S_ISREG(status.st_mode)) throw Error(ErrorCode::kUnreadable, path, "expected a regular file");
  return static_cast<size_t>(status.st_size);
}

// Non-blocking, so that a named pipe among the photos cannot hang a worker.
constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

}  // namespace

Bytes ReadFile(const std::string& path) {
  const Descriptor file(open(path.c_str(), kReadFlags));
  Bytes bytes(Open(file, path));
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(ErrorCode::kUnreadable, path, "cannot be read: " + Reason(errno));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

void WriteFileAtomically(const std::string& path, std::span<const uint8_t> bytes) {
  static std::atomic<uint64_t> counter{0};
  const std::filesystem::path target(path);
  const std::string temporary =
      (target.parent_path() / (kTemporaryPrefix + std::to_string(getpid()) + "-" + std::to_string(counter++))).string();
  Descriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  int error = file.get() < 0 ? errno : 0;
  if (error != 0) throw Error(ErrorCode::kWriteFailed, path, "cannot be written: " + Reason(error));
  size_t done = 0;
  while (error == 0 && done < bytes.size()) {
    const ssize_t put = write(file.get(), bytes.data() + done, bytes.size() - done);
    if (put >= 0)
      done += static_cast<size_t>(put);
    else if (errno != EINTR)
      error = errno;
  }
  if (!file.Close() && error == 0) error = errno;
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    throw Error(ErrorCode::kWriteFailed, path, "cannot be written: " + Reason(error));
  }
}

MappedFile::MappedFile(const std::string& path) {
  const Descriptor file(open(path.c_str(), kReadFlags));
  const size_t size = Open(file, path);
  if (size == 0) return;
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) throw Error(ErrorCode::kUnreadable, path, "cannot be mapped: " + Reason(errno));
  bytes_ = {static_cast<const uint8_t*>(data), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

std::string CacheFolder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  std::filesystem::path folder = variable("MASKBENCH_CACHE");
  if (folder.empty() && !variable("XDG_CACHE_HOME").empty()) folder = variable("XDG_CACHE_HOME") / "maskbench";
  if (folder.empty() && !variable("HOME").empty()) folder = variable("HOME") / ".cache" / "maskbench";
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  return folder.empty() || error ? "" : folder.string();
}

}  // namespace maskbench
