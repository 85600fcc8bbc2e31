#include "jetnae.h"

#include <fenv.h>
#include <hdf5.h>
#include <math.h>
#include <pthread.h>

#include "base/mem.h"
#include "jetnae_config.h"
#include "lib/view_text.h"
#include "model/model.h"
#include "num/isa.h"
#include "obj/recon.h"

_Static_assert((int)JETNAE_OK == (int)OK && (int)JETNAE_ERROR == (int)ERR_USER, "codes");

struct JetnaeModel {
  Model model;
  Weights weights;
  const Distance *distance;
  ViewOpts view;
  bool jets; /* its samples can be made of jets */
};

struct JetnaeWorker {
  const JetnaeModel *model;
  Recon *recon;
  float *x, *y, *z; /* (dim, L), (dim, L), (code, L) */
};

/* Memory has a list of all arrays, HDF5 a state of its own: one thread at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

const char *jetnae_version(void) { return JETNAE_VERSION; }

const char *jetnae_message(void) { return err_message(); }

/* ---- models ---- */

/* A model of pixels or observables has a view, too, but of another shape. */
static bool made_of_jets(const Model *model, const ViewOpts *opts) {
  const View *view = view_find(opts->name);
  return (!view->check || !view->check(opts)) && shape_equal(view->shape(opts), model->input);
}

static Err complete(JetnaeModel *self) {
  Model *model = &self->model;
  self->distance = distance_find(model->energy);
  if (!self->distance)
    return err_user("energy: found %s, which this version does not know; use a newer libjetnae",
                    model->energy);
  TRY(distance_suits(self->distance, model->net));
  TRY(view_text_read(&self->view, model->config));
  self->jets = made_of_jets(model, &self->view);
  self->weights = weights_new(model->net);
  weights_make(&self->weights, model->net, model->w, NULL);
  return OK;
}

static void discard(JetnaeModel **model) {
  if (*model) {
    weights_free(&(*model)->weights);
    model_free(&(*model)->model);
  }
  mem_free(model);
}

/* Once: workers of other models may be at work. */
static Err choose_isa(void) {
  static bool chosen;
  if (!chosen) TRY(isa_use("auto"));
  chosen = true;
  return OK;
}

static Err load(JetnaeModel **model, const char *path) {
  TRY(choose_isa());
  *model = MEM_NEW(JetnaeModel, "model", 1);
  Err e = model_load(path, &(*model)->model);
  if (!e) e = err_where(complete(*model), "%s: ", path);
  if (e) discard(model);
  return e;
}

/* The program keeps its own way of printing HDF5's errors. */
int jetnae_load(JetnaeModel **model, const char *path) {
  H5E_auto2_t print;
  void *data;
  fenv_t host;
  *model = NULL;
  err_clear();
  fegetenv(&host);
  pthread_mutex_lock(&lock);
  isa_fp_control();
  H5Eget_auto2(H5E_DEFAULT, &print, &data);
  Err e = load(model, path);
  H5Eset_auto2(H5E_DEFAULT, print, data);
  pthread_mutex_unlock(&lock);
  fesetenv(&host);
  return e;
}

void jetnae_unload(JetnaeModel **model) {
  pthread_mutex_lock(&lock);
  discard(model);
  pthread_mutex_unlock(&lock);
}

void jetnae_sample_shape(const JetnaeModel *model, int shape[3]) {
  Shape s = model->model.input;
  shape[0] = s.c, shape[1] = s.h, shape[2] = s.w;
}

long jetnae_sample_size(const JetnaeModel *model) { return shape_size(model->model.input); }

long jetnae_code_size(const JetnaeModel *model) {
  return shape_size(net_latent(model->model.net));
}

const char *jetnae_features(const JetnaeModel *model) { return model->model.features; }

/* ---- workers ---- */

JetnaeWorker *jetnae_worker_new(const JetnaeModel *model) {
  pthread_mutex_lock(&lock);
  JetnaeWorker *worker = MEM_NEW(JetnaeWorker, "worker", 1);
  *worker = (JetnaeWorker){
      .model = model,
      .recon = recon_new(model->model.net, &model->weights, model->distance),
      .x = MEM_NEW(float, "worker", jetnae_sample_size(model) * L),
      .y = MEM_NEW(float, "worker", jetnae_sample_size(model) * L),
      .z = MEM_NEW(float, "worker", jetnae_code_size(model) * L),
  };
  pthread_mutex_unlock(&lock);
  return worker;
}

void jetnae_worker_free(JetnaeWorker **worker) {
  if (!*worker) return;
  pthread_mutex_lock(&lock);
  recon_free(&(*worker)->recon);
  mem_free(&(*worker)->x);
  mem_free(&(*worker)->y);
  mem_free(&(*worker)->z);
  mem_free(worker);
  pthread_mutex_unlock(&lock);
}

/* ---- tiles ---- */

/* The samples of one tile, standardised; lanes beyond the n samples hold copies. A sample that is
 * not finite goes in as zeros; returns one bit for each of them. */
static unsigned fill(JetnaeWorker *worker, const float *x, int n) {
  const Model *model = &worker->model->model;
  long dim = shape_size(model->input);
  unsigned bad = 0;
  for (int l = 0; l < L; l++) {
    const float *sample = x + (l < n ? l : 0) * dim;
    bool finite = true;
    for (long i = 0; i < dim; i++) finite &= isfinite(sample[i]) != 0;
    for (long i = 0; i < dim; i++) {
      float v = finite ? sample[i] : 0;
      worker->x[i * L + l] = model->mean && finite ? (v - model->mean[i]) / model->scale[i] : v;
    }
    if (!finite) bad |= 1u << l;
  }
  return bad;
}

/* The first n lanes of a tile (dim, L) as rows (n, dim). */
static void empty(float *row, const float *tile, long dim, int n, unsigned bad) {
  for (int l = 0; l < n; l++, row += dim)
    for (long i = 0; i < dim; i++) row[i] = bad >> l & 1 ? NAN : tile[i * L + l];
}

/* Undo standardisation. */
static void restore(const Model *model, float *x) {
  for (long i = 0; model->mean && i < shape_size(model->input) * L; i++)
    x[i] = (float)((double)x[i] * (double)model->scale[i / L] + (double)model->mean[i / L]);
}

/* What is done with worker->x: results of the first n lanes go to out, from sample `at` on. */
typedef void Pass(JetnaeWorker *worker, void *out, long at, int n, unsigned bad);

static void pass_score(JetnaeWorker *worker, void *out, long at, int n, unsigned bad) {
  double e[L], *energy = (double *)out + at;
  recon_energy(worker->recon, e, NULL, worker->x);
  for (int l = 0; l < n; l++) energy[l] = bad >> l & 1 ? NAN : e[l];
}

static void pass_encode(JetnaeWorker *worker, void *out, long at, int n, unsigned bad) {
  long dim = jetnae_code_size(worker->model);
  recon_encode(worker->recon, worker->z, worker->x);
  empty((float *)out + at * dim, worker->z, dim, n, bad);
}

static void pass_reconstruct(JetnaeWorker *worker, void *out, long at, int n, unsigned bad) {
  long dim = jetnae_sample_size(worker->model);
  const unsigned nothing = net_scalar(worker->model->model.net) ? ~0U : 0;
  recon_reconstruct(worker->recon, worker->y, worker->x);
  restore(&worker->model->model, worker->y);
  empty((float *)out + at * dim, worker->y, dim, n, bad | nothing);
}

/* All samples, tile by tile; the program's floating-point modes are as they were afterwards. */
static void run(JetnaeWorker *worker, Pass *pass, void *out, const float *x, long n) {
  long dim = jetnae_sample_size(worker->model);
  fenv_t host;
  fegetenv(&host);
  isa_fp_control();
  for (long at = 0; at < n; at += L) {
    int rows = n - at < L ? (int)(n - at) : L;
    unsigned bad = fill(worker, x + at * dim, rows);
    pass(worker, out, at, rows, bad);
  }
  fesetenv(&host);
}

void jetnae_score(JetnaeWorker *worker, double *energy, const float *x, long n) {
  run(worker, pass_score, energy, x, n);
}

void jetnae_encode(JetnaeWorker *worker, float *code, const float *x, long n) {
  run(worker, pass_encode, code, x, n);
}

void jetnae_reconstruct(JetnaeWorker *worker, float *y, const float *x, long n) {
  run(worker, pass_reconstruct, y, x, n);
}

/* ---- jets ---- */

static void see(const JetnaeModel *model, float *x, const float *p4, int slots) {
  Jet jet = {.p4 = p4, .slots = slots, .mass_gev = (float)jet_mass_gev(p4, slots)};
  long dim = jetnae_sample_size(model);
  if (view_find(model->view.name)->make(x, &jet, &model->view) == JET_OK) return;
  for (long i = 0; i < dim; i++) x[i] = NAN;
}

int jetnae_jets(const JetnaeModel *model, float *x, const float *p4, int slots, long n) {
  if (!model->jets)
    return err_user("the model's samples of %d x %d x %d are not made of jets; want samples as "
                    "it was trained on",
                    model->model.input.c, model->model.input.h, model->model.input.w);
  if (slots < 1 || slots > JET_SLOTS_MOST)
    return err_user("found %d constituents per jet, want 1 to %d", slots, JET_SLOTS_MOST);
  fenv_t host;
  fegetenv(&host);
  isa_fp_control();
  for (long i = 0; i < n; i++)
    see(model, x + i * jetnae_sample_size(model), p4 + i * slots * 4, slots);
  fesetenv(&host);
  return OK;
}
