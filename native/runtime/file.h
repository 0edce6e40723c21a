#ifndef MASKBENCH_RUNTIME_FILE_H_
#define MASKBENCH_RUNTIME_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace maskbench {

using Bytes = std::vector<uint8_t>;

// An open file.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  // Below 0 where none could be opened, or after Close.
  int get() const { return fd_; }
  // Closes now and returns whether that succeeded (a network file system may report a full disk only here).
  bool Close();

 private:
  int fd_;
};

// The whole of a regular file. Throws NOT_FOUND or READ_FAILED.
Bytes ReadFile(const std::string& path);

// Writes a temporary file beside `path` and renames it, so that `path` is either absent, old or whole. Throws
// WRITE_FAILED and leaves no temporary file behind. A process that is killed can leave one: its name begins with
// TemporaryPrefix().
void WriteFileAtomically(const std::string& path, std::span<const uint8_t> bytes);
// What the names of this process's temporary files begin with: ".maskbench-tmp-", then the machine, the process and
// when it started, with "-" between and after, so that others can tell whether it still lives.
const std::string& TemporaryPrefix();

// How a file gets to a second place. kAuto: a reflink where the file system can, else a copy.
enum class CopyMode { kAuto, kLink, kReflink, kCopy };

// Makes `to` the same file (kLink) or an equal one, through a temporary name as above. `bytes` is what `from` holds, so
// that it need not be read again. Throws WRITE_FAILED.
void CopyFileAtomically(const std::string& from, std::span<const uint8_t> bytes, const std::string& to, CopyMode mode);

// The operating system's own exclusion (flock) on a file that exists while it is held. It ends with the process,
// however that ends. The file may stay afterwards; it does not keep others out.
class FileLock {
 public:
  // Makes the file where it is missing. Nothing where another holds it, in this process or elsewhere; `shared` ones
  // only exclude those that are not. Throws WRITE_FAILED.
  static std::optional<FileLock> Try(const std::string& path, bool shared);
  // Ends it and removes the file.
  ~FileLock();
  FileLock(FileLock&& other) noexcept = default;
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // Replaces what the file says, for those that are refused.
  void Write(std::string_view text);

 private:
  FileLock(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  Descriptor file_;
};

// A whole file in memory of its own, in large pages where the system has them: reading at places all over many small
// pages takes longer to find the pages than to read.
class LargePageFile {
 public:
  // Throws NOT_FOUND or READ_FAILED.
  explicit LargePageFile(const std::string& path);

  std::span<const uint8_t> bytes() const { return {bytes_.get(), size_}; }

 private:
  static constexpr std::align_val_t kAlignment{size_t{2} << 20U};
  struct Free {
    void operator()(uint8_t* bytes) const { operator delete[](bytes, kAlignment); }
  };

  std::unique_ptr<uint8_t[], Free> bytes_;
  size_t size_ = 0;
};

// The user's cache folder for this project ($MASKBENCH_CACHE, else $XDG_CACHE_HOME/maskbench, else ~/.cache/maskbench),
// made if absent; empty where none can be made.
std::string CacheFolder();

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_FILE_H_
