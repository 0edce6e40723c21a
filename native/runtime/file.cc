#include "runtime/file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
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

namespace {

// Numbers the temporary files of this process, whoever makes them.
std::atomic<uint64_t> temporaries{0};

// Calls make(temporary path), which gives 0 or an errno, and renames what it made. Missing folders are made.
template <class Make>
void MakeAtomically(const std::string& path, const Make& make) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const std::string temporary =
      (folder / (kTemporaryPrefix + std::to_string(getpid()) + "-" + std::to_string(temporaries++))).string();
  int error = make(temporary);
  if (error == EEXIST && unlink(temporary.c_str()) == 0) error = make(temporary);  // left by a killed process
  if (error == ENOENT) {
    std::error_code ignored;  // the second try tells what is wrong
    std::filesystem::create_directories(folder, ignored);
    error = make(temporary);
  }
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  // Also after a rename of one hard link onto another of the same file, which does nothing and leaves both.
  unlink(temporary.c_str());
  if (error != 0) throw Error(ErrorCode::kWriteFailed, path, "cannot be written: " + Reason(error));
}

// Makes a file and has fill(descriptor) give 0 or an errno.
template <class Fill>
int MakeFile(const std::string& path, const Fill& fill) {
  Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) return errno;
  const int error = fill(file.get());
  if (!file.Close() && error == 0) return errno;
  return error;
}

int WriteAll(int file, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(file, bytes.data(), bytes.size());
    if (put < 0 && errno != EINTR) return errno;
    if (put > 0) bytes = bytes.subspan(static_cast<size_t>(put));
  }
  return 0;
}

// Shares the blocks of `from`, on file systems that can.
int Reflink(const std::string& from, int to) {
  const Descriptor source(open(from.c_str(), kReadFlags));
  return source.get() >= 0 && ioctl(to, FICLONE, source.get()) == 0 ? 0 : errno;
}

}  // namespace

void WriteFileAtomically(const std::string& path, std::span<const uint8_t> bytes) {
  MakeAtomically(path, [&](const std::string& temporary) {
    return MakeFile(temporary, [&](int file) { return WriteAll(file, bytes); });
  });
}

void CopyFileAtomically(const std::string& from, std::span<const uint8_t> bytes, const std::string& to, CopyMode mode) {
  MakeAtomically(to, [&](const std::string& temporary) {
    if (mode == CopyMode::kLink) return link(from.c_str(), temporary.c_str()) == 0 ? 0 : errno;
    return MakeFile(temporary, [&](int file) {
      if (mode == CopyMode::kReflink) return Reflink(from, file);
      if (mode == CopyMode::kAuto && Reflink(from, file) == 0) return 0;
      return WriteAll(file, bytes);
    });
  });
}

MappedFile::MappedFile(const std::string& path) {
  const Descriptor file(open(path.c_str(), kReadFlags));
  const size_t size = Open(file, path);
  if (size == 0) return;
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file.get(), 0);
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
