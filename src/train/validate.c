#include "train/validate.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The rows that stand for the normal class: held-out ones, else those trained on. */
static const Subset *normal_rows(const TrainInput *input) {
  return input->valid.n > 0 ? &input->valid : &input->train;
}

static const Dataset *normal_data(const TrainInput *input) {
  return input->valid.n > 0 ? input->valid_data : input->data;
}

Validator *validator_new(Stepper *stepper) {
  Validator *v = MEM_NEW(Validator, "validation", 1);
  *v = (Validator){.stepper = stepper,
                   .n_valid = normal_rows(stepper->input)->n,
                   .n_signal = stepper->input->signal.n};
  long tiles = tile_count(v->n_valid) + tile_count(v->n_signal);
  v->energy = MEM_NEW(double, "validation", tiles *L);
  v->order = MEM_NEW(long, "validation", v->n_valid + v->n_signal);
  return v;
}

void validator_free(Validator **validator) {
  if (!*validator) return;
  mem_free(&(*validator)->energy);
  mem_free(&(*validator)->order);
  mem_free(validator);
}

/* Energies (L) of tile t of a subset; lanes past its end repeat lane 0. */
static void tile_energy(Worker *worker, const Dataset *data, const Subset *subset, long t,
                        double e[L]) {
  long row[L];
  float weight[L];
  for (int l = 0; l < L; l++) row[l] = t * L + l < subset->n ? (long)subset->row[t * L + l] : -1;
  dataset_tile(data, worker->x[0], weight, row);
  recon_energy(worker->recon, e, NULL, worker->x[0]);
}

/* All energies of normal and signal samples, each by one rank and one thread, on every rank. */
static void energies(Validator *v) {
  const Stepper *s = v->stepper;
  const TrainInput *input = s->input;
  long normal = tile_count(v->n_valid), all = normal + tile_count(v->n_signal);
  Range mine = range_of(all, comm_rank(s->comm), comm_size(s->comm));
  memset(v->energy, 0, (size_t)(all * L) * sizeof *v->energy);
#pragma omp parallel num_threads(s->threads)
  {
    isa_fp_control();
    Worker *worker = &s->worker[omp_get_thread_num()];
#pragma omp for schedule(dynamic, 1)
    for (long t = mine.from; t < mine.to; t++) {
      double *e = v->energy + t * L;
      if (t < normal)
        tile_energy(worker, normal_data(input), normal_rows(input), t, e);
      else
        tile_energy(worker, input->valid_data, &input->signal, t - normal, e);
    }
  }
  comm_join(s->comm, v->energy, (size_t)(all * L));
}

static double mean_energy(const Validator *v) {
  const Dataset *data = normal_data(v->stepper->input);
  const Subset *subset = normal_rows(v->stepper->input);
  double sum = 0, weights = 0;
  for (long i = 0; i < v->n_valid; i++) {
    double weight = data->has_weight ? (double)data->weight[subset->row[i]] : 1;
    sum += weight * v->energy[i];
    weights += weight;
  }
  return sum / weights;
}

typedef struct Pooled {
  const double *a, *b;
  long n_a;
} Pooled;

static double pooled_at(const Pooled *pooled, long i) {
  return i < pooled->n_a ? pooled->a[i] : pooled->b[i - pooled->n_a];
}

static int by_value(const void *left, const void *right, void *context) {
  long i = *(const long *)left, k = *(const long *)right;
  double x = pooled_at(context, i), y = pooled_at(context, k);
  if (x < y) return -1;
  if (x > y) return 1;
  return (i > k) - (i < k);
}

double auc_of(const double *a, long n_a, const double *b, long n_b, long *scratch) {
  Pooled pooled = {a, b, n_a};
  long n = n_a + n_b, below = 0;
  int64_t twice = 0; /* 2 wins + ties */
  for (long i = 0; i < n; i++) {
    if (isnan(pooled_at(&pooled, i))) return NAN;
    scratch[i] = i;
  }
  qsort_r(scratch, (size_t)n, sizeof *scratch, by_value, &pooled);
  for (long i = 0; i < n;) {
    long in_a = 0, in_b = 0;
    double value = pooled_at(&pooled, scratch[i]);
    for (; i < n && pooled_at(&pooled, scratch[i]) == value; i++)
      scratch[i] < n_a ? in_a++ : in_b++;
    twice += in_b * (2 * below + in_a);
    below += in_a;
  }
  return (double)twice / (2 * (double)n_a * (double)n_b);
}

Validation validate(Validator *v) {
  energies(v);
  Validation out = {.plus = mean_energy(v), .auc = NAN};
  const double *signal = v->energy + tile_count(v->n_valid) * L;
  if (v->n_signal > 0) out.auc = auc_of(v->energy, v->n_valid, signal, v->n_signal, v->order);
  return out;
}

double select_metric(const TrainOpts *opts, Phase phase, const Validation *validation,
                     double minus) {
  if (opts->select == SELECT_AUC) return -validation->auc;
  if (opts->select == SELECT_GAP && phase == PHASE_NAE) return fabs(validation->plus - minus);
  return validation->plus;
}
