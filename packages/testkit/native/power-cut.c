/*
 * Loaded before libc (LD_PRELOAD), writes down what a program does to the files below one folder, so that what a power
 * cut would have left at any moment can be made afterwards. See src/power-cut.ts, which reads the trace.
 *
 * - C1  A write is noted after it was done, a sync before it begins and after it is done. So what is noted as written
 *       before a sync began was written by then: the trace never calls more durable than is.
 * - C2  Changes of names (create, link, rename, unlink, mkdir, rmdir) are done and noted under one lock of all processes;
 *       writes of one process under one lock of its threads.
 * - C3  A note is one write to a file opened with O_APPEND: notes of several processes do not mix.
 * - C4  Not seen: mmap, copy_file_range, sendfile, io_uring. Who traces turns io_uring off and copies by reading.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPEN = 1, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, LINK, RENAME, UNLINK, MKDIR, RMDIR, SAID };

struct note {
  uint32_t magic;
  uint8_t kind;
  uint8_t folder;
  uint16_t first;
  uint16_t second;
  uint16_t unused;
  uint32_t length;
  uint64_t at;
  uint64_t file;
  uint64_t offset;
};

#define MAGIC 0x5057524bu
#define FILES 65536

static char root[PATH_MAX], said[PATH_MAX];
static size_t root_length;
static int trace = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* What is known of a descriptor: 0 not ours, 1 below the root, 2 the file of what the program says. */
static uint8_t known[FILES];
static uint64_t inode[FILES];

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off64_t);
static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_truncate)(int, off64_t);
static int (*real_fsync)(int), (*real_fdatasync)(int);
static int (*real_link)(const char *, const char *), (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *), (*real_rmdir)(const char *);
static int (*real_mkdir)(const char *, mode_t);

__attribute__((constructor)) static void begin(void) {
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_pwritev = dlsym(RTLD_NEXT, "pwritev64");
  real_open = dlsym(RTLD_NEXT, "open64");
  real_openat = dlsym(RTLD_NEXT, "openat64");
  real_truncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_link = dlsym(RTLD_NEXT, "link");
  real_rename = dlsym(RTLD_NEXT, "rename");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  real_rmdir = dlsym(RTLD_NEXT, "rmdir");
  real_mkdir = dlsym(RTLD_NEXT, "mkdir");
  const char *folder = getenv("POWER_CUT_ROOT"), *file = getenv("POWER_CUT_TRACE"), *words = getenv("POWER_CUT_SAID");
  if (folder == NULL || file == NULL) return;
  snprintf(root, sizeof root, "%s", folder);
  snprintf(said, sizeof said, "%s", words == NULL ? "" : words);
  root_length = strlen(root);
  trace = real_open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Gives up aloud: a trace with a hole would call something lost that is not. */
static void give_up(const char *why) {
  char text[200];
  int length = snprintf(text, sizeof text, "power-cut: %s: %s\n", why, strerror(errno));
  if (real_write(2, text, (size_t)length) < 0) _exit(98);
  _exit(99);
}

static void put(struct note note, const char *first, const char *second, const void *data, size_t length) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  note.magic = MAGIC;
  note.at = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  note.first = (uint16_t)strlen(first);
  note.second = (uint16_t)strlen(second);
  note.length = (uint32_t)length;
  struct iovec parts[4] = {{&note, sizeof note},
                           {(void *)first, note.first},
                           {(void *)second, note.second},
                           {(void *)data, length}};
  ssize_t whole = (ssize_t)(sizeof note + note.first + note.second + length);
  if (real_writev(trace, parts, 4) != whole) give_up("the trace cannot be written");
}

static void hold(void) {
  pthread_mutex_lock(&lock);
  if (trace >= 0) flock(trace, LOCK_EX);
}

static void release(void) {
  int error = errno;
  if (trace >= 0) flock(trace, LOCK_UN);
  pthread_mutex_unlock(&lock);
  errno = error;
}

/* The absolute path below the root, or NULL. */
static const char *ours(const char *path, char *buffer) {
  if (trace < 0 || path == NULL) return NULL;
  if (path[0] != '/') {
    if (getcwd(buffer, PATH_MAX) == NULL) return NULL;
    size_t length = strlen(buffer);
    snprintf(buffer + length, PATH_MAX - length, "/%s", path);
    path = buffer;
  }
  if (strncmp(path, root, root_length) != 0 || (path[root_length] != '/' && path[root_length] != 0)) return NULL;
  return path[root_length] == '/' ? path + root_length + 1 : path + root_length;
}

/* Whether the descriptor is still the file that was opened under it: it may have been closed behind our back. */
static int kind_of(int fd) {
  struct stat64 now;
  if (fd < 0 || fd >= FILES || known[fd] == 0 || trace < 0) return 0;
  if (fstat64(fd, &now) != 0 || now.st_ino != inode[fd]) return known[fd] = 0;
  return known[fd];
}

static int opened(int fd, const char *path, const char *name, int flags) {
  struct stat64 now;
  if (fd < 0 || fd >= FILES) return fd;
  known[fd] = 0;
  int words = trace >= 0 && said[0] != 0 && strcmp(path, said) == 0;
  if ((name == NULL && !words) || fstat64(fd, &now) != 0) return fd;
  inode[fd] = now.st_ino;
  known[fd] = words ? 2 : 1;
  if (words) return fd;
  struct note note = {.kind = OPEN, .folder = S_ISDIR(now.st_mode) ? 1 : 0, .file = now.st_ino};
  put(note, name, "", NULL, 0);
  if ((flags & O_TRUNC) != 0) put((struct note){.kind = TRUNCATE, .file = now.st_ino}, "", "", NULL, 0);
  return fd;
}

static int open_noted(int at, const char *path, int flags, mode_t mode) {
  char buffer[PATH_MAX];
  /* A path that is relative to a folder's descriptor is none that the programs under test use. */
  const char *name = at == AT_FDCWD || path[0] == '/' ? ours(path, buffer) : NULL;
  hold();
  int fd = at == AT_FDCWD ? real_open(path, flags, mode) : real_openat(at, path, flags, mode);
  int error = errno;
  opened(fd, path, name, flags);
  errno = error;
  release();
  return fd;
}

static mode_t mode_in(int flags, va_list rest) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

#define OPEN_AS(name)                                    \
  int name(const char *path, int flags, ...) {           \
    va_list rest;                                        \
    va_start(rest, flags);                               \
    mode_t mode = mode_in(flags, rest);                  \
    va_end(rest);                                        \
    return open_noted(AT_FDCWD, path, flags, mode);      \
  }
OPEN_AS(open)
OPEN_AS(open64)

#define OPEN_AT_AS(name)                                 \
  int name(int at, const char *path, int flags, ...) {   \
    va_list rest;                                        \
    va_start(rest, flags);                               \
    mode_t mode = mode_in(flags, rest);                  \
    va_end(rest);                                        \
    return open_noted(at, path, flags, mode);            \
  }
OPEN_AT_AS(openat)
OPEN_AT_AS(openat64)

static void wrote(int fd, int kind, uint64_t offset, const struct iovec *parts, int count, size_t length) {
  char *data = malloc(length);
  size_t filled = 0;
  if (data == NULL) give_up("no memory");
  for (int at = 0; at < count && filled < length; at++) {
    size_t part = parts[at].iov_len < length - filled ? parts[at].iov_len : length - filled;
    memcpy(data + filled, parts[at].iov_base, part);
    filled += part;
  }
  put((struct note){.kind = kind == 2 ? SAID : WRITE, .file = inode[fd], .offset = offset}, "", "", data, length);
  free(data);
}

static ssize_t write_noted(int fd, const struct iovec *parts, int count, off64_t offset) {
  int kind = kind_of(fd);
  if (kind == 0) return offset < 0 ? real_writev(fd, parts, count) : real_pwritev(fd, parts, count, offset);
  pthread_mutex_lock(&lock);
  ssize_t done = offset < 0 ? real_writev(fd, parts, count) : real_pwritev(fd, parts, count, offset);
  int error = errno;
  if (done > 0) {
    off64_t from = offset < 0 ? lseek64(fd, 0, SEEK_CUR) - done : offset;
    wrote(fd, kind, (uint64_t)from, parts, count, (size_t)done);
  }
  errno = error;
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t write(int fd, const void *data, size_t length) {
  if (kind_of(fd) == 0) return real_write(fd, data, length);
  struct iovec part = {(void *)data, length};
  return write_noted(fd, &part, 1, -1);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
  if (kind_of(fd) == 0) return real_pwrite(fd, data, length, offset);
  struct iovec part = {(void *)data, length};
  return write_noted(fd, &part, 1, offset);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return pwrite64(fd, data, length, offset); }
ssize_t writev(int fd, const struct iovec *parts, int count) { return write_noted(fd, parts, count, -1); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return write_noted(fd, parts, count, offset);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return write_noted(fd, parts, count, offset);
}

int ftruncate64(int fd, off64_t size) {
  if (kind_of(fd) != 1) return real_truncate(fd, size);
  pthread_mutex_lock(&lock);
  int result = real_truncate(fd, size);
  int error = errno;
  if (result == 0)
    put((struct note){.kind = TRUNCATE, .file = inode[fd], .offset = (uint64_t)size}, "", "", NULL, 0);
  errno = error;
  pthread_mutex_unlock(&lock);
  return result;
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int sync_noted(int fd, int (*sync)(int)) {
  if (kind_of(fd) != 1) return sync(fd);
  struct note note = {.kind = SYNC_BEGIN, .file = inode[fd], .offset = (uint64_t)pthread_self() ^ (uint64_t)getpid()};
  put(note, "", "", NULL, 0);
  int result = sync(fd);
  int error = errno;
  note.kind = SYNC_END;
  if (result == 0) put(note, "", "", NULL, 0);
  errno = error;
  return result;
}
int fsync(int fd) { return sync_noted(fd, real_fsync); }
int fdatasync(int fd) { return sync_noted(fd, real_fdatasync); }

static int rename_noted(int kind, const char *from, const char *to, int (*act)(const char *, const char *)) {
  char one[PATH_MAX], other[PATH_MAX];
  const char *source = ours(from, one), *target = ours(to, other);
  if (source == NULL && target == NULL) return act(from, to);
  hold();
  int result = act(from, to);
  if (result == 0) put((struct note){.kind = kind}, source ? source : "", target ? target : "", NULL, 0);
  release();
  return result;
}
int link(const char *from, const char *to) { return rename_noted(LINK, from, to, real_link); }
int rename(const char *from, const char *to) { return rename_noted(RENAME, from, to, real_rename); }

static int remove_noted(int kind, const char *path, int (*act)(const char *)) {
  char buffer[PATH_MAX];
  const char *name = ours(path, buffer);
  if (name == NULL) return act(path);
  hold();
  int result = act(path);
  if (result == 0) put((struct note){.kind = kind}, name, "", NULL, 0);
  release();
  return result;
}
int unlink(const char *path) { return remove_noted(UNLINK, path, real_unlink); }
int rmdir(const char *path) { return remove_noted(RMDIR, path, real_rmdir); }

int mkdir(const char *path, mode_t mode) {
  char buffer[PATH_MAX];
  const char *name = ours(path, buffer);
  if (name == NULL) return real_mkdir(path, mode);
  hold();
  int result = real_mkdir(path, mode);
  if (result == 0) put((struct note){.kind = MKDIR}, name, "", NULL, 0);
  release();
  return result;
}
