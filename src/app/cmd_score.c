#include <stdio.h>

#include "app/apply.h"
#include "app/command.h"
#include "base/mem.h"
#include "eval/metrics.h"
#include "eval/score.h"

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

static Err report(const Apply *apply, const Scores *scores, const Config *config) {
  const float *weight = apply->data.has_weight ? apply->data.weight + apply->rows.from : NULL;
  apply_print_refused(&apply->data);
  if (scores->label)
    print_metrics(scores, weight, config->normal);
  else
    print_quantiles(scores);
  printf("scores of %ld rows are in %s\n", scores->rows, apply->out);
  return fflush(stdout) ? err_user("standard output: cannot be written") : OK;
}

static Err score(const Apply *apply, const Comm *comm, const Config *config) {
  Scores scores = scores_compute(comm, &apply->model, &apply->data, apply->rows.from,
                                 apply->rows.to, config->train.threads);
  Err e = OK;
  if (comm_rank(comm) == 0) {
    e = scores_save(apply->out, &scores, &apply->model, provenance_facts());
    if (!e) e = report(apply, &scores, config);
  }
  scores_free(&scores);
  return comm_agree(comm, e);
}

static Err run(const Comm *comm, Config *config) {
  Apply apply;
  TRY(apply_open(&apply, comm, config, "scores.h5"));
  Err e = apply_read(&apply, comm, config, "reading the rows to score");
  if (!e) e = score(&apply, comm, config);
  apply_close(&apply);
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
