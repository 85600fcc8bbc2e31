#include "data/standard.h"

#include <float.h>
#include <math.h>

#include "base/mem.h"

/* Elements whose sums fit into the first cache. */
enum { STRIP = 64 };

Err standard_wanted(bool *wanted, Standardise choice, const Dataset *data) {
  *wanted = choice == STANDARDISE_TRUE;
  if (choice == STANDARDISE_AUTO) *wanted = data->view && data->view->standardise;
  if (!*wanted || !data->view || !data->view->absent) return OK;
  return err_user("data.standardise: found true for data.view %s, want auto or false: a point of "
                  "zeros is absent there",
                  data->view->name);
}

/* ---- mean and deviation ---- */

/* Elements from .. to - 1: sum[i - from] = mean of x, or of (x - mean)^2 where a mean is given.
 */
static void strip_mean(double sum[STRIP], const Dataset *data, const Subset *rows,
                       const double *mean, long from, long to) {
  long dim = shape_size(data->shape);
  double weights = 0;
  for (long i = 0; i < to - from; i++) sum[i] = 0;
  for (long s = 0; s < rows->n; s++) {
    const float *x = data->x + rows->row[s] * dim;
    double w = data->weight[rows->row[s]];
    weights += w;
    for (long i = from; i < to; i++) {
      double d = x[i] - (mean ? mean[i] : 0);
      sum[i - from] += w * (mean ? d * d : d);
    }
  }
  for (long i = 0; i < to - from && weights > 0; i++) sum[i] /= weights;
}

static void all_means(double *out, const Comm *comm, const Dataset *data, const Subset *rows,
                      const double *mean) {
  long dim = shape_size(data->shape);
  Range mine = range_of((dim + STRIP - 1) / STRIP, comm_rank(comm), comm_size(comm));
  for (long i = 0; i < dim; i++) out[i] = 0;
#pragma omp parallel for
  for (long strip = mine.from; strip < mine.to; strip++) {
    long from = strip * STRIP, to = from + STRIP < dim ? from + STRIP : dim;
    strip_mean(out + from, data, rows, mean, from, to);
  }
  comm_join(comm, out, (size_t)dim);
}

void rows_mean(double *mean, const Comm *comm, const Dataset *data, const Subset *rows) {
  all_means(mean, comm, data, rows, NULL);
}

/* Deviations that the floats of a sample can not tell from none give 1. */
static float scale_of(double deviation, double mean) {
  return deviation > FLT_EPSILON * fabs(mean) && deviation > FLT_MIN ? (float)deviation : 1;
}

Standard standard_measure(const Comm *comm, const Dataset *data, const Subset *rows) {
  long dim = shape_size(data->shape);
  Standard standard = {.mean = MEM_NEW(float, "standardisation", dim),
                       .scale = MEM_NEW(float, "standardisation", dim)};
  double *mean = MEM_NEW(double, "means", dim), *square = MEM_NEW(double, "variances", dim);
  all_means(mean, comm, data, rows, NULL);
  all_means(square, comm, data, rows, mean);
  for (long i = 0; i < dim; i++) {
    standard.mean[i] = (float)mean[i];
    standard.scale[i] = scale_of(sqrt(square[i]), mean[i]);
  }
  mem_free(&mean);
  mem_free(&square);
  return standard;
}

void standard_free(Standard *standard) {
  mem_free(&standard->mean);
  mem_free(&standard->scale);
}

/* ---- samples ---- */

static void shift(float *x, const float *mean, const float *scale, long dim) {
  for (long i = 0; i < dim; i++) x[i] = (x[i] - mean[i]) / scale[i];
}

void standard_apply(Dataset *data, const Comm *comm, const float *mean, const float *scale) {
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
