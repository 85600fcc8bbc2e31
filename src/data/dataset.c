/* Loading: every rank of a node reads its own share of the rows in blocks and writes samples
 * straight into the node's window, or, where they are not to stay, over those of the block
 * before; then every rank of the job surveys its own share of the verdicts. */
#include "data/dataset.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/whole.h"
#include "data/fetch.h"
#include "data/survey.h"

enum { BLOCK_ROWS = 512 };

/* The arrays of a data set, one after the other in one window, each at a multiple of 64 bytes. */
typedef struct Arrays {
  float *x, *target, *weight, *mass_gev;
  int8_t *label;
  uint8_t *ok, *verdict;
  uint32_t *hash; /* of samples that do not stay */
  uint64_t *sum;  /* (ranks of the node) of the rows' hashes */
} Arrays;

/* What decides how large they are. */
typedef struct Plan {
  long rows, dim;
  bool paired, away;
  int ranks; /* of the node */
} Plan;

static void *slice(char *base, size_t *used, size_t bytes) {
  char *at = base ? base + *used : NULL;
  *used += whole_lines(bytes);
  return at;
}

/* Lays the arrays out from base (NULL: only counts); returns the bytes of all. */
static size_t arrays_place(Arrays *a, char *base, const Plan *plan) {
  size_t used = 0, n = (size_t)plan->rows, samples = n * (size_t)plan->dim * sizeof(float);
  *a = (Arrays){0};
  if (!plan->away) a->x = slice(base, &used, samples);
  if (!plan->away && plan->paired) a->target = slice(base, &used, samples);
  a->weight = slice(base, &used, n * sizeof(float));
  a->mass_gev = slice(base, &used, n * sizeof(float));
  a->label = slice(base, &used, n);
  a->ok = slice(base, &used, n);
  a->verdict = slice(base, &used, n);
  if (plan->away) a->hash = slice(base, &used, n * sizeof(uint32_t));
  a->sum = slice(base, &used, (size_t)plan->ranks * sizeof(uint64_t));
  return used;
}

static bool may_pass(const Source *source, const DataOpts *opts) {
  if (opts->stay == STAY_PASSING) return true;
  return opts->stay != STAY_ALL && source->reader->anywhere && !source->has_target;
}

static Err too_large(const Source *source, const Plan *plan, size_t bytes, const DataOpts *opts) {
  const char *stream =
      opts->stay == STAY_ALL || may_pass(source, opts)
          ? ""
          : ", or train on a lean file of it, which need not fit (jetnae prepare)";
  /* Three digits, rounded to the safe side. */
  return err_user("data.memory_gb: found %g, want at least %.3g GB per node for %ld rows of %ld "
                  "numbers from %s; raise it, or use fewer rows (data.limit)%s",
                  opts->memory_gb, 1.006e-9 * (double)bytes, plan->rows, plan->dim, source->path,
                  stream);
}

/* Whether samples stay in memory. */
static Err decide(Plan *plan, const Source *source, const DataOpts *opts) {
  Arrays none;
  size_t bytes = arrays_place(&none, NULL, plan);
  bool fits = opts->memory_gb <= 0 || 1e-9 * (double)bytes <= opts->memory_gb;
  bool may = may_pass(source, opts);
  plan->away = may && (!fits || opts->stay == STAY_NONE);
  return fits || may ? OK : too_large(source, plan, bytes, opts);
}

long dataset_rows(const Source *source, const DataOpts *opts) {
  return opts->limit > 0 ? whole_min(opts->limit, source->rows) : source->rows;
}

static Err check_source(const Source *source, Dataset *data, const DataOpts *opts) {
  TRY(view_check(source, &opts->view));
  data->shape = view_shape(source, &opts->view);
  data->view = source->kind == SOURCE_JETS ? view_find(opts->view.name) : NULL;
  data->rows = dataset_rows(source, opts);
  data->has_label = source->has_label;
  data->has_weight = source->has_weight;
  if (data->rows == 0) return err_user("%s: found no rows, want some", source->path);
  if (data->rows < UINT32_MAX) return OK;
  return err_user("%s: found %ld rows, want less than %u; use fewer (data.limit)", source->path,
                  data->rows, UINT32_MAX);
}

/* What a rank has at hand. */
typedef struct Loading {
  const Comm *comm;
  const Source *source;
  const Dataset *data;
  const ViewOpts *view;
  Arrays a;
  Block block;
  float *passing, *passing_target; /* (rows of a block, dim) of what does not stay */
  uint64_t sum;   /* of this rank's rows */
} Loading;

/* Row i of the block becomes sample `row` of the data set; returns its hash. */
static uint64_t make_sample(const Loading *l, long i, long row) {
  const Arrays *a = &l->a;
  long dim = shape_size(l->data->shape);
  float *x = l->passing ? l->passing + i * dim : a->x + row * dim;
  float *target = a->target           ? a->target + row * dim
                  : l->passing_target ? l->passing_target + i * dim
                                      : NULL;
  Sample sample = view_sample(x, l->source, &l->block, i, l->view);
  a->verdict[row] = (uint8_t)sample.verdict;
  a->ok[row] = sample.verdict == JET_OK;
  a->label[row] = l->block.label[i];
  if (target && a->ok[row])
    memcpy(target, l->block.target + i * dim, (size_t)dim * sizeof *target);
  else if (target)
    memset(target, 0, (size_t)dim * sizeof *target);
  a->weight[row] = sample.weight;
  a->mass_gev[row] = sample.mass_gev;
  uint64_t hash = row_hash(row, x, target, dim, sample.weight, a->label[row]);
  if (a->hash) a->hash[row] = (uint32_t)hash;
  return hash;
}

static Err load_block(Loading *l, long from, long to) {
  uint64_t sum = 0;
  TRY(source_read(l->source, &l->block, from, to));
#pragma omp parallel for reduction(+ : sum)
  for (long row = from; row < to; row++) sum += make_sample(l, row - from, row);
  l->sum += sum;
  return OK;
}

/* The rows of this rank among those of its node, in whole grains. */
static Range my_rows(const Loading *l, long grain) {
  long rows = l->data->rows, grains = (rows + grain - 1) / grain;
  Range range = range_of(grains, comm_node_rank(l->comm), comm_node_size(l->comm));
  return (Range){whole_min(range.from * grain, rows), whole_min(range.to * grain, rows)};
}

static Err load_share(Loading *l, const char *what) {
  long grain = l->source->reader->grain ? l->source->reader->grain(l->source) : 1;
  long step = (BLOCK_ROWS + grain - 1) / grain * grain, dim = shape_size(l->data->shape);
  Range mine = my_rows(l, grain);
  l->block = block_new(l->source, whole_min(step, mine.to - mine.from));
  if (!l->a.x) l->passing = MEM_NEW(float, "samples that pass by", step *dim);
  if (!l->a.x && l->source->has_target)
    l->passing_target = MEM_NEW(float, "targets that pass by", step *dim);
  Err e = OK;
  progress_begin(what, (double)(mine.to - mine.from), 10);
  for (long from = mine.from; from < mine.to && !e; from += step) {
    long to = whole_min(from + step, mine.to);
    e = load_block(l, from, to);
    if (!e) progress_at((double)(to - mine.from), "%ld rows", l->data->rows);
  }
  block_free(&l->block);
  mem_free(&l->passing);
  mem_free(&l->passing_target);
  l->a.sum[comm_node_rank(l->comm)] = l->sum;
  return e;
}

/* What was refused. Errors: rows that are not to be skipped; nothing left. */
static Err judge(Dataset *data, const Loading *l, BadRows bad_rows) {
  Survey survey = survey_rows(l->comm, l->a.verdict, data->rows);
  data->refused_empty = survey.refused[JET_EMPTY];
  data->refused_nan = survey.refused[JET_NAN];
  data->refused_negative = survey.refused[JET_NEGATIVE_ENERGY];
  return survey_judge(&survey, l->source->path, data->rows, bad_rows);
}

static void take_arrays(Dataset *data, const Arrays *a) {
  data->x = a->x, data->target = a->target, data->weight = a->weight;
  data->mass_gev = a->mass_gev, data->label = a->label, data->ok = a->ok;
}

static Err load(Dataset *data, const Comm *comm, const DataOpts *opts, const Source *source,
                const Plan *plan, const char *what) {
  Loading l = {.comm = comm, .source = source, .data = data, .view = &opts->view};
  data->bytes = arrays_place(&l.a, NULL, plan);
  TRY(comm_agree(comm, shared_new(&data->memory, comm, "data", data->bytes)));
  arrays_place(&l.a, shared_data(data->memory), plan);
  take_arrays(data, &l.a);
  Err e = comm_agree(comm, load_share(&l, what));
  shared_sync(data->memory);
  for (int rank = 0; rank < plan->ranks; rank++) data->checksum += l.a.sum[rank];
  if (!e) e = judge(data, &l, opts->bad_rows);
  if (!e) progress_end("%ld rows of %s", data->rows, source->path);
  if (e || !plan->away) return e;
  data->away = MEM_NEW(Away, "samples in a file", 1);
  *data->away = (Away){.source = *source, .view = opts->view, .hash = l.a.hash};
  return OK;
}

Err dataset_take(Dataset *data, const Comm *comm, Source *source, const DataOpts *opts,
                 const char *what) {
  *data = (Dataset){0};
  Err e = check_source(source, data, opts);
  Plan plan = {.rows = data->rows,
               .dim = shape_size(data->shape),
               .paired = source->has_target,
               .ranks = comm_node_size(comm)};
  e = comm_agree(comm, e ? e : decide(&plan, source, opts));
  if (!e) e = load(data, comm, opts, source, &plan, what);
  if (!data->away) source_close(source);
  if (e) dataset_free(data);
  return e;
}

Err dataset_load(Dataset *data, const Comm *comm, const DataOpts *opts, const char *what) {
  Source source = {0};
  *data = (Dataset){0};
  TRY(comm_agree(comm, source_open(&source, &opts->source)));
  return dataset_take(data, comm, &source, opts, what);
}

static void away_free(Away **away) {
  if (!*away) return;
  shared_free(&(*away)->slots);
  source_close(&(*away)->source);
  mem_free(&(*away)->mean);
  mem_free(&(*away)->scale);
  mem_free(away);
}

void dataset_free(Dataset *data) {
  away_free(&data->away);
  shared_free(&data->memory);
  *data = (Dataset){0};
}
