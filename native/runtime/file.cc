#include "runtime/file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <system_error>
#include <utility>

#include "runtime/error.h"
#include "runtime/thread_pool.h"

namespace maskbench {
namespace {

std::string Reason(int error) { return std::generic_category().message(error); }

// Opens a regular file for reading and gives its size.
size_t Open(const Descriptor& file, const std::string& path) {
  if (file.get() < 0) {
    const int error = errno;
    throw Error(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kReadFailed, path,
                "cannot be opened: " + Reason(error));
  }
  struct stat status {};
  if (fstat(file.get(), &status) != 0) throw Error(ErrorCode::kReadFailed, path, "cannot be read: " + Reason(errno));
  if (S_ISDIR(status.st_mode)) throw Error(ErrorCode::kReadFailed, path, "expected a file, found a folder");
  if (!S_ISREG(status.st_mode)) throw Error(ErrorCode::kReadFailed, path, "expected a regular file");
  return static_cast<size_t>(status.st_size);
}

// Non-blocking, so that a named pipe among the photos cannot hang a worker.
constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

bool Descriptor::Close() { return close(std::exchange(fd_, -1)) == 0; }

Bytes ReadFile(const std::string& path) {
  const Descriptor file(open(path.c_str(), kReadFlags));
  Bytes bytes(Open(file, path));
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(ErrorCode::kReadFailed, path, "cannot be read: " + Reason(errno));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  // The file is being written, or its disk is going away, so it may be whole when it is read again.
  if (done < bytes.size()) throw Error(ErrorCode::kReadFailed, path, "the file ended early");
  return bytes;
}

namespace {

// Numbers the temporary files of this process, whoever makes them.
std::atomic<uint64_t> temporaries{0};

// When a process started, in clock ticks since boot, so that a reused process number is not taken for the old one.
std::string StartTime() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  // Field 22; the second field, the name, may hold spaces and ends with the last parenthesis.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  constexpr int kFieldsBefore = 19;
  for (int i = 0; i <= kFieldsBefore; ++i) fields >> text;
  return text;
}

// Calls make(temporary path), which gives 0 or an errno, and renames what it made. Missing folders are made.
template <class Make>
void MakeAtomically(const std::string& path, const Make& make) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const std::string temporary = (folder / (TemporaryPrefix() + std::to_string(temporaries++))).string();
  int error = make(temporary);
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

const std::string& TemporaryPrefix() {
  static const std::string prefix = [] {
    std::error_code none;
    const std::string pids = std::filesystem::read_symlink("/proc/self/ns/pid", none).string();
    std::array<char, HOST_NAME_MAX + 1> host{};
    gethostname(host.data(), HOST_NAME_MAX);
    // FNV-1a.
    uint32_t hash = 0x811C9DC5;
    for (const char c : std::string(host.data()) + pids) hash = (hash ^ static_cast<uint8_t>(c)) * 0x01000193;
    std::ostringstream text;
    text << ".maskbench-tmp-" << std::hex << std::setw(8) << std::setfill('0') << hash << std::dec << '-' << getpid()
         << '-' << StartTime() << '-';
    return text.str();
  }();
  return prefix;
}

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

std::optional<FileLock> FileLock::Try(const std::string& path, bool shared) {
  for (;;) {
    Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (file.get() < 0) throw Error(ErrorCode::kWriteFailed, path, "cannot be opened: " + Reason(errno));
    if (flock(file.get(), (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return std::nullopt;
      throw Error(ErrorCode::kWriteFailed, path, "cannot be locked: " + Reason(errno));
    }
    // Whoever held it before may have removed it meanwhile: then this is a lock on a file that nobody else finds.
    struct stat held {};
    struct stat found {};
    if (fstat(file.get(), &held) == 0 && stat(path.c_str(), &found) == 0 && held.st_dev == found.st_dev &&
        held.st_ino == found.st_ino)
      return FileLock(path, std::move(file));
  }
}

void FileLock::Write(std::string_view text) {
  if (ftruncate(file_.get(), 0) != 0) return;
  // Only for people: what is not written is not missed.
  [[maybe_unused]] const ssize_t put = pwrite(file_.get(), text.data(), text.size(), 0);
}

FileLock::~FileLock() {
  // Others may share it: only the last one removes the file, while nobody else can hold it.
  if (file_.get() >= 0 && flock(file_.get(), LOCK_EX | LOCK_NB) == 0) unlink(path_.c_str());
}

namespace {

// What x86-64 and most arm64 systems have.
constexpr size_t kLargePage = size_t{2} << 20U;

}  // namespace

LargePageFile::LargePageFile(const std::string& path) {
  const Descriptor file(open(path.c_str(), kReadFlags));
  size_ = Open(file, path);
  const size_t room = (size_ + kLargePage - 1) / kLargePage * kLargePage;
  bytes_.reset(new (kAlignment) uint8_t[room]);
  // Advice only: without it the same bytes lie in small pages.
  madvise(bytes_.get(), room, MADV_HUGEPAGE);
  constexpr int kParts = 8;
  RunTogether(kParts, [&](int part) {
    size_t at = size_ * part / kParts;
    const size_t end = size_ * (part + 1) / kParts;
    while (at < end) {
      const ssize_t got = pread(file.get(), bytes_.get() + at, end - at, static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0)
        throw Error(ErrorCode::kReadFailed, path,
                    got == 0 ? "the file ended early" : "cannot be read: " + Reason(errno));
      at += static_cast<size_t>(got);
    }
  });
}

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
