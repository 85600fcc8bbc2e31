#include "eval/encode.h"

#include <math.h>
#include <string.h>

#include "eval/crew.h"
#include "eval/rowfile.h"
#include "num/elem.h"
#include "num/rows.h"
#include "num/sum.h"

/* Rows on their way into a file. */
typedef struct Job {
  Crew crew;
  RowFile file;
  size_t at_code, at_result, at_input, at_energy, at_squares, at_label; /* bytes into a record */
  bool with_input;
  Sum before, after; /* of this rank's squares */
  int64_t used;      /* rows in them */
} Job;

static const Dataset *data_of(const Job *job) { return &job->crew.rows.now; }
static bool has_label(const Job *job) { return data_of(job)->has_label; }
static bool is_paired(const Job *job) { return data_of(job)->target; }

static Err show(void *self, Range items) { return crew_show(&((Job *)self)->crew, items); }

static void put_label(const Job *job, char *record, long row) {
  if (has_label(job)) record[job->at_label] = (char)data_of(job)->label[row];
}

static void fill_nan(char *record, size_t at, long n) {
  float *to = (float *)(record + at);
  for (long i = 0; i < n; i++) to[i] = NAN;
}

static void add_label(Job *job) {
  if (has_label(job))
    job->at_label =
        rowfile_add(&job->file, (RowColumn){.name = "label",
                                            .type = ROW_INT8,
                                            .unit = "1",
                                            .about = "class of the input; -1: unknown"});
}

static void note_model(void *self, hid_t file) {
  const Job *job = self;
  h5_put_text(file, "objective", job->crew.model->objective);
  h5_put_text(file, "energy", job->crew.model->energy);
}

/* Collective. All rows, tile by tile, into the file. */
static Err run(Job *job, const Comm *comm, const char *what, const Fact *facts,
               void (*tile)(void *self, int thread, void *record, long first, int n),
               SweepTake *take, void *taker) {
  Sweep sweep = {.what = what,
                 .items = job->file.rows,
                 .size = job->file.size,
                 .threads = job->crew.threads,
                 .self = job,
                 .tile = tile,
                 .before = show};
  TRY(rowfile_begin(&job->file, facts, note_model, job));
  return rowfile_end(&job->file, sweep_stream(comm, &sweep, take, taker));
}

static void job_init(Job *job, const Comm *comm, const char *path, const char *format,
                     const Model *model, const RowsAsked *asked) {
  *job = (Job){0};
  job->file = rowfile_new(comm, path, format, asked->rows.to - asked->rows.from);
  crew_init_rows(&job->crew, model, asked);
}

/* ---- codes ---- */

static void encode_tile(void *self, int thread, void *record, long first, int n) {
  const Job *job = self;
  const Crew *crew = &job->crew;
  long row = job->crew.from + first, latent = shape_size(net_latent(crew->model->net));
  crew_fetch(crew, thread, row, n);
  recon_encode(crew->recon[thread], crew->z[thread], crew->x[thread]);
  crew_store(record, job->file.size, job->at_code, crew->z[thread], latent, n);
  for (int l = 0; l < n; l++) {
    char *mine = (char *)record + (size_t)l * job->file.size;
    if (!data_of(job)->ok[row + l]) fill_nan(mine, job->at_code, latent);
    put_label(job, mine, row + l);
  }
}

Err codes_save(const Comm *comm, const char *path, const Model *model, const RowsAsked *asked,
               const Fact *facts) {
  Job job;
  job_init(&job, comm, path, "jetnae codes", model, asked);
  job.at_code = rowfile_add(&job.file, (RowColumn){.name = "code",
                                                   .rank = 1,
                                                   .dims = {shape_size(net_latent(model->net))},
                                                   .axis = {"feature"},
                                                   .unit = "1",
                                                   .about = "code of the row; NaN: refused row"});
  add_label(&job);
  Err e = run(&job, comm, "encoding", facts, encode_tile, rowfile_take, &job.file);
  crew_free(&job.crew);
  return e;
}

/* ---- reconstructions ---- */

/* The distances of a tile's input and result to the clean samples. */
static void put_squares(const Job *job, int thread, char *record, const float *target, int n) {
  const Crew *crew = &job->crew;
  long dim = shape_size(crew->model->input);
  double before[L], after[L];
  rows()->squares(before, NULL, crew->x[thread], target, 0, dim);
  rows()->squares(after, NULL, crew->y[thread], target, 0, dim);
  for (int l = 0; l < n; l++) {
    double pair[2] = {before[l], after[l]};
    memcpy(record + (size_t)l * job->file.size + job->at_squares, pair, sizeof pair);
  }
}

/* A refused row. */
static void refuse(const Job *job, char *record) {
  const double none[2] = {NAN, NAN};
  long dim = shape_size(job->crew.model->input);
  fill_nan(record, job->at_result, dim);
  if (job->with_input) fill_nan(record, job->at_input, dim);
  if (is_paired(job)) memcpy(record + job->at_squares, none, sizeof none);
  memcpy(record + job->at_energy, none, sizeof *none);
}

static void reconstruct_tile(void *self, int thread, void *record, long first, int n) {
  const Job *job = self;
  const Crew *crew = &job->crew;
  const Dataset *data = data_of(job);
  const Net *net = crew->model->net;
  size_t size = job->file.size;
  long row = job->crew.from + first, dim = shape_size(net->input);
  float *x = crew->x[thread], *y = crew->y[thread];
  double e[L];
  float *target = crew_fetch(crew, thread, row, n);
  recon_reconstruct(crew->recon[thread], y, x);
  crew->recon[thread]->distance->eval(e, NULL, y, target, net->input);
  crew_restore(crew, y);
  if (job->with_input || is_paired(job)) crew_restore(crew, x);
  if (is_paired(job)) crew_restore(crew, target);
  crew_store(record, size, job->at_result, y, dim, n);
  if (job->with_input) crew_store(record, size, job->at_input, x, dim, n);
  if (is_paired(job)) put_squares(job, thread, record, target, n);
  for (int l = 0; l < n; l++) {
    char *mine = (char *)record + (size_t)l * size;
    memcpy(mine + job->at_energy, &e[l], sizeof e[l]);
    if (!data->ok[row + l]) refuse(job, mine);
    put_label(job, mine, row + l);
  }
}

/* Into the file, and into the sums. */
static Err take(void *self, const void *record, Range items) {
  Job *job = self;
  const char *at = (const char *)record + job->at_squares;
  for (long i = items.from; i < items.to && is_paired(job); i++, at += job->file.size) {
    double pair[2];
    memcpy(pair, at, sizeof pair);
    if (isnan(pair[0])) continue;
    sum_add(&job->before, pair[0]);
    sum_add(&job->after, pair[1]);
    job->used++;
  }
  sum_carry(&job->before), sum_carry(&job->after);
  return rowfile_take(&job->file, record, items);
}

/* Collective. */
static Cleaned sum_up(Job *job, const Comm *comm) {
  Cleaned cleaned = {.paired = is_paired(job)};
  comm_sum_i64(comm, job->before.digit, SUM_DIGITS);
  comm_sum_i64(comm, job->after.digit, SUM_DIGITS);
  comm_sum_i64(comm, &job->used, 1);
  double before = sum_value(&job->before), after = sum_value(&job->after);
  double numbers = (double)(job->used * shape_size(job->crew.model->input));
  cleaned.gain_db = 10 * elem_log(before / after) / elem_log(10);
  cleaned.before = before / numbers, cleaned.after = after / numbers;
  return cleaned;
}

static void add_columns(Job *job) {
  RowFile *file = &job->file;
  Shape shape = job->crew.model->input;
  job->at_result = rowfile_add(
      file, rowfile_sample("reconstruction", shape, "what the network makes of the row"));
  if (job->with_input)
    job->at_input =
        rowfile_add(file, rowfile_sample("input", shape, "the row that was reconstructed"));
  job->at_energy = rowfile_add(
      file, (RowColumn){.name = "energy",
                        .type = ROW_DOUBLE,
                        .unit = "1",
                        .about = "distance of the reconstruction to the row, or to its target"});
  if (is_paired(job))
    job->at_squares =
        rowfile_add(file, (RowColumn){.name = "squares",
                                      .type = ROW_DOUBLE,
                                      .rank = 1,
                                      .dims = {2},
                                      .axis = {"input, reconstruction"},
                                      .unit = "1",
                                      .about = "squared distances of both to the clean sample"});
  add_label(job);
}

Err reconstructions_save(const Comm *comm, const char *path, const Model *model,
                         const RowsAsked *asked, bool with_input, const Fact *facts,
                         Cleaned *cleaned) {
  Job job;
  job_init(&job, comm, path, "jetnae reconstructions", model, asked);
  job.with_input = with_input;
  add_columns(&job);
  Err e = run(&job, comm, "reconstructing", facts, reconstruct_tile, take, &job);
  if (!e) *cleaned = sum_up(&job, comm);
  crew_free(&job.crew);
  return e;
}
