#include "eval/evidence.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "eval/crew.h"
#include "eval/score.h"
#include "par/sweep.h"

enum { BASE_ROWS = 10000 };
/* Smallest scale of a feature, in units of the largest: pixels that are always dark have none. */
static const double LEAST_SCALE = 1e-3;

typedef struct Job {
  Crew crew;
  Energy *energy; /* (threads) */
  Anneal *anneal; /* (threads) */
  float *mean, *scale;
} Job;

static void model_energy(void *recon, double e[L], float *dx, const float *x) {
  recon_energy(recon, e, dx, x);
}

/* Mean and sum of squared deviations of each feature over the rows, in their order. Source:
 * Welford, Technometrics 4 (1962). */
static long add_rows(const Job *job, const Dataset *data, Range rows, double *mean,
                     double *square) {
  const float *x = job->crew.x[0];
  long used = 0, dim = shape_size(job->crew.model->input);
  for (long row = rows.from; row < rows.to && used < BASE_ROWS; row++) {
    if (!data->ok[row]) continue;
    crew_fetch(&job->crew, 0, data, row, 1);
    used++;
    for (long i = 0; i < dim; i++) {
      double d = (double)x[L * i] - mean[i];
      mean[i] += d / (double)used;
      square[i] += d * ((double)x[L * i] - mean[i]);
    }
  }
  return used;
}

static void fit_base(Job *job, const Dataset *data, Range rows) {
  long dim = shape_size(job->crew.model->input);
  double *mean = MEM_NEW(double, "base", dim), *square = MEM_NEW(double, "base", dim), most = 0;
  long used = add_rows(job, data, rows, mean, square);
  for (long i = 0; i < dim; i++) {
    square[i] = used > 1 ? sqrt(square[i] / (double)(used - 1)) : 0;
    most = square[i] > most ? square[i] : most;
  }
  if (!(most > 0)) most = 1 / LEAST_SCALE;
  for (long i = 0; i < dim; i++) {
    job->mean[i] = (float)mean[i];
    job->scale[i] = (float)(square[i] > LEAST_SCALE * most ? square[i] : LEAST_SCALE * most);
  }
  mem_free(&mean);
  mem_free(&square);
}

/* One pilot; every thread takes its ladder. */
static void hands_init(Job *job, const EvidenceOpts *opts) {
  job->energy = MEM_NEW(Energy, "evidence", opts->threads);
  job->anneal = MEM_NEW(Anneal, "evidence", opts->threads);
  for (int t = 0; t < opts->threads; t++) {
    job->energy[t] =
        (Energy){shape_size(job->crew.model->input), model_energy, job->crew.recon[t]};
    job->anneal[t] = anneal_new(&(AnnealOpts){.energy = &job->energy[t],
                                              .temperature = opts->temperature,
                                              .mean = job->mean,
                                              .scale = job->scale,
                                              .rungs = opts->rungs,
                                              .transitions = opts->transitions,
                                              .seed = opts->seed});
  }
  anneal_pilot(&job->anneal[0]);
  for (int t = 1; t < opts->threads; t++) {
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
  for (int t = 0; t < job->crew.threads; t++) anneal_free(&job->anneal[t]);
  mem_free(&job->anneal);
  mem_free(&job->energy);
  mem_free(&job->mean);
  mem_free(&job->scale);
  crew_free(&job->crew);
}

/* On rank 0. The error of the mean energy and that of log Omega are independent. */
static Held judge(const Scores *scores, double temperature, const Evidence *evidence) {
  Held held = {0};
  double square = 0;
  for (long i = 0; i < scores->rows; i++) {
    if (!isfinite(scores->energy[i])) continue;
    double d = scores->energy[i] - held.energy;
    held.energy += d / (double)++held.rows;
    square += d * (scores->energy[i] - held.energy);
  }
  double n = (double)held.rows, own = square / (n * (n - 1)) / (temperature * temperature);
  held.log_likelihood = -held.energy / temperature - evidence->log_omega;
  held.error = sqrt(own + evidence->error * evidence->error);
  return held;
}

void evidence_compute(const Comm *comm, const Model *model, const Dataset *data, Range rows,
                      const EvidenceOpts *opts, Evidence *evidence, Held *held) {
  long dim = shape_size(model->input);
  Job job = {.mean = MEM_NEW(float, "base", dim), .scale = MEM_NEW(float, "base", dim)};
  Sweep sweep = {.what = "annealing",
                 .items = opts->chains,
                 .size = sizeof(double),
                 .threads = opts->threads,
                 .self = &job,
                 .tile = weigh_tile};
  crew_init(&job.crew, model, opts->threads);
  fit_base(&job, data, rows);
  hands_init(&job, opts);
  double *log_w = sweep_gather(comm, &sweep);
  Scores scores = scores_compute(comm, model, data, rows.from, rows.to, opts->threads);
  if (log_w) {
    *evidence = anneal_evidence(log_w, opts->chains, anneal_base(&job.anneal[0]));
    *held = judge(&scores, opts->temperature, evidence);
  }
  scores_free(&scores);
  mem_free(&log_w);
  job_free(&job);
}
