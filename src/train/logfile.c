#include "train/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "train/optimizer.h"
#include "train/temperature.h"

enum { CELLS = 48, LINE = 2048 };

struct LogFile {
  int fd;
  char path[RUNDIR_PATH];
  char line[LINE];
  Events *events; /* NULL: none */
};

/* One column: its name and this row's value; NaN is left empty. */
typedef struct Cell {
  const char *name, *text; /* text: in place of the number */
  double value;
} Cell;

static double ratio(int64_t part, int64_t whole) {
  return whole > 0 ? (double)part / (double)whole : NAN;
}

static double norm_of(const float *w, size_t n) { return sqrt(sum_squares(w, n)); }

static int step_cells(Cell *cell, const State *state, const TrainOpts *opts,
                      const StepReport *report) {
  bool nae = state->at.phase == PHASE_NAE;
  bool any_sign = distance_find(opts->energy)->scalar;
  double minus = nae ? report->minus : NAN;
  int k = 0;
  cell[k++] = (Cell){"step", NULL, (double)state->at.step};
  cell[k++] = (Cell){"epoch", NULL, (double)state->at.epoch};
  cell[k++] = (Cell){"phase", nae ? "nae" : "ae", 0};
  cell[k++] = (Cell){"e_plus", NULL, report->plus};
  cell[k++] = (Cell){"e_minus", NULL, minus};
  cell[k++] = (Cell){"loss", NULL, report->loss};
  cell[k++] = (Cell){"rate", NULL, report->rate};
  cell[k++] = (Cell){"temperature", NULL, nae ? state->now.temperature : NAN};
  cell[k++] = (Cell){"gradient_norm", NULL, report->gradient_norm};
  cell[k++] = (Cell){"e_ratio", NULL, any_sign ? NAN : minus / report->plus};
  cell[k++] = (Cell){"wasserstein", NULL, report->wasserstein};
  cell[k++] = (Cell){"penalty", NULL, report->penalty};
  cell[k++] = (Cell){"code_mean", NULL, report->code_mean};
  cell[k++] = (Cell){"code_active", NULL, report->code_active};
  return k;
}

/* Sampler health; of a chain without steps there is none. */
static int chain_cells(Cell *cell, const State *state, const TrainOpts *opts,
                       const StepReport *report) {
  bool nae = state->at.phase == PHASE_NAE;
  const int64_t *count = report->count;
  double z[2] = {NAN, NAN}, x[2] = {NAN, NAN}, z_step = NAN, x_step = NAN;
  int k = 0;
  if (nae) {
    NegativeOpts chains = negative_opts(opts, state->net, &state->now);
    if (chains.x.steps > 0) {
      nominal_temperature(&chains.x, chains.x_sampler, &x[0], &x[1]);
      x_step = chains.x.step;
    }
    if (negative_latent(chains.mode) && chains.z.steps > 0) {
      nominal_temperature(&chains.z, chains.z_sampler, &z[0], &z[1]);
      z_step = chains.z.step;
    }
  }
  cell[k++] = (Cell){"z_temperature_first", NULL, z[0]};
  cell[k++] = (Cell){"z_temperature_last", NULL, z[1]};
  cell[k++] = (Cell){"x_temperature_first", NULL, x[0]};
  cell[k++] = (Cell){"x_temperature_last", NULL, x[1]};
  cell[k++] = (Cell){"z_step", NULL, z_step};
  cell[k++] = (Cell){"x_step", NULL, x_step};
  cell[k++] = (Cell){"z_accepted", NULL, ratio(count[COUNT_Z_ACCEPTED], count[COUNT_Z_PROPOSED])};
  cell[k++] = (Cell){"x_accepted", NULL, ratio(count[COUNT_X_ACCEPTED], count[COUNT_X_PROPOSED])};
  cell[k++] = (Cell){"z_clipped", NULL, ratio(count[COUNT_Z_CLIPPED], count[COUNT_Z_GRADIENTS])};
  cell[k++] = (Cell){"x_clipped", NULL, ratio(count[COUNT_X_CLIPPED], count[COUNT_X_GRADIENTS])};
  cell[k++] = (Cell){"at_bound", NULL, ratio(count[COUNT_AT_BOUND], count[COUNT_VALUES])};
  cell[k++] =
      (Cell){"replay_age", NULL, ratio(count[COUNT_REPLAY_AGE], count[COUNT_REPLAY_FILLED])};
  cell[k++] =
      (Cell){"replay_diversity", NULL, count[COUNT_REPLAY_FILLED] > 0 ? report->diversity : NAN};
  return k;
}

static int model_cells(Cell *cell, const State *state, const StepReport *report,
                       const Validation *validation) {
  size_t n = state->net->n_params, encoder = encoder_params(state->net);
  int k = 0;
  cell[k++] = (Cell){"norm_encoder", NULL, norm_of(state->now.w, encoder)};
  cell[k++] = (Cell){"norm_decoder", NULL, norm_of(state->now.w + encoder, n - encoder)};
  cell[k++] = (Cell){"below_epsilon", NULL, report->below_epsilon};
  cell[k++] = (Cell){"rollbacks", NULL, (double)state->watch.rollbacks};
  cell[k++] = (Cell){"valid_e_plus", NULL, validation->plus};
  cell[k++] = (Cell){"valid_auc", NULL, validation->auc};
  cell[k++] = (Cell){"valid_explained", NULL, validation->explained};
  cell[k++] = (Cell){"valid_wasserstein", NULL, validation->wasserstein};
  cell[k++] = (Cell){"valid_metric", NULL, validation->metric};
  return k;
}

/* n cells from `first` on belong to a group of events. */
static int end_group(const char **group, int first, int n, const char *name) {
  for (int i = first; i < first + n; i++) group[i] = name;
  return first + n;
}

/* The columns: header and rows come from the same list. group (CELLS): of each, for events. */
static int row_cells(Cell *cell, const char **group, const State *state, const TrainOpts *opts,
                     const StepReport *report, const Validation *validation, double samples_per_s,
                     double seconds) {
  int k = end_group(group, 0, step_cells(cell, state, opts, report), "training");
  k = end_group(group, k, chain_cells(cell + k, state, opts, report), "chains");
  k = end_group(group, k, model_cells(cell + k, state, report, validation), "model");
  cell[k] = (Cell){"time_samples_per_s", NULL, samples_per_s};
  cell[k + 1] = (Cell){"time_s", NULL, seconds};
  return end_group(group, k, 2, "time");
}

static size_t print_names(char *line, const Cell *cell, int n) {
  size_t used = 0;
  for (int i = 0; i < n; i++)
    used += (size_t)snprintf(line + used, LINE - used, "%s%s", i ? "," : "", cell[i].name);
  return used + (size_t)snprintf(line + used, LINE - used, "\n");
}

static size_t print_values(char *line, const Cell *cell, int n) {
  size_t used = 0;
  for (int i = 0; i < n; i++) {
    const char *comma = i ? "," : "";
    if (cell[i].text)
      used += (size_t)snprintf(line + used, LINE - used, "%s%s", comma, cell[i].text);
    else if (isnan(cell[i].value))
      used += (size_t)snprintf(line + used, LINE - used, "%s", comma);
    else
      used += (size_t)snprintf(line + used, LINE - used, "%s%.17g", comma, cell[i].value);
  }
  return used + (size_t)snprintf(line + used, LINE - used, "\n");
}

static Err append(LogFile *log, size_t n) {
  const char *bytes = log->line;
  while (n > 0) {
    ssize_t done = write(log->fd, bytes, n);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return err_user("%s: cannot write: %s", log->path, strerror(errno));
    bytes += done, n -= (size_t)done;
  }
  return OK;
}

/* To what the checkpoint knows of; rows that somebody took away stay lost. */
static Err cut_back(const LogFile *log, int64_t *bytes) {
  struct stat now;
  if (!fstat(log->fd, &now) && now.st_size < *bytes) {
    log_warn("%s: found %lld bytes, want the %lld that the checkpoint knows of: rows are missing",
             log->path, (long long)now.st_size, (long long)*bytes);
    *bytes = now.st_size;
  }
  if (ftruncate(log->fd, *bytes))
    return err_user("%s: cannot cut back: %s", log->path, strerror(errno));
  return OK;
}

/* A file of events for each start of the run. */
static Err open_events(LogFile *log, const Rundir *dir, const State *state) {
  char folder[RUNDIR_PATH];
  rundir_path(dir, folder, "tensorboard");
  return events_open(&log->events, folder, dir->run_epoch, state->at.step + 1);
}

Err logfile_open(LogFile **log, const Rundir *dir, const State *state, const TrainOpts *opts,
                 int64_t *bytes) {
  LogFile *file = MEM_NEW(LogFile, "log", 1);
  *log = file;
  rundir_path(dir, file->path, "log.csv");
  file->fd = open(file->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file->fd < 0) return err_user("%s: cannot write: %s", file->path, strerror(errno));
  TRY(cut_back(file, bytes));
  if (opts->tensorboard) TRY(open_events(file, dir, state));
  if (*bytes > 0) return OK;
  Cell cell[CELLS];
  const char *group[CELLS];
  StepReport none = {0};
  Validation unknown = {0};
  size_t n =
      print_names(file->line, cell, row_cells(cell, group, state, opts, &none, &unknown, 0, 0));
  TRY(append(file, n));
  *bytes = (int64_t)n;
  return OK;
}

static Err write_event(LogFile *log, const Cell *cell, const char **group, int n, int64_t step) {
  for (int i = 1; i < n; i++) /* behind the step */
    if (!cell[i].text) events_number(log->events, group[i], cell[i].name, cell[i].value);
  return events_step(log->events, step);
}

Err logfile_row(LogFile *log, const Rundir *dir, State *state, const TrainOpts *opts,
                const StepReport *report, const Validation *validation, double samples_per_s,
                double seconds) {
  Cell cell[CELLS];
  const char *group[CELLS];
  int n = row_cells(cell, group, state, opts, report, validation, samples_per_s, seconds);
  size_t length = print_values(log->line, cell, n);
  TRY(rundir_mine(dir));
  TRY(append(log, length));
  state->log_bytes += (int64_t)length;
  return log->events ? write_event(log, cell, group, n, state->at.step) : OK;
}

Events *logfile_events(LogFile *log) { return log ? log->events : NULL; }

Err logfile_sync(LogFile *log) {
  if (fsync(log->fd)) return err_user("%s: cannot write: %s", log->path, strerror(errno));
  return OK;
}

void logfile_close(LogFile **log) {
  if (!*log) return;
  if ((*log)->fd >= 0) close((*log)->fd);
  events_close(&(*log)->events);
  mem_free(log);
}
