#include "io/filesum.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"

static Err sum_part(int fd, const char *path, Range part, uint32_t *crc) {
  unsigned char buffer[1 << 16];
  while (part.from < part.to) {
    size_t want =
        part.to - part.from < (long)sizeof buffer ? (size_t)(part.to - part.from) : sizeof buffer;
    ssize_t got = pread(fd, buffer, want, part.from);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return err_user("%s: cannot read: %s", path, got ? strerror(errno) : "it became shorter");
    *crc = (uint32_t)crc32(*crc, buffer, (unsigned)got);
    part.from += got;
  }
  return OK;
}

Err filesum(const Comm *comm, const char *path, int64_t *bytes, uint32_t *crc) {
  int rank = comm_rank(comm), size = comm_size(comm), fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status = {0};
  uint32_t mine = 0;
  Err e = fd < 0 || fstat(fd, &status) ? err_user("%s: %s", path, strerror(errno)) : OK;
  if (!e) e = sum_part(fd, path, range_of(status.st_size, rank, size), &mine);
  if (fd >= 0) close(fd);
  TRY(comm_agree(comm, e));
  int64_t *all = MEM_NEW(int64_t, "checksums of parts", size);
  all[rank] = mine;
  comm_sum_i64(comm, all, (size_t)size);
  *bytes = status.st_size;
  *crc = 0;
  for (int r = 0; r < size; r++) {
    Range part = range_of(status.st_size, r, size);
    *crc = (uint32_t)crc32_combine(*crc, (uLong)all[r], part.to - part.from);
  }
  mem_free(&all);
  return OK;
}
