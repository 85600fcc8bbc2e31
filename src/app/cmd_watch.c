#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/command.h"
#include "app/members.h"
#include "base/clock.h"
#include "out/outlook.h"
#include "out/verdict.h"

enum { PATH_SIZE = 4096, LINE = 512, LOOK_S = 2, QUIET_S = 600 };

typedef struct Watching {
  char log[PATH_SIZE];
  Plan plan;
  bool terminal;
  off_t size; /* of the log when it was last read */
  long step;  /* of the last line printed */
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

static Err read_plan(Watching *watching, const char *run) {
  char path[PATH_SIZE];
  char *text;
  Config config;
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

/* Look once. Errors: there is a file, but no log. */
static Err look(Watching *watching, bool *over) {
  struct stat info;
  RunLog log;
  if (stat(watching->log, &info)) {
    snprintf(watching->line, LINE, "no log yet");
    say(watching, false, "", 0);
    return OK;
  }
  double quiet = difftime(time(NULL), info.st_mtime);
  if (info.st_size == watching->size) {
    say(watching, false, quiet > QUIET_S ? "; no new row for " : "", quiet);
    return OK;
  }
  TRY(runlog_read(&log, watching->log));
  watching->size = info.st_size;
  if (log.rows) {
    Outlook now = outlook_of(&log, &watching->plan);
    describe(watching, &log, &now);
    say(watching, now.step != watching->step, "", 0);
    watching->step = now.step;
    *over = now.finished;
  }
  runlog_free(&log);
  return OK;
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
  Watching watching = {.terminal = isatty(STDOUT_FILENO), .step = -1};
  bool over = false;
  if (comm_rank(comm)) return OK;
  snprintf(watching.log, sizeof watching.log, "%s/log.csv", config->run);
  TRY(read_plan(&watching, config->run));
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
        "RUN is the run directory of a training, running or not, on this machine or another "
        "that\n"
        "shares its disk. Reads log.csv and nothing of the job: one line with the last row, the\n"
        "time to go and what can be told of the run's health so far, redrawn on a terminal, one\n"
        "line per new row elsewhere. Returns when the run is finished, and says what is wrong "
        "with\n"
        "it, if anything; ctrl-c ends it earlier. A log with no new row for long says so: the "
        "job\n"
        "may wait in the queue.\n"
        "\n"
        "  jetnae watch runs/qcd\n",
    .takes_run = true,
    .run = run,
};
