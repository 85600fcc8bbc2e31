/* Loaded before the program (LD_PRELOAD): one operation on files below a directory goes wrong on
 * one rank, at the moment it is due; or one exchange between ranks. For glibc.
 *
 *   JETNAE_FAULT_BELOW   the directory (or file)
 *   JETNAE_FAULT_RANK    on which rank
 *   JETNAE_FAULT_AT      the how-manyeth operation of its kind, from 1
 *   JETNAE_FAULT         what: kill, hang (before any reading, writing, syncing or naming), write
 *                        (fails as on a full disk), read (fails as on a broken one), exchange
 *                        (hangs inside an all-reduce)
 */
#undef _FILE_OFFSET_BITS /* else pread and pread64 are one */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

typedef enum Kind { READ, WRITE, NAME, EXCHANGE } Kind;

static atomic_long seen;

static bool is_below(const char *path) {
  const char *folder = getenv("JETNAE_FAULT_BELOW");
  return folder && !strncmp(path, folder, strlen(folder));
}

/* Whether this operation is the one; does not return when it is the process's last. */
static bool due(Kind kind, const char *path) {
  const char *rank = getenv("OMPI_COMM_WORLD_RANK"), *wanted = getenv("JETNAE_FAULT_RANK");
  const char *what = getenv("JETNAE_FAULT"), *at = getenv("JETNAE_FAULT_AT");
  if (!what || !at || !wanted || strcmp(rank ? rank : "0", wanted) || !is_below(path))
    return false;
  bool any = !strcmp(what, "kill") || !strcmp(what, "hang");
  bool counts = (kind == WRITE && !strcmp(what, "write")) ||
                (kind == READ && !strcmp(what, "read")) || (kind != EXCHANGE && any) ||
                (kind == EXCHANGE && !strcmp(what, "exchange"));
  if (!counts || atomic_fetch_add(&seen, 1) + 1 != atol(at)) return false;
  if (kind == EXCHANGE || any) raise(!strcmp(what, "kill") ? SIGKILL : SIGSTOP);
  return true;
}

static bool due_on(Kind kind, int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) return false;
  path[n] = 0;
  return due(kind, path);
}

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))
#define FAIL(code) (errno = (code), -1)

ssize_t read(int fd, void *to, size_t n) {
  return due_on(READ, fd) ? FAIL(EIO) : REAL(read)(fd, to, n);
}

ssize_t pread(int fd, void *to, size_t n, off_t at) {
  return due_on(READ, fd) ? FAIL(EIO) : REAL(pread)(fd, to, n, at);
}

ssize_t pread64(int fd, void *to, size_t n, off64_t at) {
  return due_on(READ, fd) ? FAIL(EIO) : REAL(pread64)(fd, to, n, at);
}

ssize_t write(int fd, const void *from, size_t n) {
  return due_on(WRITE, fd) ? FAIL(ENOSPC) : REAL(write)(fd, from, n);
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at) {
  return due_on(WRITE, fd) ? FAIL(ENOSPC) : REAL(pwrite)(fd, from, n, at);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) {
  return due_on(WRITE, fd) ? FAIL(ENOSPC) : REAL(pwrite64)(fd, from, n, at);
}

int fsync(int fd) { return due_on(WRITE, fd) ? FAIL(ENOSPC) : REAL(fsync)(fd); }

int posix_fallocate(int fd, off_t from, off_t n) {
  return due_on(WRITE, fd) ? ENOSPC : REAL(posix_fallocate)(fd, from, n);
}

int ftruncate(int fd, off_t n) { return due_on(NAME, fd) ? FAIL(EIO) : REAL(ftruncate)(fd, n); }

int rename(const char *from, const char *to) {
  return due(NAME, from) ? FAIL(EIO) : REAL(rename)(from, to);
}

int unlink(const char *path) { return due(NAME, path) ? FAIL(EIO) : REAL(unlink)(path); }

/* Handles are as wide as a pointer, or narrower. */
int MPI_Allreduce(const void *in, void *out, int n, void *type, void *op, void *comm) {
  const char *path = getenv("JETNAE_FAULT_BELOW");
  if (path) due(EXCHANGE, path);
  return REAL(MPI_Allreduce)(in, out, n, type, op, comm);
}
