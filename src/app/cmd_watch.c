#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/command.h"
#include "app/members.h"
#include "base/clock.h"
#include "out/outlook.h"
#include "out/verdict.h"

/* Quiet: no new row for a minute, and for so many times what one took. */
enum { PATH_SIZE = 4096, LINE = 512, LOOK_S = 2, QUIET_S = 60, QUIET_ROWS = 20 };

typedef struct Watching {
  const char *run;
  char log[PATH_SIZE];
  Plan plan;
  bool terminal;
  struct stat read; /* the log when it was last read */
  long step;        /* of the last line printed; -1: none */
  double row_s;     /* what a row takes, lately; NaN: unknown */
  char line[LINE];
} Watching;

static Plan plan_of(const Config *config) {
  const TrainOpts *train = &config->train;
  const Objective *objective = objective_find(train->objective);
  bool contrastive = objective && objective->contrastive;
  return (Plan){.epochs = {train->ae.epochs, contrastive ? train->nae.epochs : 0},
                .patience = {train->ae.patience, train->nae.patience},
                .steps = train->steps,
                .log_steps = train->log_steps};
}

/* Again with each new row: epochs may be added when a run is continued. */
static Err read_plan(Watching *watching) {
  char path[PATH_SIZE];
  char *text;
  Config config;
  const char *run = watching->run;
  TRY(members_want_one(run));
  snprintf(path, sizeof path, "%s/config.yaml", run);
  TRY(config_file(&text, path));
  Err e = config_read(&config, path, text, 0, NULL);
  free(text);
  if (e) return e;
  if (!objective_find(config.train.objective))
    return err_user("%s: found objective %s, which has no steps to watch", path,
                    config.train.objective);
  watching->plan = plan_of(&config);
  return OK;
}

static void print_duration(FILE *to, double s) {
  long minutes = lround(s / 60);
  if (s < 100)
    fprintf(to, "%.0f s", s);
  else if (minutes < 100)
    fprintf(to, "%ld min", minutes);
  else
    fprintf(to, "%ld h %02ld min", minutes / 60, minutes % 60);
}

static void print_outlook(FILE *to, const Outlook *now, const RunLog *log, const Plan *plan) {
  long last = log->rows - 1;
  double ratio = runlog_at(log, "e_ratio", last);
  fprintf(to, "step %ld, %s epoch %.2f of %d, E+ %.4g", now->step, now->phase ? "NAE" : "AE",
          now->epoch, plan->epochs[now->phase], runlog_at(log, "e_plus", last));
  if (!isnan(ratio)) fprintf(to, ", E-/E+ %.3g", ratio);
  fprintf(to, ", rate %.3g", runlog_at(log, "rate", last));
  if (!isnan(now->samples_per_s)) fprintf(to, ", %.0f samples/s", now->samples_per_s);
  if (now->finished) {
    fputs(", finished", to);
  } else if (isfinite(now->eta_s)) {
    fputs(now->last_phase ? ", ETA " : ", ETA of this phase ", to);
    print_duration(to, now->eta_s);
  }
}

static void describe(Watching *watching, const RunLog *log, const Outlook *now) {
  Verdict verdict = verdict_of(log);
  FILE *to = fmemopen(watching->line, LINE, "w");
  CHECK(to, "no memory for a line");
  print_outlook(to, now, log, &watching->plan);
  fprintf(to, ", %s%s", verdict.word, now->finished ? "" : " so far");
  fclose(to);
}

/* A new line in a file, the same line on a terminal. */
static void say(const Watching *watching, bool new_row, const char *more, double s) {
  if (!watching->terminal && !new_row) return;
  printf("%s%s%s", watching->terminal ? "\r\033[K" : "", watching->line, more);
  if (*more) print_duration(stdout, s);
  if (!watching->terminal) putchar('\n');
  fflush(stdout);
}

static bool older(const struct stat *a, const struct stat *b) {
  const struct timespec *s = &a->st_mtim, *t = &b->st_mtim;
  return s->tv_sec != t->tv_sec ? s->tv_sec < t->tv_sec : s->tv_nsec < t->tv_nsec;
}

/* What train says when all is written. A log alone does not always tell: a run that is shorter than
 * log.steps has no row. */
static bool is_over(const Watching *watching) {
  char path[PATH_SIZE];
  char *json;
  snprintf(path, sizeof path, "%s/provenance.json", watching->run);
  if (config_file(&json, path)) {
    err_clear();
    return false;
  }
  bool over = strstr(json, "\n  \"ended\": ");
  free(json);
  return over;
}

/* Nothing new. */
static void wait_on(const Watching *watching, const struct stat *log) {
  double quiet = difftime(time(NULL), log->st_mtime);
  bool long_since = quiet > QUIET_S && !(quiet < QUIET_ROWS * watching->row_s);
  say(watching, false, long_since ? "; stopped, or waiting to go on? No new row for " : "",
      quiet);
}

static void say_none(Watching *watching, const char *text) {
  snprintf(watching->line, LINE, "%s", text);
  say(watching, false, "", 0);
}

static void say_short(Watching *watching) {
  snprintf(watching->line, LINE, "finished, shorter than log.steps = %ld",
           watching->plan.log_steps);
  say(watching, true, "", 0);
}

/* The last row of the log; returns whether the run is over. */
static bool tell(Watching *watching, const RunLog *log, bool over) {
  Outlook now = outlook_of(log, &watching->plan);
  char line[LINE];
  now.finished = now.finished || over;
  describe(watching, log, &now);
  if (now.step < watching->step) {
    snprintf(line, sizeof line, "%s", watching->line);
    snprintf(watching->line, LINE, "back from step %ld: %.*s", watching->step, LINE - 60, line);
  }
  say(watching, over || now.step != watching->step, "", 0);
  watching->row_s = (double)watching->plan.log_steps / now.steps_per_s;
  watching->step = now.step;
  return now.finished;
}

/* Errors: what is there is no log. */
static Err read_log(Watching *watching, bool *over) {
  RunLog log;
  if (read_plan(watching)) err_clear(); /* the one that was known stays */
  TRY(runlog_read(&log, watching->log));
  if (log.rows > 0)
    *over = tell(watching, &log, *over);
  else if (*over)
    say_short(watching);
  else
    say_none(watching, "no row yet");
  runlog_free(&log);
  return OK;
}

/* Look once. */
static Err look(Watching *watching, bool *over) {
  struct stat info;
  if (stat(watching->log, &info)) {
    say_none(watching, "no log yet");
    return OK;
  }
  *over = is_over(watching);
  bool same = info.st_size == watching->read.st_size && !older(&watching->read, &info);
  if (same && !*over) {
    wait_on(watching, &info);
    return OK;
  }
  watching->read = info;
  return read_log(watching, over);
}

/* What stands against it, when all is said. */
static Err print_why(const Watching *watching) {
  RunLog log;
  TRY(runlog_read(&log, watching->log));
  Verdict verdict = verdict_of(&log);
  if (watching->terminal) putchar('\n');
  for (int i = 0; i < verdict.n; i++) printf("  %s\n", verdict.finding[i].text);
  runlog_free(&log);
  return OK;
}

static Err run(const Comm *comm, Config *config) {
  Watching watching = {
      .run = config->run, .terminal = isatty(STDOUT_FILENO), .step = -1, .row_s = NAN};
  bool over = false;
  if (comm_rank(comm)) return OK;
  snprintf(watching.log, sizeof watching.log, "%s/log.csv", config->run);
  TRY(read_plan(&watching));
  while (!stop_requested()) {
    TRY(look(&watching, &over));
    if (over) return print_why(&watching);
    sleep(LOOK_S);
  }
  if (watching.terminal) putchar('\n');
  return OK;
}

const Command cmd_watch = {
    .name = "watch",
    .usage = "RUN",
    .summary = "follow a run that goes on elsewhere",
    .help =
        "RUN is the run directory of a training, running or not, on this machine or another that\n"
        "shares its disk. Reads log.csv and nothing of the job: one line with the last row, the\n"
        "time to go and what can be told of the run's health so far, redrawn on a terminal, one\n"
        "line per new row elsewhere. Returns when the run is finished, and says what is wrong "
        "with\n"
        "it, if anything; ctrl-c ends it earlier. A log with no new row for long says so: the job\n"
        "may have been stopped, or wait in the queue. A run that is continued, or started anew,\n"
        "is followed from where it begins.\n"
        "\n"
        "  jetnae watch runs/qcd\n",
    .takes_run = true,
    .run = run,
};
