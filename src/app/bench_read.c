/* Reading rows of a file, decompression included. The best of several rounds: the file lies in
 * the page cache by then, so this is the speed of the reader, not of the disk. */
#include <stdio.h>

#include "app/bench.h"
#include "data/source.h"

enum { ROWS = 16384, BLOCK_ROWS = 1024 };

typedef struct Reading {
  Source source;
  Block block;
  long rows, block_rows;
  Err error;
} Reading;

static void read_rows(void *arg) {
  Reading *r = arg;
  for (long from = 0; from < r->rows && !r->error; from += r->block_rows) {
    long to = from + r->block_rows < r->rows ? from + r->block_rows : r->rows;
    r->error = source_read(&r->source, &r->block, from, to);
  }
}

static Err measure(const Bench *bench, Reading *r) {
  const Reader *reader = r->source.reader;
  char name[64];
  snprintf(name, sizeof name, "read.%s", reader->name);
  if (!bench_wants(bench, name)) return OK;
  long grain = reader->grain ? reader->grain(&r->source) : 1;
  r->block_rows = (BLOCK_ROWS + grain - 1) / grain * grain;
  r->rows = r->source.rows < ROWS ? r->source.rows : ROWS;
  r->block = block_new(&r->source, r->block_rows);
  double seconds = bench_seconds(read_rows, r, 1.5);
  if (!r->error) bench_print(bench, name, (double)r->rows / seconds, "rows/s", 0);
  block_free(&r->block);
  return r->error;
}

Err bench_read(const Bench *bench, const char *path) {
  Reading reading = {.error = OK};
  if (!path) return OK;
  TRY(source_open(&reading.source, &(SourceOpts){.reader = "auto", .path = path}));
  Err e = measure(bench, &reading);
  source_close(&reading.source);
  return e;
}
