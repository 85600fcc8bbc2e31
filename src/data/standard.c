#include "data/standard.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "data/fetch.h"
#include "num/sum.h"

/* Rows at a time. */
enum { ROWS = 64 };

Err standard_wanted(bool *wanted, Standardise choice, const Dataset *data) {
  *wanted = choice == STANDARDISE_TRUE;
  if (choice == STANDARDISE_AUTO) *wanted = data->view && data->view->standardise;
  if (!*wanted || !data->view || !data->view->absent) return OK;
  return err_user("data.standardise: found true for data.view %s, want auto or false: a point of "
                  "zeros is absent there",
                  data->view->name);
}

/* ---- mean and deviation ---- */

/* Sums over rows of w d and w d^2, d = x - origin, exact from there on. The origin, a sample,
 * keeps d small beside the mean, and makes it 0 where all samples are alike. */
typedef struct Moments {
  const Dataset *data;
  const Subset *rows;
  long dim;
  float *origin;     /* (dim) */
  Sum *sum, *square; /* (dim) */
} Moments;

static Moments moments_new(const Dataset *data, const Subset *rows) {
  long dim = shape_size(data->shape);
  return (Moments){.data = data,
                   .rows = rows,
                   .dim = dim,
                   .origin = MEM_NEW(float, "standardisation", dim),
                   .sum = MEM_NEW(Sum, "exact sums", dim),
                   .square = MEM_NEW(Sum, "exact sums", dim)};
}

static void moments_free(Moments *m) {
  mem_free(&m->origin);
  mem_free(&m->sum);
  mem_free(&m->square);
}

/* Samples s .. s + n - 1 of the subset, x (n) of (dim). */
static void add_samples(Moments *m, const float *const *x, long s, long n) {
#pragma omp parallel for
  for (long i = 0; i < m->dim; i++) {
    for (long k = 0; k < n; k++) {
      double w = m->data->weight[m->rows->row[s + k]], d = x[k][i] - (double)m->origin[i];
      sum_add(&m->sum[i], w * d);
      sum_add(&m->square[i], w * (d * d));
    }
    sum_carry(&m->sum[i]), sum_carry(&m->square[i]);
  }
}

/* x[k]: sample s + k of the subset, where it is in memory, or fetched into room (n, dim). */
static Err get_samples(const float **x, float *room, Fetch *fetch, const Moments *m, long s,
                       long n) {
  const uint32_t *row = m->rows->row + s;
  for (long k = 0; k < n; k++) x[k] = room ? room + k * m->dim : dataset_sample(m->data, row[k]);
  return room ? fetch_rows(fetch, room, row, n, omp_get_max_threads()) : OK;
}

/* This rank's share of the rows, some at a time. */
static Err add_share(Moments *m, const Comm *comm) {
  const float *x[ROWS];
  bool away = m->data->away;
  Range mine = range_of(m->rows->n, comm_rank(comm), comm_size(comm));
  Fetch fetch = away ? fetch_new(m->data, FETCH_RUN) : (Fetch){0};
  float *room = away ? MEM_NEW(float, "samples that pass by", ROWS * m->dim) : NULL;
  const float *origin = m->origin;
  Err e = m->rows->n > 0 ? get_samples(&origin, away ? m->origin : NULL, &fetch, m, 0, 1) : OK;
  memmove(m->origin, origin, (size_t)m->dim * sizeof *origin);
  for (long s = mine.from; s < mine.to && !e; s += ROWS) {
    long n = mine.to - s < ROWS ? mine.to - s : ROWS;
    e = get_samples(x, room, &fetch, m, s, n);
    if (!e) add_samples(m, x, s, n);
  }
  fetch_free(&fetch);
  mem_free(&room);
  return e;
}

/* mean, square (dim): of x, and of (x - mean)^2 (NULL: not wanted). */
static Err measure(double *mean, double *square, const Comm *comm, const Dataset *data,
                   const Subset *rows) {
  Moments m = moments_new(data, rows);
  size_t digits = (size_t)m.dim * SUM_DIGITS;
  double weights = 0;
  Err e = comm_agree(comm, add_share(&m, comm));
  comm_sum_i64(comm, m.sum->digit, digits);
  comm_sum_i64(comm, m.square->digit, digits);
  for (long s = 0; s < rows->n; s++) weights += (double)data->weight[rows->row[s]];
  for (long i = 0; i < m.dim; i++) {
    double d = weights > 0 ? sum_value(&m.sum[i]) / weights : 0;
    mean[i] = (double)m.origin[i] + d;
    if (square) square[i] = fmax(0, sum_value(&m.square[i]) / weights - d * d);
  }
  moments_free(&m);
  return e;
}

Err rows_mean(double *mean, const Comm *comm, const Dataset *data, const Subset *rows) {
  return measure(mean, NULL, comm, data, rows);
}

/* Deviations that the floats of a sample can not tell from none give 1. */
static float scale_of(double deviation, double mean) {
  return deviation > FLT_EPSILON * fabs(mean) && deviation > FLT_MIN ? (float)deviation : 1;
}

Err standard_measure(Standard *standard, const Comm *comm, const Dataset *data,
                     const Subset *rows) {
  long dim = shape_size(data->shape);
  double *mean = MEM_NEW(double, "means", dim), *square = MEM_NEW(double, "variances", dim);
  Err e = measure(mean, square, comm, data, rows);
  *standard = (Standard){0};
  if (!e) {
    standard->mean = MEM_NEW(float, "standardisation", dim);
    standard->scale = MEM_NEW(float, "standardisation", dim);
  }
  for (long i = 0; i < dim && !e; i++) {
    standard->mean[i] = (float)mean[i];
    standard->scale[i] = scale_of(sqrt(square[i]), mean[i]);
  }
  mem_free(&mean);
  mem_free(&square);
  return e;
}

void standard_free(Standard *standard) {
  mem_free(&standard->mean);
  mem_free(&standard->scale);
}

/* ---- samples ---- */

static void shift(float *x, const float *mean, const float *scale, long dim) {
  for (long i = 0; i < dim; i++) x[i] = (x[i] - mean[i]) / scale[i];
}

static float *copy(const float *x, long n) {
  float *out = MEM_NEW(float, "standardisation", n);
  memcpy(out, x, (size_t)n * sizeof *x);
  return out;
}

/* All rows that are in memory. */
static void shift_rows(Dataset *data, const Comm *comm, const float *mean, const float *scale) {
  long dim = shape_size(data->shape);
  Range mine = range_of(data->rows, comm_node_rank(comm), comm_node_size(comm));
  float *x = (float *)data->x, *target = (float *)data->target; /* in the node's window */
  shared_sync(data->memory);
#pragma omp parallel for
  for (long row = mine.from; row < mine.to; row++) {
    if (!data->ok[row]) continue;
    shift(x + row * dim, mean, scale, dim);
    if (target) shift(target + row * dim, mean, scale, dim);
  }
  shared_sync(data->memory);
}

void standard_apply(Dataset *data, const Comm *comm, const float *mean, const float *scale) {
  long dim = shape_size(data->shape);
  if (!data->away) {
    shift_rows(data, comm, mean, scale);
    return;
  }
  data->away->mean = copy(mean, dim);
  data->away->scale = copy(scale, dim);
}
