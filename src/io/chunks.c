#include "io/chunks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "filters.h"
#include "io/hdf.h"

/* Bytes of a made-up chunk of a contiguous data set; more than this in a real one is refused. */
enum { CONTIGUOUS_CHUNK = 1 << 18, CHUNK_LIMIT = 1 << 30 };

static Err take_shape(Chunks *c, hid_t dataset) {
  hsize_t dims[H5S_MAX_RANK];
  hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
  c->item = H5Tget_size(type);
  c->rank = H5Sget_simple_extent_ndims(space);
  bool fits = c->item > 0 && c->rank >= 1 && c->rank <= CHUNKS_RANK &&
              H5Sget_simple_extent_dims(space, dims, NULL) == c->rank;
  H5Sclose(space);
  H5Tclose(type);
  if (!fits) return err_user("%s: found no array, want rows along 1 to 8 axes", c->where);
  c->row_bytes = c->item;
  for (int a = 0; a < c->rank; a++) {
    if (dims[a] - 1 >= LONG_MAX)
      return err_user("%s: found no rows, want at least one", c->where);
    c->dims[a] = (long)dims[a];
    if (a && __builtin_mul_overflow(c->row_bytes, (size_t)dims[a], &c->row_bytes))
      return err_user("%s: found rows of more bytes than there can be", c->where);
  }
  if (c->row_bytes > CHUNK_LIMIT)
    return err_user("%s: found rows of %zu bytes, want at most 1 GiB", c->where, c->row_bytes);
  return OK;
}

/* The grid that follows from the shape of a chunk; every chunk takes at least a byte of the file.
 */
static Err take_grid(Chunks *c, long long file_size) {
  c->n = 1;
  c->chunk_bytes = c->item;
  for (int a = 0; a < c->rank; a++) {
    c->grid[a] = (c->dims[a] - 1) / c->chunk[a] + 1;
    if (__builtin_mul_overflow(c->n, c->grid[a], &c->n) || c->n > file_size)
      return err_user("%s: truncated: found a file of %lld bytes, want more chunks than that; "
                      "copy it again",
                      c->where, file_size);
    if (__builtin_mul_overflow(c->chunk_bytes, (size_t)c->chunk[a], &c->chunk_bytes) ||
        c->chunk_bytes > CHUNK_LIMIT)
      return err_user("%s: found chunks of more than 1 GiB", c->where);
  }
  c->place = MEM_NEW(ChunkPlace, "chunk addresses", c->n);
  return OK;
}

static Err beyond_end(const Chunks *c, const ChunkPlace *place, long long file_size) {
  return err_user("%s: truncated: found %lld bytes, want %llu at least; copy it again", c->where,
                  file_size, (unsigned long long)place->address + place->stored);
}

static bool inside(const ChunkPlace *place, long long file_size) {
  return place->address <= (uint64_t)file_size &&
         place->stored <= (uint64_t)file_size - place->address;
}

static Err place_contiguous(Chunks *c, hid_t dataset, hid_t plist, long long file_size) {
  haddr_t address = H5Dget_offset(dataset);
  if (H5Pget_external_count(plist) > 0 || address == HADDR_UNDEF)
    return err_user("%s: found no data in this file, want them here", c->where);
  long rows = (long)(CONTIGUOUS_CHUNK / c->row_bytes);
  memcpy(c->chunk, c->dims, sizeof c->chunk);
  c->chunk[0] = rows < 1 ? 1 : rows > c->dims[0] ? c->dims[0] : rows;
  TRY(take_grid(c, file_size));
  for (long i = 0; i < c->n; i++) {
    long from = i * c->chunk[0], left = c->dims[0] - from;
    size_t held = c->row_bytes * (size_t)(left < c->chunk[0] ? left : c->chunk[0]);
    c->place[i] =
        (ChunkPlace){.address = address + (size_t)from * c->row_bytes, .stored = (uint32_t)held};
    if (!inside(&c->place[i], file_size)) return beyond_end(c, &c->place[i], file_size);
  }
  return OK;
}

static Err take_filters(Chunks *c, hid_t plist) {
  int n = H5Pget_nfilters(plist);
  for (int i = 0; i < n; i++) {
    unsigned flags, value[16] = {0}, config;
    size_t values = 16;
    char name[64] = "";
    int id =
        H5Pget_filter2(plist, (unsigned)i, &flags, &values, value, sizeof name, name, &config);
    if (!filter_known(id) || i >= CHUNKS_FILTERS)
      return err_user(
          "%s: found filter %d (%s), want Blosc, deflate, shuffle or none; rewrite the "
          "file with one of them (h5repack -f GZIP=4)",
          c->where, id, name[0] ? name : "no name");
    c->filter[c->filters].id = id;
    c->filter[c->filters++].element = values && value[0] ? value[0] : 1;
  }
  return OK;
}

/* Where chunk i begins, in elements. */
static void origin_of(long origin[CHUNKS_RANK], const Chunks *c, long i) {
  for (int a = c->rank - 1; a >= 0; a--) {
    origin[a] = i % c->grid[a] * c->chunk[a];
    i /= c->grid[a];
  }
}

static Err place_chunk(Chunks *c, hid_t dataset, long i, long long file_size) {
  long origin[CHUNKS_RANK];
  hsize_t offset[CHUNKS_RANK], stored = 0;
  haddr_t address = HADDR_UNDEF;
  unsigned mask = 0;
  origin_of(origin, c, i);
  for (int a = 0; a < c->rank; a++) offset[a] = (hsize_t)origin[a];
  if (H5Dget_chunk_info_by_coord(dataset, offset, &mask, &address, &stored) < 0)
    return hdf_error("%s: damaged index of chunks; copy it again", c->where);
  if (address == HADDR_UNDEF || stored == 0)
    return err_user("%s: found no chunk for rows %ld and on, want all written", c->where,
                    origin[0]);
  c->place[i] = (ChunkPlace){.address = address, .stored = (uint32_t)stored, .mask = mask};
  if (stored > UINT32_MAX || !inside(&c->place[i], file_size))
    return beyond_end(c, &c->place[i], file_size);
  if (!c->filters && stored != c->chunk_bytes)
    return err_user("%s: found a chunk of %llu bytes, want %zu; copy it again", c->where,
                    (unsigned long long)stored, c->chunk_bytes);
  return OK;
}

static Err place_chunked(Chunks *c, hid_t dataset, hid_t plist, long long file_size) {
  hsize_t chunk[CHUNKS_RANK];
  if (H5Pget_chunk(plist, c->rank, chunk) != c->rank)
    return hdf_error("%s: damaged layout", c->where);
  for (int a = 0; a < c->rank; a++) c->chunk[a] = (long)chunk[a];
  TRY(take_filters(c, plist));
  TRY(take_grid(c, file_size));
  for (long i = 0; i < c->n; i++) TRY(place_chunk(c, dataset, i, file_size));
  return OK;
}

static Err place_all(Chunks *c, hid_t dataset, long long file_size) {
  hid_t plist = H5Dget_create_plist(dataset);
  H5D_layout_t layout = H5Pget_layout(plist);
  Err e = layout == H5D_CHUNKED      ? place_chunked(c, dataset, plist, file_size)
          : layout == H5D_CONTIGUOUS ? place_contiguous(c, dataset, plist, file_size)
                                     : err_user("%s: found a compact or virtual layout, want "
                                                "chunks or one piece; rewrite it",
                                                c->where);
  H5Pclose(plist);
  return e;
}

Err chunks_open(Chunks *c, hid_t dataset, const char *path, const char *name) {
  memset(c, 0, sizeof *c);
  snprintf(c->where, sizeof c->where, "%s: %s", path, name);
  c->fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (c->fd < 0 || fstat(c->fd, &status)) return err_user("%s: %s", path, strerror(errno));
  Err e = take_shape(c, dataset);
  if (!e) e = place_all(c, dataset, status.st_size);
  for (long i = 0; !e && i < c->n; i++)
    if (c->place[i].stored > c->largest) c->largest = c->place[i].stored;
  if (e) chunks_close(c);
  return e;
}

void chunks_close(Chunks *c) {
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
  mem_free(&c->place);
}

static void *room_for(size_t bytes) {
  void *p = malloc(bytes);
  CHECK(p, "no memory for a chunk of %zu bytes", bytes);
  return p;
}

ChunkRoom chunkroom_new(const Chunks *c) {
  return (ChunkRoom){room_for(c->largest), c->filters ? room_for(c->chunk_bytes) : NULL,
                     c->filters > 1 ? room_for(c->chunk_bytes) : NULL};
}

void chunkroom_free(ChunkRoom *room) {
  free(room->stored);
  free(room->plain);
  free(room->spare);
  *room = (ChunkRoom){0};
}

static Err damaged(const Chunks *c, long i, const char *found) {
  long origin[CHUNKS_RANK];
  origin_of(origin, c, i);
  long last = origin[0] + c->chunk[0] < c->dims[0] ? origin[0] + c->chunk[0] : c->dims[0];
  return err_user("%s: rows %ld to %ld: %s, want a sound chunk; copy the file again", c->where,
                  origin[0], last - 1, found);
}

static Err fetch(const Chunks *c, unsigned char *stored, long i) {
  size_t done = 0, want = c->place[i].stored;
  while (done < want) {
    ssize_t got = pread(c->fd, stored + done, want - done, (off_t)(c->place[i].address + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return damaged(c, i, strerror(errno));
    if (got == 0) return damaged(c, i, "found the end of the file");
    done += (size_t)got;
  }
  return OK;
}

Err chunks_load(const Chunks *c, const unsigned char **data, ChunkRoom *room, long i) {
  TRY(fetch(c, room->stored, i));
  const unsigned char *now = room->stored;
  size_t bytes = c->place[i].stored;
  unsigned char *next = room->plain, *after = room->spare;
  for (int f = c->filters - 1; f >= 0; f--) {
    if (c->place[i].mask >> f & 1) continue;
    const char *wrong =
        filter_undo(c->filter[f].id, next, c->chunk_bytes, now, bytes, c->filter[f].element);
    if (wrong) return damaged(c, i, wrong);
    now = next;
    bytes = c->chunk_bytes;
    next = after;
    after = (unsigned char *)now;
  }
  *data = now;
  if (c->filters && bytes != c->chunk_bytes)
    return damaged(c, i, "found a chunk of another length");
  return OK;
}

/* The part of a chunk that is wanted: its extent, and the bytes from one element to the next
 * along each axis, in the chunk and in the result. */
typedef struct Box {
  int last;
  long count[CHUNKS_RANK];
  size_t in_step[CHUNKS_RANK], out_step[CHUNKS_RANK];
} Box;

static void copy_axis(unsigned char *out, const unsigned char *in, const Box *box, int a) {
  if (a == box->last) {
    memcpy(out, in, (size_t)box->count[a] * box->in_step[a]);
    return;
  }
  for (long k = 0; k < box->count[a]; k++)
    copy_axis(out + (size_t)k * box->out_step[a], in + (size_t)k * box->in_step[a], box, a + 1);
}

/* Copy what rows from .. to - 1 have in chunk i. */
static void copy_box(unsigned char *out, const unsigned char *in, const Chunks *c, long i,
                     long from, long to) {
  long origin[CHUNKS_RANK];
  Box box = {.last = c->rank - 1};
  size_t in_step = c->item, out_step = c->item;
  origin_of(origin, c, i);
  for (int a = box.last; a >= 0; a--) {
    long begin = a || origin[a] > from ? origin[a] : from;
    long limit = a ? c->dims[a] : to, end = origin[a] + c->chunk[a];
    box.count[a] = (end < limit ? end : limit) - begin;
    box.in_step[a] = in_step;
    box.out_step[a] = out_step;
    in += (size_t)(begin - origin[a]) * in_step;
    out += (size_t)(begin - (a ? 0 : from)) * out_step;
    in_step *= (size_t)c->chunk[a];
    out_step *= (size_t)c->dims[a];
  }
  copy_axis(out, in, &box, 0);
}

Err chunks_read(const Chunks *c, void *out, long from, long to) {
  ChunkRoom room = chunkroom_new(c);
  long per_row = c->n / c->grid[0]; /* chunks that share their rows */
  Err e = OK;
  for (long i = from / c->chunk[0] * per_row; !e && i < c->n; i++) {
    const unsigned char *data;
    if (i / per_row * c->chunk[0] >= to) break;
    e = chunks_load(c, &data, &room, i);
    if (!e) copy_box(out, data, c, i, from, to);
  }
  chunkroom_free(&room);
  return e;
}
