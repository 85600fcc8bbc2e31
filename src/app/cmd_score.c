#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command.h"
#include "base/log.h"
#include "base/mem.h"
#include "eval/input.h"
#include "eval/metrics.h"
#include "eval/score.h"

enum { PATH_SIZE = 4096 };

/* RUN is a run directory or a model file: where the model is, and where scores go if not said. */
static Err find_files(const Config *config, char model[PATH_SIZE], char out[PATH_SIZE]) {
  struct stat info;
  const char *run = config->run;
  if (!run || !*run)
    return err_user("score: nothing to score with; want `jetnae score DIR data.input=FILE`, DIR "
                    "being a run directory or a model file");
  bool folder = !stat(run, &info) && S_ISDIR(info.st_mode);
  snprintf(model, PATH_SIZE, folder ? "%s/model.h5" : "%s", run);
  if (folder && stat(model, &info))
    return err_user("%s: no model.h5 in this directory; want a run directory in which `jetnae "
                    "train` has come to its first validation",
                    run);
  if (config->out)
    snprintf(out, PATH_SIZE, "%s", config->out);
  else if (folder)
    snprintf(out, PATH_SIZE, "%s/scores.h5", run);
  else
    snprintf(out, PATH_SIZE, "scores.h5");
  return OK;
}

/* Said before the work, not after it. */
static Err check_writable(const char *out) {
  char folder[PATH_SIZE];
  struct stat info;
  snprintf(folder, sizeof folder, "%s", out);
  char *slash = strrchr(folder, '/');
  if (slash) slash[slash == folder] = 0;
  if (!stat(out, &info) && S_ISDIR(info.st_mode))
    return err_user("out: found the directory %s, want a file, such as %s/scores.h5", out, out);
  if (access(slash ? folder : ".", W_OK | X_OK))
    return err_user("%s: cannot be written (%s); choose another out=, or make the directory", out,
                    strerror(errno));
  return OK;
}

static Err check_rows(const Config *config, const Dataset *data, Range *rows) {
  *rows = (Range){config->rows_from, config->rows_to ? config->rows_to : data->rows};
  if (rows->to > data->rows || rows->from > rows->to)
    return err_user("rows.from, rows.to: found %ld to %ld, want rows among the %ld of the input",
                    rows->from, rows->to, data->rows);
  return OK;
}

/* Signal is every known class that is not normal. */
static void signal_of(signed char *is_signal, const int8_t *label, long rows, int normal) {
  for (long i = 0; i < rows; i++)
    is_signal[i] = (signed char)(label[i] < 0 ? -1 : !class_chosen(normal, label[i]));
}

/* Where all classes were trained on, class 0 is the background. */
static void print_metrics(const Scores *scores, const float *weight, int normal) {
  char text[256], classes[32];
  if (normal == CLASS_ALL) normal = 0;
  classes_text(classes, normal);
  signed char *is_signal = MEM_NEW(signed char, "signal or background", scores->rows);
  signal_of(is_signal, scores->label, scores->rows, normal);
  Metrics m = metrics_compute(scores->energy, is_signal, weight, scores->rows);
  metrics_describe(text, sizeof text, &m);
  printf("%s (background: %ld rows of %s; signal: the other %ld)\n", text, m.n_background,
         classes, m.n_signal);
  mem_free(&is_signal);
}

static void print_quantiles(const Scores *scores) {
  const double share[] = {0.01, 0.1, 0.5, 0.9, 0.99};
  enum { N = sizeof share / sizeof *share };
  double energy[N];
  scores_quantiles(energy, scores, share, N);
  printf("no labels; energy below which a share of the rows lies:");
  for (int i = 0; i < N; i++)
    printf(" %g %%: %.4g%s", 100 * share[i], energy[i], i + 1 < N ? "," : "\n");
}

static void print_refused(const Dataset *data) {
  long all = data->refused_empty + data->refused_nan + data->refused_negative;
  printf("%ld rows read, %ld refused (%ld empty jets, %ld with NaN or Inf, %ld with negative "
         "energy)\n",
         data->rows, all, data->refused_empty, data->refused_nan, data->refused_negative);
}

static Err report(const Scores *scores, const Dataset *data, const Config *config, Range rows,
                  const char *out) {
  print_refused(data);
  if (scores->label)
    print_metrics(scores, data->has_weight ? data->weight + rows.from : NULL, config->normal);
  else
    print_quantiles(scores);
  printf("scores of %ld rows are in %s\n", scores->rows, out);
  return fflush(stdout) ? err_user("standard output: cannot be written") : OK;
}

static void note_origin(const Config *config, const Dataset *data, const char *model) {
  provenance_set("model", "%s", model);
  provenance_set("input", "%s",
                 config->data.source.path ? config->data.source.path
                                          : config->data.source.reader);
  provenance_set("input_checksum", "%016llx", (unsigned long long)data->checksum);
}

static Err score_data(const Comm *comm, const Config *config, const Model *model,
                      const Dataset *data, const char *model_path, const char *out) {
  Range rows;
  TRY(check_rows(config, data, &rows));
  note_origin(config, data, model_path);
  Scores scores = scores_compute(comm, model, data, rows.from, rows.to, config->train.threads);
  Err e = OK;
  if (comm_rank(comm) == 0) {
    e = scores_save(out, &scores, model, provenance_facts());
    if (!e) e = report(&scores, data, config, rows, out);
  }
  scores_free(&scores);
  return comm_agree(comm, e);
}

static Err score_model(const Comm *comm, Config *config, const Model *model,
                       const char *model_path, const char *out) {
  Dataset data = {0};
  const int threads = config->train.threads;
  TRY(comm_agree(comm, config_read_text(config, model_path, model->config)));
  config->train.threads = threads;
  if (config->rows_to) config->data.limit = config->rows_to;
  TRY(input_load(&data, comm, &config->data, model, "reading the rows to score"));
  Err e = score_data(comm, config, model, &data, model_path, out);
  dataset_free(&data);
  return e;
}

static Err run(const Comm *comm, Config *config) {
  char model_path[PATH_SIZE], out[PATH_SIZE];
  Model model = {0};
  Err found = find_files(config, model_path, out);
  if (!found && comm_rank(comm) == 0) found = check_writable(out);
  TRY(comm_agree(comm, found));
  Err e = comm_agree(comm, model_load(model_path, &model));
  if (!e) e = score_model(comm, config, &model, model_path, out);
  model_free(&model);
  return e;
}

const Command cmd_score = {
    .name = "score",
    .usage = "RUN data.input=FILE [out=scores.h5] [key=value ...]",
    .summary = "give every row of a file its energy, and say how well anomalies are found",
    .help =
        "RUN is a run directory or a model file. The rows are prepared as the training data "
        "were;\n"
        "what is given on the command line wins. Writes /energy and, where the input has "
        "labels,\n"
        "/label: one row per input row, in input order, NaN for refused rows. With labels it\n"
        "prints the AUC with its error and the background rejections 1/eps_B at a signal\n"
        "efficiency of 0.2 and 0.3; signal is every class but data.normal. rows.from and "
        "rows.to\n"
        "choose a range of rows.\n"
        "\n"
        "  mpirun -n 4 jetnae score runs/jets data.input=test.h5 out=scores.h5\n",
    .takes_run = true,
    .run = run,
};
