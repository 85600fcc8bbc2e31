#include "io/idx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"

enum { BYTES = 0x08, LARGEST = 1 << 30 };

/* Deflate cannot make more than this of a byte. */
enum { MOST_PER_BYTE = 1032 };

static long big_endian(const uint8_t b[4]) {
  return (long)b[0] << 24 | (long)b[1] << 16 | (long)b[2] << 8 | b[3];
}

static bool is_magic(const uint8_t b[4]) {
  return b[0] == 0 && b[1] == 0 && b[2] == BYTES && b[3] >= 1 && b[3] <= IDX_RANK;
}

bool idx_signature(const char *path) {
  uint8_t magic[4] = {0};
  gzFile file = gzopen(path, "rb");
  if (!file) return false;
  bool good = gzread(file, magic, 4) == 4 && is_magic(magic);
  gzclose(file);
  return good;
}

/* zlib reads plain files as they are. */
static Err damaged(const Idx *idx, gzFile file) {
  int code;
  const char *reason = gzerror(file, &code);
  if (code == Z_OK || code == Z_BUF_ERROR)
    return err_user("%s: truncated: found the end before all items, want %ld of %ld bytes; copy "
                    "it again",
                    idx->path, idx->dims[0], idx->item);
  size_t n = strlen(idx->path); /* zlib puts the path before its reason */
  if (!strncmp(reason, idx->path, n)) reason += n + strspn(reason + n, ": ");
  return err_user("%s: damaged gzip data (%s); copy it again", idx->path, reason);
}

static Err read_header(Idx *idx, gzFile file) {
  uint8_t b[4] = {0};
  int got = gzread(file, b, 4);
  if (got < 0) return damaged(idx, file);
  if (got < 4 || !is_magic(b))
    return err_user(
        "%s: found magic number %02x %02x %02x %02x, want 00 00 08 01 to 00 00 08 %02x "
        "(an IDX file of bytes)",
        idx->path, b[0], b[1], b[2], b[3], IDX_RANK);
  idx->rank = b[3];
  idx->header = 4 + 4L * idx->rank;
  idx->item = 1;
  for (int a = 0; a < idx->rank; a++) {
    if (gzread(file, b, 4) != 4) return damaged(idx, file);
    idx->dims[a] = big_endian(b);
    if (a && __builtin_mul_overflow(idx->item, idx->dims[a], &idx->item)) idx->item = -1;
    if (idx->dims[a] < 1 || idx->item < 1 || idx->item > LARGEST)
      return err_user(
          "%s: found length %ld of axis %d, want at least 1 and items of at most 1 GiB",
          idx->path, idx->dims[a], a);
  }
  return OK;
}

static Err open_plain(Idx *idx, long long file_size) {
  long long want = idx->header + (long long)idx->dims[0] * idx->item;
  if (file_size != want)
    return err_user(
        "%s: %s: found %lld bytes, want %lld for %ld items of %ld bytes; copy it again",
        idx->path, file_size < want ? "truncated" : "damaged", file_size, want, idx->dims[0],
        idx->item);
  idx->fd = open(idx->path, O_RDONLY | O_CLOEXEC);
  return idx->fd < 0 ? err_user("%s: %s", idx->path, strerror(errno)) : OK;
}

static Err open_gzip(Idx *idx, gzFile file, long long file_size) {
  long long want = (long long)idx->dims[0] * idx->item;
  if (want / MOST_PER_BYTE > file_size)
    return err_user(
        "%s: truncated: found %lld bytes of gzip, too few for %ld items of %ld bytes; "
        "copy it again",
        idx->path, file_size, idx->dims[0], idx->item);
  idx->bytes = mem_new("bytes of a gzip'd IDX file", (size_t)want, 1);
  for (long long at = 0; at < want;) {
    long long piece = want - at < LARGEST ? want - at : LARGEST;
    int got = gzread(file, idx->bytes + at, (unsigned)piece);
    if (got <= 0) return damaged(idx, file);
    at += got;
  }
  /* The checksum is looked at when the end is reached. */
  uint8_t more;
  int got = gzread(file, &more, 1);
  if (got == 1)
    return err_user("%s: found more bytes than its header says, want %lld", idx->path, want);
  return got < 0 ? damaged(idx, file) : OK;
}

Err idx_open(Idx *idx, const char *path) {
  struct stat status;
  *idx = (Idx){.fd = -1};
  snprintf(idx->path, sizeof idx->path, "%s", path);
  if (stat(path, &status)) return err_user("%s: %s", path, strerror(errno));
  if (!S_ISREG(status.st_mode)) return err_user("%s: found no regular file", path);
  gzFile file = gzopen(path, "rb");
  if (!file) return err_user("%s: %s", path, strerror(errno));
  gzbuffer(file, 1 << 17);
  Err e = read_header(idx, file);
  if (!e)
    e = gzdirect(file) ? open_plain(idx, status.st_size) : open_gzip(idx, file, status.st_size);
  gzclose(file);
  if (e) idx_close(idx);
  return e;
}

void idx_close(Idx *idx) {
  if (idx->fd >= 0) close(idx->fd);
  idx->fd = -1;
  mem_free(&idx->bytes);
}

Err idx_read(const Idx *idx, uint8_t *out, long from, long to) {
  size_t want = (size_t)(to - from) * (size_t)idx->item, done = 0;
  if (idx->bytes) {
    memcpy(out, idx->bytes + (size_t)from * (size_t)idx->item, want);
    return OK;
  }
  off_t at = idx->header + (off_t)from * idx->item;
  while (done < want) {
    ssize_t got = pread(idx->fd, out + done, want - done, at + (off_t)done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return err_user("%s: items %ld to %ld: %s", idx->path, from, to - 1,
                      got ? strerror(errno) : "found the end of the file");
    done += (size_t)got;
  }
  return OK;
}
