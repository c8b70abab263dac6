/*
 * Loaded before libc (LD_PRELOAD), lets calls on the files below one folder fail as a broken disk does, and moves the
 * wall clock. See src/system-faults.ts.
 *
 * - F1  FAULTS_DISK is "call errno after times [path]": of the calls of that kind (write, sync, truncate, open) on files
 *       whose path holds the word, so many are let through, then so many fail. Each that failed is a line in FAULTS_FIRED.
 * - F2  FAULTS_CLOCK names a file with a number of seconds, which the wall clock is ahead. It is read at each call, so it
 *       can jump while the program runs. The monotonic clock stays as it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static char root[PATH_MAX], call[16], word[256];
static int error_number, clock_fd = -1, fired_fd = -1;
static long after, times;
static atomic_long calls;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off64_t);
static int (*real_open)(const char *, int, ...);
static int (*real_truncate)(int, off64_t);
static int (*real_fsync)(int), (*real_fdatasync)(int);
static int (*real_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_pwritev = dlsym(RTLD_NEXT, "pwritev64");
  real_open = dlsym(RTLD_NEXT, "open64");
  real_truncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_clock = dlsym(RTLD_NEXT, "clock_gettime");
  const char *folder = getenv("FAULTS_ROOT"), *rule = getenv("FAULTS_DISK");
  const char *clock = getenv("FAULTS_CLOCK"), *fired = getenv("FAULTS_FIRED");
  if (clock != NULL) clock_fd = real_open(clock, O_RDONLY | O_CLOEXEC);
  if (fired != NULL) fired_fd = real_open(fired, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (folder == NULL || rule == NULL) return;
  snprintf(root, sizeof root, "%s", folder);
  if (sscanf(rule, "%15s %d %ld %ld %255s", call, &error_number, &after, &times, word) < 4) _exit(97);
}

static int fails(const char *kind, const char *path) {
  if (call[0] == 0 || strcmp(kind, call) != 0) return 0;
  if (strncmp(path, root, strlen(root)) != 0 || strstr(path, word) == NULL) return 0;
  long number = atomic_fetch_add(&calls, 1);
  if (number < after || number >= after + times) return 0;
  if (fired_fd >= 0 && real_write(fired_fd, "fired\n", 6) != 6) _exit(96);
  errno = error_number;
  return 1;
}

static int fails_on(const char *kind, int fd) {
  char link[64], path[PATH_MAX];
  if (call[0] == 0 || strcmp(kind, call) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int error = errno;
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = error;
  if (length < 0) return 0;
  path[length] = 0;
  return fails(kind, path);
}

ssize_t write(int fd, const void *data, size_t length) {
  return fails_on("write", fd) ? -1 : real_write(fd, data, length);
}
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
  return fails_on("write", fd) ? -1 : real_pwrite(fd, data, length, offset);
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return pwrite64(fd, data, length, offset); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
  return fails_on("write", fd) ? -1 : real_writev(fd, parts, count);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return fails_on("write", fd) ? -1 : real_pwritev(fd, parts, count, offset);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return pwritev64(fd, parts, count, offset);
}
int ftruncate64(int fd, off64_t size) { return fails_on("truncate", fd) ? -1 : real_truncate(fd, size); }
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
int fsync(int fd) { return fails_on("sync", fd) ? -1 : real_fsync(fd); }
int fdatasync(int fd) { return fails_on("sync", fd) ? -1 : real_fdatasync(fd); }

#define OPEN_AS(name)                                                             \
  int name(const char *path, int flags, ...) {                                    \
    va_list rest;                                                                 \
    va_start(rest, flags);                                                        \
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;              \
    va_end(rest);                                                                 \
    return fails("open", path) ? -1 : real_open(path, flags, mode); \
  }
OPEN_AS(open)
OPEN_AS(open64)

static long ahead(void) {
  char text[32];
  if (clock_fd < 0) return 0;
  ssize_t length = pread(clock_fd, text, sizeof text - 1, 0);
  if (length <= 0) return 0;
  text[length] = 0;
  return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t id, struct timespec *now) {
  int result = real_clock(id, now);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead();
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec precise;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return -1;
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result != NULL) *result = now.tv_sec;
  return now.tv_sec;
}
