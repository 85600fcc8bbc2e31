#include "io/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void outfile_init(OutFile *out, const Comm *comm, const char *path) {
  out->comm = comm;
  out->fd = -1;
  snprintf(out->path, sizeof out->path, "%s", path);
  snprintf(out->temporary, sizeof out->temporary, "%s.part", out->path);
}

Err outfile_error(const OutFile *out) {
  return err_user("%s: cannot write: %s; want a folder that is there, may be written to and has "
                  "room (out=)",
                  out->path, errno ? strerror(errno) : "HDF5 gives no reason");
}

Err outfile_may_replace(const char *path) {
  struct stat info;
  if (lstat(path, &info) || S_ISREG(info.st_mode)) return OK;
  const char *found = S_ISDIR(info.st_mode)   ? "the directory"
                      : S_ISLNK(info.st_mode) ? "the link"
                                              : "the device or pipe";
  return err_user("out: found %s %s, want a file, or a name that is not taken", found, path);
}

Err outfile_reserve(OutFile *out, int64_t taken, int64_t length) {
  TRY(outfile_may_replace(out->path));
  int fd = open(out->temporary, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return outfile_error(out);
  errno = taken ? posix_fallocate(fd, 0, taken) : 0;
  struct stat status;
  bool done =
      !errno && !fstat(fd, &status) && (status.st_size >= length || !ftruncate(fd, length));
  Err e = done ? OK : outfile_error(out);
  close(fd);
  return e;
}

Err outfile_open(OutFile *out) {
  out->fd = open(out->temporary, O_WRONLY | O_CLOEXEC);
  return out->fd < 0 ? outfile_error(out) : OK;
}

Err outfile_put(const OutFile *out, const void *data, size_t bytes, int64_t at) {
  const char *next = data;
  while (bytes > 0) {
    ssize_t done = pwrite(out->fd, next, bytes, at);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return outfile_error(out);
    next += done, at += done, bytes -= (size_t)done;
  }
  return OK;
}

static Err sync_mine(OutFile *out, Err e) {
  if (out->fd < 0) return e;
  bool failed = !e && fsync(out->fd);
  if (close(out->fd) && !e) failed = true;
  out->fd = -1;
  return failed ? outfile_error(out) : e;
}

Err outfile_rename(const char *from, const char *to) {
  char folder[PATH_MAX];
  if (rename(from, to)) return err_user("%s: cannot rename %s: %s", to, from, strerror(errno));
  snprintf(folder, sizeof folder, "%s", to);
  int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) fsync(fd), close(fd);
  return OK;
}

Err outfile_finish(OutFile *out, Err e) {
  bool first = comm_rank(out->comm) == 0;
  e = comm_agree(out->comm, sync_mine(out, e));
  if (!e && first) e = outfile_rename(out->temporary, out->path);
  e = comm_agree(out->comm, e);
  if (e && first) unlink(out->temporary);
  comm_barrier(out->comm);
  return e;
}
