#include "eval/sample.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "eval/crew.h"
#include "eval/rowfile.h"
#include "num/rows.h"

/* Half the side of a grid, in standard deviations of the prior. */
#define GRID_REACH 2.0

/* One thread's. */
typedef struct Hand {
  Negative *negative; /* NAE */
  Replay replay;      /* one slot for each chain of a tile: empty at first, then its result */
  float *other;       /* (latent, L) the far end of a line */
  int64_t count[4];   /* proposed and accepted of z, of x */
} Hand;

typedef struct Job {
  Crew crew;
  const SampleOpts *opts;
  NegativeOpts chains;
  Hand *hand; /* (threads) */
  RowFile file;
  size_t at_x, at_latent, at_z, at_energy; /* bytes into a record */
} Job;

static long latent_of(const Job *job) { return shape_size(net_latent(job->crew.model->net)); }

/* Chains of pcd start in x and know no code. */
static bool in_x(const Job *job) { return job->opts->chains && job->chains.mode == NEG_PCD; }

static long rows_of(const SampleOpts *opts) {
  long steps = opts->walk_steps;
  if (opts->walk == WALK_GRID) return steps * steps;
  return opts->walk == WALK_LINE ? opts->count * steps : opts->count;
}

/* ---- codes of a prior ---- */

static void prior(const Job *job, float *z, const uint64_t id[L]) {
  rows()->normals(z, rng_key(job->opts->seed, RNG_SAMPLE), id, 0, latent_of(job));
}

static void draw_prior(const Job *job, float *z, long first) {
  uint64_t id[L];
  for (int l = 0; l < L; l++) id[l] = (uint64_t)(first + l);
  prior(job, z, id);
}

/* 0 at the first of n steps, 1 at the last. */
static double share(long step, int n) { return n > 1 ? (double)step / (double)(n - 1) : 0; }

static void draw_line(const Job *job, float *z, float *other, long first) {
  int steps = job->opts->walk_steps;
  uint64_t from[L], to[L];
  for (int l = 0; l < L; l++) {
    from[l] = 2 * (uint64_t)((first + l) / steps);
    to[l] = from[l] + 1;
  }
  prior(job, z, from);
  prior(job, other, to);
  for (long i = 0; i < latent_of(job) * L; i++) {
    double s = share((first + i % L) % steps, steps);
    z[i] = (float)((1 - s) * (double)z[i] + s * (double)other[i]);
  }
}

static void draw_grid(const Job *job, float *z, long first) {
  int steps = job->opts->walk_steps;
  memset(z, 0, (size_t)latent_of(job) * L * sizeof *z);
  for (int l = 0; l < L; l++) {
    long column = (first + l) % steps, row = (first + l) / steps;
    z[l] = (float)(GRID_REACH * (2 * share(column, steps) - 1));
    if (latent_of(job) > 1) z[L + l] = (float)(GRID_REACH * (2 * share(row, steps) - 1));
  }
}

static void decode_tile(void *self, int thread, void *record, long first, int n) {
  Job *job = self;
  Crew *crew = &job->crew;
  float *z = crew->z[thread], *x = crew->x[thread];
  double e[L];
  if (job->opts->walk == WALK_LINE)
    draw_line(job, z, job->hand[thread].other, first);
  else if (job->opts->walk == WALK_GRID)
    draw_grid(job, z, first);
  else
    draw_prior(job, z, first);
  recon_decode(crew->recon[thread], x, z);
  recon_energy(crew->recon[thread], e, NULL, x);
  crew_restore(crew, x);
  crew_store(record, job->file.size, job->at_z, z, latent_of(job), n);
  crew_store(record, job->file.size, job->at_x, x, shape_size(crew->model->input), n);
  for (int l = 0; l < n; l++)
    memcpy((char *)record + (size_t)l * job->file.size + job->at_energy, &e[l], sizeof e[l]);
}

/* ---- chains ---- */

/* The replay slots of a tile's chains, empty: every chain starts fresh. */
static void empty_slots(Replay *replay, long first) {
  replay->chain_from = first;
  memset(replay->fill, 0, L);
  memset(replay->next, 0, L);
}

static void count(Hand *hand, const NegativeStats *stats) {
  hand->count[0] += stats->z.proposed, hand->count[1] += stats->z.accepted;
  hand->count[2] += stats->x.proposed, hand->count[3] += stats->x.accepted;
}

/* What the latent chains ended with, which is what their slots remember. */
static void store_latent(Job *job, int thread, void *record, int n) {
  Crew *crew = &job->crew;
  long dim = shape_size(crew->model->input), latent = latent_of(job);
  size_t size = job->file.size;
  for (long i = 0; i < latent * L; i++)
    crew->z[thread][i] = job->hand[thread].replay.state[i % L * latent + i / L];
  recon_decode(crew->recon[thread], crew->y[thread], crew->z[thread]);
  crew_restore(crew, crew->y[thread]);
  crew_store(record, size, job->at_z, crew->z[thread], latent, n);
  crew_store(record, size, job->at_latent, crew->y[thread], dim, n);
}

static void chain_tile(void *self, int thread, void *record, long first, int n) {
  Job *job = self;
  Crew *crew = &job->crew;
  Hand *hand = &job->hand[thread];
  NegativeStats stats;
  size_t size = job->file.size;
  empty_slots(&hand->replay, first);
  negative_tile(hand->negative, &job->chains, &hand->replay, crew->x[thread], first, 0, &stats);
  if (!in_x(job)) store_latent(job, thread, record, n);
  crew_restore(crew, crew->x[thread]);
  crew_store(record, size, job->at_x, crew->x[thread], shape_size(crew->model->input), n);
  for (int l = 0; l < n; l++)
    memcpy((char *)record + (size_t)l * size + job->at_energy, &stats.x.last[l], sizeof(double));
  count(hand, &stats);
}

/* Random numbers that are not those of the training's first step. */
static uint64_t chain_seed(uint64_t seed) {
  uint32_t word[4];
  rng_bits(word, rng_key(seed, RNG_SAMPLE), 0, 0, 0);
  return (uint64_t)word[0] << 32 | word[1];
}

/* ---- all of it ---- */

static void hands_init(Job *job, const Model *model) {
  job->hand = MEM_NEW(Hand, "sampling", job->crew.threads);
  for (int t = 0; t < job->crew.threads; t++) {
    Hand *hand = &job->hand[t];
    if (job->opts->chains) {
      hand->negative =
          negative_new(model->net, &job->crew.weights, distance_find(model->energy), NULL);
      hand->replay = replay_new(0, L, 1, in_x(job) ? shape_size(model->input) : latent_of(job));
    } else {
      hand->other = MEM_NEW(float, "sampling", latent_of(job) * L);
    }
  }
}

static void hands_free(Job *job) {
  for (int t = 0; t < job->crew.threads; t++) {
    negative_free(&job->hand[t].negative);
    replay_free(&job->hand[t].replay);
    mem_free(&job->hand[t].other);
  }
  mem_free(&job->hand);
}

static void add_columns(Job *job) {
  Shape shape = job->crew.model->input;
  RowFile *file = &job->file;
  bool chains = job->opts->chains;
  job->at_x = rowfile_add(
      file,
      rowfile_sample("x", shape, chains ? "ends of the visible chains" : "decoded samples"));
  if (chains && !in_x(job))
    job->at_latent =
        rowfile_add(file, rowfile_sample("x_latent", shape, "decoded ends of the latent chains"));
  if (!in_x(job))
    job->at_z = rowfile_add(file, (RowColumn){.name = "z",
                                              .rank = 1,
                                              .dims = {latent_of(job)},
                                              .axis = {"feature"},
                                              .unit = "1",
                                              .about = "codes of the samples, before decoding"});
  job->at_energy = rowfile_add(file, (RowColumn){.name = "energy",
                                                 .type = ROW_DOUBLE,
                                                 .unit = "1",
                                                 .about = "energy of x under the model"});
}

static void note(void *self, hid_t file) {
  static const char *const walk[] = {"none", "line", "grid"};
  const Job *job = self;
  h5_put_text(file, "objective", job->crew.model->objective);
  h5_put_text(file, "walk", walk[job->opts->walk]);
  if (!job->opts->chains) return;
  h5_put_real(file, "temperature", job->chains.x.temperature);
  h5_put_int(file, "x_steps", job->chains.x.steps);
  if (in_x(job)) return;
  h5_put_real(file, "z_temperature", job->chains.z.temperature);
  h5_put_int(file, "z_steps", job->chains.z.steps);
}

/* Collective. */
static Sampled sum_up(const Job *job, const Comm *comm) {
  int64_t all[4] = {0};
  for (int t = 0; t < job->crew.threads; t++)
    for (int i = 0; i < 4; i++) all[i] += job->hand[t].count[i];
  comm_sum_i64(comm, all, 4);
  return (Sampled){.rows = job->file.rows,
                   .z_accepted = all[0] ? (double)all[1] / (double)all[0] : NAN,
                   .x_accepted = all[2] ? (double)all[3] / (double)all[2] : NAN};
}

Err samples_save(const Comm *comm, const char *path, const Model *model, const SampleOpts *opts,
                 const Fact *facts, Sampled *sampled) {
  Job job = {.opts = opts, .file = rowfile_new(comm, path, "jetnae samples", rows_of(opts))};
  crew_init(&job.crew, model, opts->threads);
  if (opts->chains) job.chains = *opts->chains, job.chains.seed = chain_seed(opts->seed);
  hands_init(&job, model);
  add_columns(&job);
  Sweep sweep = {.what = "sampling",
                 .items = job.file.rows,
                 .size = job.file.size,
                 .threads = opts->threads,
                 .self = &job,
                 .tile = opts->chains ? chain_tile : decode_tile};
  Err e = rowfile_begin(&job.file, facts, note, &job);
  if (!e) e = rowfile_end(&job.file, sweep_stream(comm, &sweep, rowfile_take, &job.file));
  if (!e) *sampled = sum_up(&job, comm);
  hands_free(&job);
  crew_free(&job.crew);
  return e;
}
