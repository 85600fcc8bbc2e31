#include "eval/evidence.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/whole.h"
#include "data/classes.h"
#include "eval/score.h"
#include "mcmc/anneal.h"
#include "par/sweep.h"

enum { BASE_ROWS = 10000 };
/* Smallest scale of a feature, in units of the largest: pixels that are always dark have none. */
static const double LEAST_SCALE = 1e-3;
/* The base's deviations over the rows', at least: a model with more tails than its base makes heavy
 * weights. */
static const double WIDER = 1.5;

typedef struct Job {
  Crew crew;
  Energy *energy; /* (threads) */
  Anneal *anneal; /* (threads) */
  float *mean, *scale;
} Job;

/* Rows without labels all are. */
static bool is_normal(const Dataset *data, long row, int normal) {
  return !data->has_label || class_chosen(normal, data->label[row]);
}

static Err want_normal(const RowsAsked *asked, int normal) {
  char classes[32];
  for (long row = asked->rows.from; row < asked->rows.to; row++)
    if (asked->data->ok[row] && is_normal(asked->data, row, normal)) return OK;
  classes_text(classes, normal);
  return err_user("data.normal: found no row of %s among %ld, want held-out rows of what the model "
                  "was trained on, or data.normal=all",
                  classes, asked->rows.to - asked->rows.from);
}

double evidence_thermal(const Model *model, double temperature) {
  return net_scalar(model->net) ? 0 : (double)shape_size(model->input) * temperature / 2;
}

/* Mean and sum of squared deviations of each feature. Source: Welford, Technometrics 4 (1962). */
typedef struct Moments {
  long used, dim;
  double *mean, *square; /* (dim) */
} Moments;

static void add_row(Moments *m, const float *x) {
  m->used++;
  for (long i = 0; i < m->dim; i++) {
    double d = (double)x[i] - m->mean[i];
    m->mean[i] += d / (double)m->used;
    m->square[i] += d * ((double)x[i] - m->mean[i]);
  }
}

/* The first normal rows, in their order. */
static Err add_rows(Moments *m, const RowsAsked *asked, int normal) {
  enum { AT_ONCE = 512 };
  Passing rows;
  Err e = OK;
  passing_init(&rows, asked->data, AT_ONCE);
  for (long from = asked->rows.from; from < asked->rows.to && m->used < BASE_ROWS && !e;
       from += AT_ONCE) {
    Range block = {from, whole_min(from + AT_ONCE, asked->rows.to)};
    e = passing_show(&rows, block, asked->threads);
    for (long row = block.from; row < block.to && m->used < BASE_ROWS && !e; row++)
      if (rows.now.ok[row] && is_normal(&rows.now, row, normal))
        add_row(m, dataset_sample(&rows.now, row));
  }
  passing_free(&rows);
  return e;
}

/* The base's deviation for a feature of these moments. */
static double width(const Moments *m, long i, double warm) {
  double own = m->used > 1 ? m->square[i] / (double)(m->used - 1) : 0;
  return sqrt(fmax(WIDER * WIDER * own, own + warm));
}

static void set_base(Job *job, const Moments *m, double warm) {
  double most = 0;
  for (long i = 0; i < m->dim; i++) most = fmax(most, width(m, i, warm));
  double least = most > 0 ? LEAST_SCALE * most : 1;
  for (long i = 0; i < m->dim; i++) {
    job->mean[i] = (float)m->mean[i];
    job->scale[i] = (float)fmax(width(m, i, warm), least);
  }
}

static Err fit_base(Job *job, const RowsAsked *asked, const EvidenceOpts *opts) {
  long dim = shape_size(job->crew.model->input);
  Moments m = {.dim = dim,
               .mean = MEM_NEW(double, "base", dim),
               .square = MEM_NEW(double, "base", dim)};
  Err e = add_rows(&m, asked, opts->normal);
  set_base(job, &m, evidence_thermal(job->crew.model, opts->temperature));
  mem_free(&m.mean);
  mem_free(&m.square);
  return e;
}

/* One pilot; every thread takes its ladder. */
static void hands_init(Job *job, const EvidenceOpts *opts) {
  job->energy = MEM_NEW(Energy, "evidence", job->crew.threads);
  job->anneal = MEM_NEW(Anneal, "evidence", job->crew.threads);
  for (int t = 0; t < job->crew.threads; t++) {
    job->energy[t] = recon_visible(job->crew.recon[t]);
    job->anneal[t] = anneal_new(&(AnnealOpts){.energy = &job->energy[t],
                                              .temperature = opts->temperature,
                                              .mean = job->mean,
                                              .scale = job->scale,
                                              .rungs = opts->rungs,
                                              .transitions = opts->transitions,
                                              .seed = opts->seed});
  }
  anneal_pilot(&job->anneal[0]);
  for (int t = 1; t < job->crew.threads; t++) {
    size_t bytes = ((size_t)opts->rungs + 1) * sizeof(double);
    memcpy(job->anneal[t].b, job->anneal[0].b, bytes);
    memcpy(job->anneal[t].step, job->anneal[0].step, bytes);
  }
}

static void weigh_tile(void *self, int thread, void *record, long first, int n) {
  Job *job = self;
  double log_w[L];
  anneal_weigh(&job->anneal[thread], log_w, (uint64_t)first);
  memcpy(record, log_w, (size_t)n * sizeof *log_w);
}

static void job_free(Job *job) {
  for (int t = 0; job->anneal && t < job->crew.threads; t++) anneal_free(&job->anneal[t]);
  mem_free(&job->anneal);
  mem_free(&job->energy);
  mem_free(&job->mean);
  mem_free(&job->scale);
  crew_free(&job->crew);
}

/* On rank 0. The error of the mean energy and that of log Omega are independent. */
static Held judge(const Scores *scores, const RowsAsked *asked, const EvidenceOpts *opts,
                  const Evidence *evidence) {
  Held held = {0};
  double square = 0, temperature = opts->temperature;
  for (long i = 0; i < scores->rows; i++) {
    if (!isfinite(scores->energy[i])) continue;
    if (!is_normal(asked->data, asked->rows.from + i, opts->normal)) continue;
    double d = scores->energy[i] - held.energy;
    held.energy += d / (double)++held.rows;
    square += d * (scores->energy[i] - held.energy);
  }
  double n = (double)held.rows;
  double own = n > 1 ? square / (n * (n - 1)) / (temperature * temperature) : 0;
  held.log_likelihood = -held.energy / temperature - evidence->log_omega;
  held.error = sqrt(own + evidence->error * evidence->error);
  return held;
}

/* Collective. The weights of all chains, on rank 0. */
static Err anneal(Job *job, double **log_w, const Comm *comm, const EvidenceOpts *opts) {
  void *weights = NULL;
  Sweep sweep = {.what = "annealing",
                 .unit = "chains",
                 .wave = 1, /* a tile takes long */
                 .items = opts->chains,
                 .size = sizeof(double),
                 .threads = job->crew.threads,
                 .self = job,
                 .tile = weigh_tile};
  hands_init(job, opts);
  Err e = sweep_gather(&weights, comm, &sweep);
  *log_w = weights;
  return e;
}

Err evidence_compute(const Comm *comm, const Model *model, const RowsAsked *asked,
                     const EvidenceOpts *opts, Evidence *evidence, Held *held) {
  TRY(comm_agree(comm, want_normal(asked, opts->normal)));
  long dim = shape_size(model->input);
  double *log_w = NULL;
  Scores scores = {0};
  Job job = {.mean = MEM_NEW(float, "base", dim), .scale = MEM_NEW(float, "base", dim)};
  crew_init(&job.crew, model, asked->threads);
  Err e = comm_agree(comm, fit_base(&job, asked, opts));
  if (!e) e = anneal(&job, &log_w, comm, opts);
  if (!e) e = scores_compute(&scores, comm, model, asked);
  if (!e && log_w) {
    *evidence = importance_evidence(log_w, opts->chains, anneal_base(&job.anneal[0]));
    *held = judge(&scores, asked, opts, evidence);
  }
  scores_free(&scores);
  mem_free(&log_w);
  job_free(&job);
  return e;
}
