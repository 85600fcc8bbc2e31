#include "data/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

extern const Reader reader_lean, reader_toptag, reader_hdf5, reader_idx, reader_toy, reader_line,
    reader_gaussians, reader_s_curve, reader_chirp;

/* In this order they are asked whether they know a file: toptag takes whatever HDF5 lean leaves.
 */
static const Reader *const all[] = {
    &reader_lean, &reader_toptag,    &reader_hdf5,    &reader_idx,   &reader_toy,
    &reader_line, &reader_gaussians, &reader_s_curve, &reader_chirp, NULL};
enum { READERS = sizeof all / sizeof *all - 1 };

const Reader *reader_at(int i) { return i >= 0 && i < READERS ? all[i] : NULL; }

static Err named(const Reader **reader, const char *name) {
  for (int i = 0; i < READERS; i++)
    if (!strcmp(all[i]->name, name)) return *reader = all[i], OK;
  return err_user("data.source: found %s, want auto, toptag, lean, hdf5, idx, toy, line, "
                  "gaussians, s_curve or chirp",
                  name);
}

static Err recognise(const Reader **reader, const SourceOpts *opts) {
  if (opts->x_path && *opts->x_path) return named(reader, "hdf5");
  for (int i = 0; i < READERS; i++)
    if (all[i]->knows && all[i]->knows(opts->path)) return *reader = all[i], OK;
  unsigned char b[4] = {0};
  FILE *file = fopen(opts->path, "rb");
  size_t n = file ? fread(b, 1, 4, file) : 0;
  if (file) fclose(file);
  return err_user("%s: found a file that begins with %02x %02x %02x %02x (%zu bytes read), want "
                  "HDF5 (89 48 44 46) or IDX (00 00 08, or that gzip'd)",
                  opts->path, b[0], b[1], b[2], b[3], n);
}

static Err look(const char *path) {
  struct stat status;
  if (!path || !*path)
    return err_user("data.input: found nothing, want a file to read (or data.source=toy)");
  if (stat(path, &status))
    return err_user("%s: %s; want a file to read (data.input)", path, strerror(errno));
  if (!S_ISREG(status.st_mode))
    return err_user("%s: found a directory or device, want a file (data.input)", path);
  return OK;
}

Err source_open(Source *source, const SourceOpts *opts) {
  const Reader *reader = NULL;
  bool automatic = !opts->reader || !strcmp(opts->reader, "auto");
  memset(source, 0, sizeof *source);
  if (!automatic) TRY(named(&reader, opts->reader));
  if (!reader || !reader->makes_rows) TRY(look(opts->path));
  if (automatic) TRY(recognise(&reader, opts));
  source->reader = reader;
  snprintf(source->path, sizeof source->path, "%s", opts->path ? opts->path : reader->name);
  Err e = reader->open(source, opts);
  if (e) source_close(source);
  return e;
}

Err source_read(const Source *source, Block *block, long from, long to) {
  CHECK(from >= 0 && from <= to && to <= source->rows, "rows %ld to %ld of %ld", from, to,
        source->rows);
  block->rows = to - from;
  for (long i = 0; i < to - from; i++) {
    block->label[i] = -1;
    block->weight[i] = 1;
  }
  return to > from ? source->reader->read(source, block, from, to) : OK;
}

void source_close(Source *source) {
  if (source->reader && source->reader->close) source->reader->close(source);
  memset(source, 0, sizeof *source);
}

Block block_new(const Source *source, long rows) {
  Block block = {.label = MEM_NEW(int8_t, "block of labels", rows),
                 .weight = MEM_NEW(float, "block of weights", rows)};
  if (source->kind == SOURCE_JETS)
    block.p4 = MEM_NEW(float, "block of jets", rows * source->slots * 4);
  else
    block.x = MEM_NEW(float, "block of samples", rows *shape_size(source->shape));
  if (source->has_target)
    block.target = MEM_NEW(float, "block of targets", rows *shape_size(source->shape));
  if (source->has_truth) block.truth = MEM_NEW(float, "block of truth records", rows * 4);
  if (source->has_mass) block.mass_gev = MEM_NEW(float, "block of masses", rows);
  return block;
}

void block_free(Block *block) {
  mem_free(&block->p4);
  mem_free(&block->x);
  mem_free(&block->target);
  mem_free(&block->label);
  mem_free(&block->weight);
  mem_free(&block->truth);
  mem_free(&block->mass_gev);
}
