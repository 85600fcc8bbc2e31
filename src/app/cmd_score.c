#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/apply.h"
#include "app/command.h"
#include "app/members.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/outliers.h"
#include "eval/input.h"
#include "eval/metrics.h"
#include "eval/score.h"

enum { OUTLIERS = 16 };

/* Everything that was scored. */
typedef struct Scored {
  Scores scores;
  int n;
  Outliers outliers[OUTLIERS];
  signed char *is_signal; /* (rows) every known class that is not normal; -1: unknown */
} Scored;

static void find_signal(Scored *scored, const Config *config) {
  const Scores *scores = &scored->scores;
  if (!scores->label) return;
  scored->is_signal = MEM_NEW(signed char, "signal or background", scores->rows);
  for (long i = 0; i < scores->rows; i++)
    scored->is_signal[i] = (signed char)class_signal(config->normal, scores->label[i]);
}

static void print_metrics(const Scored *scored, const float *weight, const Config *config) {
  char text[256], classes[32];
  const Scores *scores = &scored->scores;
  classes_text(classes, config->normal == CLASS_ALL ? 0 : config->normal);
  Metrics m = metrics_compute(scores->energy, scored->is_signal, weight, scores->rows);
  metrics_describe(text, sizeof text, &m);
  printf("%s (background: %ld rows of %s; signal: the other %ld)\n", text, m.n_background,
         classes, m.n_signal);
}

/* The normal rows against each set; without labels all rows count as normal. */
static void print_outliers(const Scored *scored, const float *weight) {
  signed char *is_normal = MEM_NEW(signed char, "normal rows", scored->scores.rows);
  for (long i = 0; i < scored->scores.rows; i++)
    is_normal[i] = !scored->is_signal || scored->is_signal[i] == 0;
  for (int i = 0; i < scored->n; i++) {
    const Outliers *set = &scored->outliers[i];
    char text[256];
    Metrics m = scores_against(&scored->scores, is_normal, weight, &set->scores);
    metrics_describe(text, sizeof text, &m);
    printf("%s: %s (background: %ld normal rows; signal: %ld outliers)\n", set->name, text,
           m.n_background, m.n_signal);
  }
  mem_free(&is_normal);
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

static Err report(const Apply *apply, const Scored *scored, const Config *config) {
  const float *weight = apply->data.has_weight ? apply->data.weight + apply->rows.from : NULL;
  apply_print_refused(&apply->data);
  if (scored->is_signal)
    print_metrics(scored, weight, config);
  else
    print_quantiles(&scored->scores);
  print_outliers(scored, weight);
  printf("scores of %ld rows are in %s\n", scored->scores.rows, apply->out);
  return fflush(stdout) ? err_user("standard output: cannot be written") : OK;
}

/* Collective. One set: made, or read as the input was. */
static Err load_outliers(Dataset *data, const Comm *comm, const Apply *apply,
                         const Config *config, const char *name) {
  long rows = apply->rows.to - apply->rows.from;
  if (outliers_known(name))
    return outliers_make(data, comm, name, &apply->data, rows, config->train.seed,
                         config->data.memory_gb);
  DataOpts opts = config->data;
  bool arrays = opts.source.x_path && *opts.source.x_path;
  opts.source.reader = arrays ? "hdf5" : "auto";
  opts.source.path = name;
  opts.source.labels = "";
  opts.limit = 0;
  return err_where(
      input_load(data, comm, &opts, &apply->model, config->train.threads, "reading outliers"),
      "score.outliers: %s: ", name);
}

/* Collective. The next of the names in *list, and its energies. */
static Err score_set(Scored *scored, const Comm *comm, const Apply *apply, const Config *config,
                     const char *name, size_t length) {
  if (scored->n == OUTLIERS || length >= sizeof scored->outliers->name)
    return err_user(
        "score.outliers: found more than %d sets or a name of %zu bytes, want at most "
        "%d of %zu",
        OUTLIERS, length, OUTLIERS, sizeof scored->outliers->name - 1);
  Outliers *set = &scored->outliers[scored->n++];
  Dataset data = {0};
  snprintf(set->name, sizeof set->name, "%.*s", (int)length, name);
  TRY(load_outliers(&data, comm, apply, config, set->name));
  RowsAsked asked = {&data, {0, data.rows}, config->train.threads};
  Err e = scores_compute(&set->scores, comm, &apply->model, &asked);
  set->scores.label = NULL;
  dataset_free(&data);
  return e;
}

/* Collective. Sets before rows: what is wrong with them shows early. */
static Err score_all(Scored *scored, const Comm *comm, const Apply *apply, const Config *config) {
  for (const char *name = config->outliers; *name;) {
    size_t length = strcspn(name, ",");
    if (length) TRY(score_set(scored, comm, apply, config, name, length));
    name += length + (name[length] == ',');
  }
  RowsAsked asked = {&apply->data, apply->rows, config->train.threads};
  return scores_compute(&scored->scores, comm, &apply->model, &asked);
}

static void scored_free(Scored *scored) {
  for (int i = 0; i < scored->n; i++) scores_free(&scored->outliers[i].scores);
  scores_free(&scored->scores);
  mem_free(&scored->is_signal);
}

/* What all was found, written and said by rank 0. */
static Err finish(const Apply *apply, const Comm *comm, Scored *scored, const Config *config) {
  Err e = OK;
  if (comm_rank(comm) == 0) {
    find_signal(scored, config);
    scored->scores.beta = config->train.obj.vae_beta;
    e = scores_save(apply->out, &scored->scores, scored->outliers, scored->n, &apply->model,
                    provenance_facts());
    if (!e) e = report(apply, scored, config);
  }
  return comm_agree(comm, e);
}

static Err run_one(const Comm *comm, Config *config) {
  Apply apply;
  Scored scored = {0};
  TRY(apply_open(&apply, comm, config, "scores.h5"));
  Err e = apply_read(&apply, comm, config, "reading the rows to score");
  if (!e) e = score_all(&scored, comm, &apply, config);
  if (!e) e = finish(&apply, comm, &scored, config);
  scored_free(&scored);
  apply_close(&apply);
  return e;
}

/* ---- ensembles ---- */

static void member_path(char path[APPLY_PATH], const char *run, int member) {
  snprintf(path, APPLY_PATH, "%s/member-%d/model.h5", run, member);
}

static Err check_members(const char *run, int n) {
  char path[APPLY_PATH];
  for (int k = 0; k < n; k++) {
    member_path(path, run, k);
    if (access(path, R_OK))
      return err_user("%s: found no model of member %d of %d; train goes on where it was", path,
                      k, n);
  }
  return OK;
}

static void add_member(Scored *mean, Scored *member, int k) {
  scores_add(&mean->scores, &member->scores, k);
  for (int i = 0; i < member->n; i++) {
    scores_add(&mean->outliers[i].scores, &member->outliers[i].scores, k);
    memcpy(mean->outliers[i].name, member->outliers[i].name, sizeof mean->outliers->name);
  }
  mean->n = member->n;
}

static void finish_members(Scored *mean, int n) {
  scores_finish(&mean->scores, n);
  for (int i = 0; i < mean->n; i++) scores_finish(&mean->outliers[i].scores, n);
}

/* Collective. Member k reads the rows as it was trained (standardised by its own numbers). */
static Err score_member(const Comm *comm, Config *config, const char *run, int k, int n,
                        Scored *mean) {
  char path[APPLY_PATH], out[APPLY_PATH];
  Config own = *config;
  Scored scored = {0};
  Apply apply;
  member_path(path, run, k);
  snprintf(out, sizeof out, "%s/scores.h5", run);
  own.run = path;
  if (!own.out) own.out = out;
  TRY(apply_open(&apply, comm, &own, "scores.h5"));
  Err e = apply_read(&apply, comm, &own, "reading the rows to score");
  if (!e) e = score_all(&scored, comm, &apply, &own);
  if (!e) add_member(mean, &scored, k);
  if (!e && k == n - 1) {
    finish_members(mean, n);
    const Dataset *data = &apply.data;
    mean->scores.label = data->has_label ? data->label + apply.rows.from : NULL;
    mean->scores.mass_gev = data->mass_gev + apply.rows.from;
    log_note("mean of %d members; /spread is their standard deviation", n);
    e = finish(&apply, comm, mean, &own);
  }
  scored_free(&scored);
  apply_close(&apply);
  return e;
}

static Err run(const Comm *comm, Config *config) {
  int n = comm_rank(comm) ? 0 : members_recorded(config->run);
  comm_broadcast(comm, &n, sizeof n, 0);
  TRY(comm_agree(comm, check_members(config->run, n)));
  if (n == 0) return run_one(comm, config);
  Scored mean = {0};
  Err e = OK;
  for (int k = 0; k < n && !e; k++) e = score_member(comm, config, config->run, k, n, &mean);
  scored_free(&mean);
  return e;
}

const Command cmd_score = {
    .name = "score",
    .usage = "RUN data.input=FILE [out=scores.h5] [key=value ...]",
    .summary = "give every row of a file its energy, and say how well anomalies are found",
    .help =
        "RUN is a run directory or a model file. The rows are prepared as the training data were;\n"
        "what is given on the command line wins. Writes /energy and, where the input has labels,\n"
        "/label: one row per input row, in input order, NaN for refused rows. With labels it\n"
        "prints the AUC with its error and the background rejections 1/eps_B at a signal\n"
        "efficiency of 0.2 and 0.3; signal is every class that is not data.normal. rows.from and\n"
        "rows.to choose a range of rows.\n"
        "\n"
        "A vae also gives /kl and /elbo. The directory of an ensemble (train ensemble=K) gives "
        "the\n"
        "mean over its members in /energy and their standard deviation in /spread.\n"
        "\n"
        "score.outliers names sets that the model never saw, by commas: constant (each image of\n"
        "one random value), noise, or files; each is compared with the normal rows.\n"
        "\n"
        "  mpirun -n 4 jetnae score runs/qcd data.input=test.h5 out=scores.h5\n"
        "  mpirun -n 4 jetnae score runs/ensemble data.input=test.h5\n"
        "  jetnae score runs/digits data.input=t10k-images-idx3-ubyte.gz rows.from=8000 \\\n"
        "    score.outliers=constant,noise,fashion/t10k-images-idx3-ubyte.gz\n",
    .takes_run = true,
    .run = run,
};
