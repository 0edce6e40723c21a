#ifndef MASKBENCH_RUNTIME_FILE_H_
#define MASKBENCH_RUNTIME_FILE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace maskbench {

using Bytes = std::vector<uint8_t>;

// The whole of a regular file. Throws NOT_FOUND or UNREADABLE.
Bytes ReadFile(const std::string& path);

// Writes a temporary file beside `path` and renames it, so that `path` is either absent, old or whole. Throws
// WRITE_FAILED and leaves no temporary file behind. A process that is killed can leave one: its name begins with
// `kTemporaryPrefix`.
void WriteFileAtomically(const std::string& path, std::span<const uint8_t> bytes);
inline constexpr char kTemporaryPrefix[] = ".maskbench-tmp-";

// How a file gets to a second place. kAuto: a reflink where the file system can, else a copy.
enum class CopyMode { kAuto, kLink, kReflink, kCopy };

// Makes `to` the same file (kLink) or an equal one, through a temporary name as above. `bytes` is what `from` holds, so
// that it need not be read again. Throws WRITE_FAILED.
void CopyFileAtomically(const std::string& from, std::span<const uint8_t> bytes, const std::string& to, CopyMode mode);

// A file mapped read-only.
class MappedFile {
 public:
  // Throws NOT_FOUND or UNREADABLE.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const uint8_t> bytes() const { return bytes_; }

 private:
  std::span<const uint8_t> bytes_;
};

// The user's cache folder for this project ($MASKBENCH_CACHE, else $XDG_CACHE_HOME/maskbench, else ~/.cache/maskbench),
// made if absent; empty where none can be made.
std::string CacheFolder();

}  // namespace maskbench

#endif  // MASKBENCH_RUNTIME_FILE_H_
