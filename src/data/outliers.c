#include "data/outliers.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/whole.h"
#include "data/passing.h"
#include "num/rng.h"

/* Rows at a time. */
enum { ROWS = 512 };

static const char *const names[] = {"constant", "noise", NULL};
enum { CONSTANT, NOISE };

const char *outliers_at(int i) { return names[i]; }

static int find(const char *name) {
  int i = 0;
  while (names[i] && strcmp(names[i], name)) i++;
  return names[i] ? i : -1;
}

bool outliers_known(const char *name) { return find(name) >= 0; }

/* What the values lie between. */
typedef struct Values {
  double low, high;
} Values;

/* Local. Of the rows from .. to - 1. */
static Err add_rows(Values *values, Passing *rows, Range range, int threads) {
  long dim = shape_size(rows->now.shape);
  TRY(passing_show(rows, range, threads));
  for (long row = range.from; row < range.to; row++) {
    const float *x = dataset_sample(&rows->now, row);
    for (long i = 0; rows->now.ok[row] && i < dim; i++) {
      values->low = fmin(values->low, (double)x[i]);
      values->high = fmax(values->high, (double)x[i]);
    }
  }
  return OK;
}

/* Collective. */
static Err values_of(Values *values, const Comm *comm, const Dataset *data) {
  const int threads = omp_get_max_threads();
  Range mine = range_of(data->rows, comm_rank(comm), comm_size(comm));
  Passing rows;
  Err e = OK;
  *values = (Values){INFINITY, -INFINITY};
  passing_init(&rows, data, ROWS);
  for (long from = mine.from; from < mine.to && !e; from += ROWS)
    e = add_rows(values, &rows, (Range){from, whole_min(from + ROWS, mine.to)}, threads);
  passing_free(&rows);
  double most[] = {-values->low, values->high};
  comm_max_f64(comm, most, 2);
  *values = (Values){-most[0], most[1]};
  return comm_agree(comm, e);
}

/* ---- as a source ---- */

typedef struct Recipe {
  int kind;
  Values values;
  RngKey key;
} Recipe;

/* A constant row has one draw, number 0; an element of a noisy row has its own. */
static Err read_outliers(const Source *source, Block *block, long from, long to) {
  const Recipe *recipe = source->file;
  const Values *values = &recipe->values;
  long dim = shape_size(source->shape);
  for (long k = 0; k < (to - from) * dim; k++) {
    uint32_t draw = recipe->kind == CONSTANT ? 0 : (uint32_t)(k % dim) + 1;
    double u = rng_uniform(recipe->key, (uint64_t)(from + k / dim), 0, draw);
    block->x[k] = (float)(values->low + (values->high - values->low) * u);
  }
  return OK;
}

static void close_outliers(Source *source) { mem_free(&source->file); }

static const Reader reader_outliers = {.name = "outliers",
                                       .makes_rows = true,
                                       .read = read_outliers,
                                       .close = close_outliers,
                                       .anywhere = true};

Err outliers_make(Dataset *outliers, const Comm *comm, const char *name, const Dataset *like,
                  long rows, uint64_t seed, double memory_gb) {
  Recipe *recipe = MEM_NEW(Recipe, "outliers", 1);
  *recipe = (Recipe){.kind = find(name), .key = rng_key(seed, RNG_OUTLIER)};
  Source source = {.reader = &reader_outliers,
                   .kind = SOURCE_DENSE,
                   .rows = rows,
                   .shape = like->shape,
                   .file = recipe};
  DataOpts opts = {.view = view_defaults(), .memory_gb = memory_gb, .stay = STAY_PASSING};
  snprintf(source.path, sizeof source.path, "%s", name);
  Err e = values_of(&recipe->values, comm, like);
  if (!e) return dataset_take(outliers, comm, &source, &opts, name);
  source_close(&source);
  return e;
}
