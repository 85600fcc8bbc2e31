#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command.h"
#include "app/members.h"
#include "base/mem.h"
#include "data/classes.h"
#include "out/report.h"

enum { PATH_SIZE = 4096 };

/* The runs, and the texts that they point to. */
typedef struct Reported {
  int n;
  ReportRun run[REPORT_RUNS];
  char *config[REPORT_RUNS];
} Reported;

/* ---- facts ---- */

static void put_value(ReportRun *run, const char *name, const char *value) {
  if (!*value || run->n == REPORT_FACTS) return;
  ReportFact *fact = &run->fact[run->n++];
  fact->name = name;
  snprintf(fact->value, sizeof fact->value, "%.255s", value);
}

/* "conv2d 8, prelu, dense 3" */
static void layers_words(char *text, size_t size, const LayerSpec *layer, int n) {
  size_t used = 0;
  *text = 0;
  for (int i = 0; i < n && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", layer[i].type);
}

static void put_network(ReportRun *run, const NetSpec *net) {
  char text[256];
  layers_words(text, sizeof text, net->encoder, net->n_encoder);
  put_value(run, "encoder", text);
  layers_words(text, sizeof text, net->decoder, net->n_decoder);
  put_value(run, "decoder", text);
}

static void put_training(ReportRun *run, const TrainOpts *train) {
  char text[256];
  const Objective *objective = objective_find(train->objective);
  put_value(run, "objective", train->objective);
  if (!objective) return;
  snprintf(text, sizeof text, "%d at a rate of %g%s", train->ae.epochs, train->ae.rate,
           objective->contrastive ? "" : ", batch");
  if (objective->contrastive)
    snprintf(text, sizeof text, "%d at a rate of %g, then normalized %d at %g", train->ae.epochs,
             train->ae.rate, train->nae.epochs, train->nae.rate);
  put_value(run, "epochs", text);
  snprintf(text, sizeof text, "%ld", train->batch);
  put_value(run, "batch", text);
  snprintf(text, sizeof text, "%llu", (unsigned long long)train->seed);
  put_value(run, "seed", text);
}

/* The text behind "name": in provenance.json, whose values are all texts. */
static void find_text(char *value, size_t size, const char *json, const char *name) {
  char key[80];
  size_t n = 0;
  *value = 0;
  snprintf(key, sizeof key, "\n  \"%s\": \"", name);
  const char *at = strstr(json, key);
  if (!at) return;
  for (at += strlen(key); *at && *at != '"' && n + 1 < size; at++) {
    if (*at == '\\' && at[1]) at++;
    value[n++] = *at;
  }
  value[n] = 0;
}

static void put_provenance(ReportRun *run) {
  static const char *const name[][2] = {{"version", "program"}, {"revision", "revision"},
                                        {"command", "command"}, {"started", "started"},
                                        {"host", "host"},       {"ranks", "ranks"},
                                        {"threads", "threads"}, {"isa", "instruction set"}};
  char path[PATH_SIZE], value[256];
  char *json;
  snprintf(path, sizeof path, "%s/provenance.json", run->folder);
  if (config_file(&json, path)) {
    err_clear();
    return;
  }
  for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
    find_text(value, sizeof value, json, name[i][0]);
    put_value(run, name[i][1], value);
  }
  free(json);
}

/* ---- runs ---- */

/* The last part of the path, without what a CSV or a legend could stumble over. */
static void name_run(ReportRun *run) {
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "%s", run->folder);
  for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--) path[n - 1] = 0;
  const char *slash = strrchr(path, '/');
  snprintf(run->name, sizeof run->name, "%.90s", slash && slash[1] ? slash + 1 : path);
  for (char *c = run->name; *c; c++)
    if (strchr("\"'\\", *c) || (unsigned char)*c < ' ') *c = '_';
}

static void describe_data(ReportRun *run, const Config *config) {
  char classes[32];
  const SourceOpts *source = &config->data.source;
  classes_text(classes, config->normal);
  snprintf(run->data, sizeof run->data, "%s of %s", classes,
           source->path ? source->path : source->reader);
  for (int label = 0; label < REPORT_CLASSES; label++)
    run->is_normal[label] = class_signal(config->normal, label) == 0;
}

/* Of a run, or of the first member of an ensemble, or the first run of a scan. */
static Err read_config(char **text, char path[PATH_SIZE], const char *folder) {
  static const char *const place[] = {"member-0", "*-seed*"};
  for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
    glob_t found;
    snprintf(path, PATH_SIZE, "%s/%s/config.yaml", folder, place[i]);
    bool there = !glob(path, 0, NULL, &found);
    if (there) snprintf(path, PATH_SIZE, "%s", found.gl_pathv[0]);
    globfree(&found);
    if (there) return config_file(text, path);
  }
  snprintf(path, PATH_SIZE, "%s/config.yaml", folder);
  return config_file(text, path);
}

/* A directory whose configuration is missing or of another version is one where class 0 is
 * normal. Owns: *text, the caller. */
static void describe_run(ReportRun *run, char **text) {
  char path[PATH_SIZE];
  Config config;
  run->is_normal[0] = true;
  Err e = read_config(text, path, run->folder);
  if (!e) e = config_read(&config, path, *text, 0, NULL);
  if (e) {
    put_value(run, "configuration", err_message());
    err_clear();
  } else {
    describe_data(run, &config);
    put_value(run, "trained on", run->data);
    put_training(run, &config.train);
    put_network(run, &config.net);
  }
  run->config = *text;
}

static Err read_run(ReportRun *run, char **text, const char *folder) {
  struct stat info;
  *run = (ReportRun){.folder = folder, .members = members_recorded(folder)};
  if (stat(folder, &info) || !S_ISDIR(info.st_mode))
    return err_user("report: found %s, want a run directory", folder);
  name_run(run);
  describe_run(run, text);
  put_provenance(run);
  return OK;
}

/* Runs of one name are told apart by their number. */
static void part_names(Reported *reported) {
  for (int i = 1; i < reported->n; i++)
    for (int k = 0; k < i; k++) {
      ReportRun *run = &reported->run[i];
      size_t n = strlen(run->name);
      if (!strcmp(run->name, reported->run[k].name))
        snprintf(run->name + n, sizeof run->name - n, " (%d)", i + 1);
    }
}

static Err read_runs(Reported *reported, const Config *config) {
  if (config->n_runs > REPORT_RUNS)
    return err_user("report: found %d runs, want at most %d", config->n_runs, REPORT_RUNS);
  if (config->n_runs > 1 && !config->out)
    return err_user("out: found nothing, want out=FOLDER for the report of several runs");
  for (int i = 0; i < config->n_runs; i++, reported->n++)
    TRY(read_run(&reported->run[i], &reported->config[i], config->runs[i]));
  part_names(reported);
  return OK;
}

static Err write_report(const Reported *reported, const Config *config) {
  const char *folder = config->out ? config->out : config->run;
  if (config->out) mkdir(folder, 0777); /* writing says what is wrong */
  TRY(report_write(folder, reported->run, reported->n));
  printf("the report is %s/report.html; its plots and numbers are in %s/report\n", folder,
         folder);
  return fflush(stdout) ? err_user("standard output: cannot be written") : OK;
}

static Err run(const Comm *comm, Config *config) {
  if (comm_rank(comm)) return OK;
  Reported *reported = MEM_NEW(Reported, "runs of a report", 1);
  Err e = read_runs(reported, config);
  if (!e) e = write_report(reported, config);
  for (int i = 0; i < REPORT_RUNS; i++) free(reported->config[i]);
  mem_free(&reported);
  return e;
}

const Command cmd_report = {
    .name = "report",
    .usage = "RUN [RUN ...] [out=FOLDER]",
    .summary = "one page with plots of a run, or of several side by side",
    .help =
        "RUN is a run directory. Writes RUN/report.html, one file that needs no other, and in\n"
        "RUN/report each plot as SVG and PDF, its numbers as CSV and the gnuplot script that drew\n"
        "them. Shows what is there: training and the chains' health from log.csv, with a verdict\n"
        "and its reasons; energies of training, validation, anomalies and negatives from\n"
        "energies.h5; log Omega from evidence.json; energies by class, ROC, rejection,\n"
        "significance, confusion and the jets' mass from scores.h5; the best and the worst\n"
        "reconstructed and mean images from reconstructions.h5 (with reconstruct.input=true);\n"
        "samples.h5 and codes.h5; the energy over the codes and latent walks from model.h5; what\n"
        "principal components explain; the curve of a scan. Of an ensemble it shows bands. Two\n"
        "runs trained on each other's anomalies are compared row by row. Several runs go into\n"
        "out=FOLDER. Needs gnuplot.\n"
        "\n"
        "  jetnae score runs/qcd data.input=test.h5\n"
        "  jetnae report runs/qcd\n"
        "  jetnae report runs/qcd runs/top-ae out=runs/both\n",
    .takes_runs = true,
    .run = run,
};
