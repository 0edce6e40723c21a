// Preloaded into a program, makes some of its calls of the system fail, as a bad disk or network does.
// MASKBENCH_FAULT: eio (reads), enospc (writes), emfile (opens), enomem (pieces of memory of 32 MB and more). MASKBENCH_FAULT_BELOW: only files below this folder.
// MASKBENCH_FAULT_ONE_IN: how often. MASKBENCH_FAULT_SEED: which.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_uint_fast64_t calls;

static const char* setting(const char* name) {
  const char* value = getenv(name);
  return value ? value : "";
}

static int is_kind(const char* kind) { return strcmp(setting("MASKBENCH_FAULT"), kind) == 0; }

static int is_below(const char* path) {
  const char* folder = setting("MASKBENCH_FAULT_BELOW");
  return path && *folder && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_below_open(int fd) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return is_below(path);
}

static int strikes(void) {
  uint64_t x = atomic_fetch_add(&calls, 1) + 0x9E3779B97F4A7C15ull * strtoull(setting("MASKBENCH_FAULT_SEED"), NULL, 10);
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  x ^= x >> 31;
  const uint64_t one_in = strtoull(setting("MASKBENCH_FAULT_ONE_IN"), NULL, 10);
  return one_in && x % one_in == 0;
}

static int fails(int error) {
  errno = error;
  return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

extern void* __libc_malloc(size_t);

void* malloc(size_t size) {
  if (size >= 32u << 20 && is_kind("enomem")) {
    errno = ENOMEM;
    return NULL;
  }
  return __libc_malloc(size);
}

#define OPEN(name)                                                       \
  int name(const char* path, int flags, ...) {                           \
    va_list rest;                                                        \
    va_start(rest, flags);                                               \
    const mode_t mode = va_arg(rest, mode_t);                            \
    va_end(rest);                                                        \
    if (is_kind("emfile") && is_below(path) && strikes()) return fails(EMFILE); \
    return REAL(name)(path, flags, mode);                                \
  }
OPEN(open)
OPEN(open64)

// A folder's list.
int scandir64(const char* path, struct dirent64*** list, int (*filter)(const struct dirent64*),
              int (*compare)(const struct dirent64**, const struct dirent64**)) {
  if (is_kind("emfile") && is_below(path) && strikes()) return fails(EMFILE);
  if (is_kind("eio") && is_below(path) && strikes()) return fails(EIO);
  return REAL(scandir64)(path, list, filter, compare);
}

#define READ                                                                 \
    if (is_kind("eio") && is_below_open(fd) && strikes()) return fails(EIO);
ssize_t read(int fd, void* to, size_t size) {
  READ
  return REAL(read)(fd, to, size);
}
ssize_t pread(int fd, void* to, size_t size, off_t at) {
  READ
  return REAL(pread)(fd, to, size, at);
}
ssize_t pread64(int fd, void* to, size_t size, off64_t at) {
  READ
  return REAL(pread64)(fd, to, size, at);
}

// A disk that fills up takes a part first.
#define WRITE(call)                                                                 \
    if (is_kind("enospc") && is_below_open(fd) && strikes()) {                      \
      if (size > 1) { size /= 2; return call; }                                     \
      return fails(ENOSPC);                                                         \
    }                                                                               \
    if (is_kind("enospc") && is_below_open(fd) && strikes()) return fails(ENOSPC);  \
    return call;
ssize_t write(int fd, const void* from, size_t size) { WRITE(REAL(write)(fd, from, size)) }
ssize_t pwrite(int fd, const void* from, size_t size, off_t at) { WRITE(REAL(pwrite)(fd, from, size, at)) }
ssize_t pwrite64(int fd, const void* from, size_t size, off64_t at) { WRITE(REAL(pwrite64)(fd, from, size, at)) }
