/* Loading: every rank of a node reads its own share of the rows in blocks and writes samples
 * straight into the node's window; then every rank of the job surveys its own share of what is
 * there. */
#include "data/dataset.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "data/survey.h"

enum { BLOCK_ROWS = 512 };

static long minimum(long a, long b) { return a < b ? a : b; }

/* The arrays of a data set, one after the other in one window, each at a multiple of 64 bytes. */
typedef struct Arrays {
  float *x, *target, *weight, *mass_gev;
  int8_t *label;
  uint8_t *ok, *verdict;
} Arrays;

static void *slice(char *base, size_t *used, size_t bytes) {
  char *at = base ? base + *used : NULL;
  *used += (bytes + 63) / 64 * 64;
  return at;
}

/* Lays the arrays out from base (NULL: only counts); returns the bytes of all. */
static size_t arrays_place(Arrays *a, char *base, long rows, long dim, bool paired) {
  size_t used = 0, n = (size_t)rows;
  a->x = slice(base, &used, n * (size_t)dim * sizeof(float));
  a->target = paired ? slice(base, &used, n * (size_t)dim * sizeof(float)) : NULL;
  a->weight = slice(base, &used, n * sizeof(float));
  a->mass_gev = slice(base, &used, n * sizeof(float));
  a->label = slice(base, &used, n);
  a->ok = slice(base, &used, n);
  a->verdict = slice(base, &used, n);
  return used;
}

static Err check_memory(const char *path, long rows, long dim, size_t bytes, double memory_gb) {
  double need_gb = 1e-9 * (double)bytes;
  if (memory_gb <= 0 || need_gb <= memory_gb) return OK;
  /* Three digits, rounded to the safe side. */
  return err_user("data.memory_gb: found %g, want at least %.3g GB per node for %ld rows of %ld "
                  "numbers from %s; raise it, or use fewer rows (data.limit)",
                  memory_gb, 1.006 * need_gb, rows, dim, path);
}

long dataset_rows(const Source *source, const DataOpts *opts) {
  return opts->limit > 0 ? minimum(opts->limit, source->rows) : source->rows;
}

static Err open_source(Source *source, Dataset *data, const DataOpts *opts) {
  TRY(source_open(source, &opts->source));
  TRY(view_check(source, &opts->view));
  data->shape = view_shape(source, &opts->view);
  data->view = source->kind == SOURCE_JETS ? view_find(opts->view.name) : NULL;
  data->rows = dataset_rows(source, opts);
  data->has_label = source->has_label;
  data->has_weight = source->has_weight;
  if (data->rows == 0) return err_user("%s: found no rows, want some", source->path);
  if (data->rows > UINT32_MAX)
    return err_user("%s: found %ld rows, want at most %u; use fewer (data.limit)", source->path,
                    data->rows, UINT32_MAX);
  Arrays none;
  size_t bytes =
      arrays_place(&none, NULL, data->rows, shape_size(data->shape), source->has_target);
  return check_memory(source->path, data->rows, shape_size(data->shape), bytes, opts->memory_gb);
}

/* Row i of the block becomes sample `row` of the data set. */
static void make_sample(const Arrays *a, const Source *source, const Block *block, long i,
                        long row, long dim, const ViewOpts *view) {
  Sample sample = view_sample(a->x + row * dim, source, block, i, view);
  a->verdict[row] = (uint8_t)sample.verdict;
  a->ok[row] = sample.verdict == JET_OK;
  a->label[row] = block->label[i];
  float *target = a->target ? a->target + row * dim : NULL;
  if (target && a->ok[row])
    memcpy(target, block->target + i * dim, (size_t)dim * sizeof *target);
  else if (target)
    memset(target, 0, (size_t)dim * sizeof *target);
  a->weight[row] = sample.weight;
  a->mass_gev[row] = sample.mass_gev;
}

/* The rows of this rank among those of its node, in whole grains. */
static Range my_rows(const Comm *comm, const Source *source, long rows) {
  long grain = source->reader->grain ? source->reader->grain(source) : 1;
  Range range = range_of((rows + grain - 1) / grain, comm_node_rank(comm), comm_node_size(comm));
  return (Range){minimum(range.from * grain, rows), minimum(range.to * grain, rows)};
}

static Err load_share(const Comm *comm, const Arrays *a, const Source *source,
                      const Dataset *data, const ViewOpts *view) {
  long dim = shape_size(data->shape);
  Range mine = my_rows(comm, source, data->rows);
  long grain = source->reader->grain ? source->reader->grain(source) : 1;
  long step = (BLOCK_ROWS + grain - 1) / grain * grain;
  Block block = block_new(source, minimum(step, mine.to - mine.from));
  Err e = OK;
  for (long from = mine.from; from < mine.to && !e; from += step) {
    long to = minimum(from + step, mine.to);
    e = source_read(source, &block, from, to);
    if (e) break;
#pragma omp parallel for
    for (long row = from; row < to; row++)
      make_sample(a, source, &block, row - from, row, dim, view);
    progress_at((double)(to - mine.from), "%ld rows", data->rows);
  }
  block_free(&block);
  return e;
}

/* What was refused, and the checksum. Errors: rows that are not to be skipped; nothing left. */
static Err judge(const Comm *comm, Dataset *data, const Arrays *a, const Source *source,
                 BadRows bad_rows) {
  Survey survey = survey_rows(comm, data, a->verdict);
  data->refused_empty = survey.refused[JET_EMPTY];
  data->refused_nan = survey.refused[JET_NAN];
  data->refused_negative = survey.refused[JET_NEGATIVE_ENERGY];
  data->checksum = survey.checksum;
  return survey_judge(&survey, source->path, data->rows, bad_rows);
}

static Err load(Dataset *data, const Comm *comm, const DataOpts *opts, const Source *source,
                const char *what) {
  Arrays a;
  long dim = shape_size(data->shape);
  size_t bytes = arrays_place(&a, NULL, data->rows, dim, source->has_target);
  TRY(comm_agree(comm, shared_new(&data->memory, comm, "samples", bytes)));
  arrays_place(&a, shared_data(data->memory), data->rows, dim, source->has_target);
  data->x = a.x, data->target = a.target, data->weight = a.weight, data->mass_gev = a.mass_gev;
  data->label = a.label, data->ok = a.ok;
  Range mine = my_rows(comm, source, data->rows);
  progress_begin(what, (double)(mine.to - mine.from), 10);
  Err e = comm_agree(comm, load_share(comm, &a, source, data, &opts->view));
  shared_sync(data->memory);
  if (!e) e = judge(comm, data, &a, source, opts->bad_rows);
  if (!e) progress_end("%ld rows of %s", data->rows, source->path);
  return e;
}

Err dataset_load(Dataset *data, const Comm *comm, const DataOpts *opts, const char *what) {
  Source source = {0};
  *data = (Dataset){0};
  Err e = comm_agree(comm, open_source(&source, data, opts));
  if (!e) e = load(data, comm, opts, &source, what);
  source_close(&source);
  if (e) dataset_free(data);
  return e;
}

void dataset_free(Dataset *data) {
  shared_free(&data->memory);
  *data = (Dataset){0};
}
