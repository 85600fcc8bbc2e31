/* The fit: mean, covariance, eigenvectors. */
#include "train/pca.h"

#include <math.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/provenance.h"
#include "data/standard.h"
#include "par/eigen.h"

/* Samples of one product of panels. */
enum { PANEL = 256 };

typedef struct Fit {
  const Comm *comm;
  const Dataset *data;
  const Subset *rows;
  double weights; /* their sum */
  int threads;
} Fit;

static const float *sample(const Fit *fit, long s) {
  return dataset_sample(fit->data, (long)fit->rows->row[s]);
}

static double weight(const Fit *fit, long s) {
  return (double)fit->data->weight[fit->rows->row[s]];
}

/* ---- covariance ---- */

/* panel (n): factor (x - m) of the features that `id` (n) names. */
static void gather(double *panel, const Pca *pca, const float *x, double factor, const long *id,
                   long n) {
  for (long i = 0; i < n; i++) panel[i] = factor * ((double)x[id[i]] - pca->mean[id[i]]);
}

/* Samples from .. to - 1. left (PANEL, rows), right (PANEL, columns): room. */
static void add_panel(Eigen *eigen, const Pca *pca, const Fit *fit, long from, long to,
                      double *left, double *right) {
  EigenShare share = eigen_share(eigen);
#pragma omp parallel for num_threads(fit->threads) schedule(static)
  for (long s = from; s < to; s++) {
    const float *x = sample(fit, s);
    double w = weight(fit, s) / fit->weights;
    gather(left + (s - from) * share.rows, pca, x, w, share.row, share.rows);
    gather(right + (s - from) * share.columns, pca, x, 1, share.column, share.columns);
  }
  eigen_add(eigen, left, right, to - from, fit->threads);
}

/* Collective. Somebody was asked to stop. */
static bool stop_agreed(const Comm *comm) {
  uint32_t stop = stop_requested();
  comm_max_u32(comm, &stop, 1);
  return stop > 0;
}

static Err make_covariance(Eigen *eigen, const Pca *pca, const Fit *fit) {
  EigenShare share = eigen_share(eigen);
  double *left = MEM_NEW(double, "panels of samples", PANEL *share.rows + 1);
  double *right = MEM_NEW(double, "panels of samples", PANEL *share.columns + 1);
  long n = fit->rows->n;
  bool stop = false;
  progress_begin("covariance", (double)n, 10);
  for (long from = 0; from < n && !stop; from += PANEL) {
    long to = from + PANEL < n ? from + PANEL : n;
    add_panel(eigen, pca, fit, from, to, left, right);
    progress_at((double)to, "%ld samples", n);
    stop = stop_agreed(fit->comm);
  }
  progress_end(stop ? "stopped; the same command starts anew" : "%ld samples of %ld features", n,
               pca->dim);
  mem_free(&left);
  mem_free(&right);
  return stop ? ERR_STOPPED : OK;
}

/* ---- eigenvectors ---- */

/* Variance that rounding alone can make: of the samples, which are floats, and of the
 * eigenproblem, which knows its values to d epsilon of the largest. */
static double noise(const Pca *pca) {
  double square = pca->value[0];
  for (long i = 0; i < pca->dim; i++)
    square = fmax(square, pca->value[0] + pca->mean[i] * pca->mean[i]);
  return 0x1p-46 * square + 0x1p-52 * (double)pca->dim * pca->value[0];
}

static Err check_rank(const Pca *pca) {
  double least = noise(pca);
  long rank = 0;
  while (rank < pca->dim && pca->value[rank] > least) rank++;
  if (rank >= pca->components) return OK;
  return err_user("pca.components: found %ld, want at most %ld: the samples vary in no more "
                  "directions (other eigenvalues are below %.2g, what rounding makes)",
                  pca->components, rank, least);
}

/* A vector's sign is free: the first of its (nearly) largest elements becomes positive. */
static void orient(double *v, long n) {
  double largest = 0;
  long i = 0;
  for (long j = 0; j < n; j++) largest = fmax(largest, fabs(v[j]));
  while (fabs(v[i]) < (1 - 1e-6) * largest) i++;
  double sign = v[i] < 0 ? -1 : 1;
  for (long j = 0; j < n; j++) v[j] *= sign;
}

static Err solve(Eigen *eigen, Pca *pca) {
  eigen_values(eigen, pca->value);
  for (long i = 0; i < pca->dim; i++) {
    pca->value[i] = fmax(pca->value[i], 0);
    pca->total += pca->value[i];
  }
  TRY(check_rank(pca));
  eigen_vectors(eigen, pca->vector);
  for (long c = 0; c < pca->components; c++) orient(pca->vector + c * pca->dim, pca->dim);
  return OK;
}

/* ---- the whole ---- */

static Err check_sizes(const Pca *pca, const Fit *fit) {
  if (pca->components < 1 || pca->components > pca->dim)
    return err_user("pca.components: found %ld, want 1 to %ld, the number of features",
                    pca->components, pca->dim);
  if (fit->rows->n <= pca->components)
    return err_user("pca.components: found %ld, want fewer than the %ld samples to fit "
                    "(data.normal, data.train_limit)",
                    pca->components, fit->rows->n);
  if (!(fit->weights > 0))
    return err_user("data.weight: found weights that add up to %g, want a positive sum",
                    fit->weights);
  return OK;
}

static Err decompose(Pca *pca, const Fit *fit) {
  Eigen *eigen;
  TRY(eigen_new(&eigen, fit->comm, pca->dim, pca->components));
  EigenShare share = eigen_share(eigen);
  log_note("covariance of %ld features on a grid of %d x %d ranks, %.3g MB for each", pca->dim,
           share.grid[0], share.grid[1], 1e-6 * share.bytes);
  provenance_set("pca_grid", "%d x %d", share.grid[0], share.grid[1]);
  Err e = make_covariance(eigen, pca, fit);
  if (!e) e = solve(eigen, pca);
  eigen_free(&eigen);
  return e;
}

Err pca_fit(Pca *pca, const Comm *comm, const Dataset *data, const Subset *rows, long components,
            int threads) {
  Fit fit = {.comm = comm, .data = data, .rows = rows, .threads = threads};
  *pca = (Pca){.dim = shape_size(data->shape), .components = components};
  for (long s = 0; s < rows->n; s++) fit.weights += weight(&fit, s);
  TRY(check_sizes(pca, &fit));
  pca->mean = MEM_NEW(double, "principal components", pca->dim);
  pca->value = MEM_NEW(double, "principal components", pca->dim);
  pca->vector = MEM_NEW(double, "principal components", components * pca->dim);
  Err e = rows_mean(pca->mean, comm, data, rows);
  if (!e) e = decompose(pca, &fit);
  if (e) pca_free(pca);
  return e;
}

void pca_free(Pca *pca) {
  mem_free(&pca->mean);
  mem_free(&pca->value);
  mem_free(&pca->vector);
}
