#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/command.h"
#include "app/members.h"
#include "app/option.h"
#include "base/log.h"
#include "base/mem.h"
#include "eval/input.h"
#include "eval/metrics.h"
#include "eval/score.h"

enum { PATH_SIZE = 4096, WORD_SIZE = 64, VALUES_MOST = 256 };

/* What a member found; NaN: nothing yet. */
typedef struct Result {
  double auc, auc_error, at30; /* 1/eps_B at eps_S = 0.3 */
  double bound;                /* 1: no background was left, at30 is only a bound */
} Result;

typedef struct Scan {
  const Config *config;
  const Option *option;
  char value[VALUES_MOST][WORD_SIZE]; /* (values) as given */
  int values, seeds;
  char *text;     /* the configuration that all members share */
  Result *result; /* (values, seeds) */
} Scan;

static int members(const Scan *scan) { return scan->values * scan->seeds; }

static const char *value_of(const Scan *scan, int member) {
  return scan->value[member / scan->seeds];
}

static uint64_t seed_of(const Scan *scan, int member) {
  return scan->config->train.seed + (uint64_t)(member % scan->seeds);
}

/* ---- what is asked for ---- */

static Err read_values(Scan *scan) {
  const char *at = scan->config->scan_values, *gap = " ,";
  for (at += strspn(at, gap); *at; at += strspn(at, gap)) {
    size_t n = strcspn(at, gap);
    if (n >= WORD_SIZE || memchr(at, '/', n))
      return err_user("scan.values: found %.*s, want words of at most %d letters without /",
                      (int)n, at, WORD_SIZE - 1);
    if (scan->values == VALUES_MOST)
      return err_user("scan.values: found more than %d values", VALUES_MOST);
    snprintf(scan->value[scan->values++], WORD_SIZE, "%.*s", (int)n, at);
    at += n;
  }
  if (scan->values) return OK;
  return err_user("scan.values: found none, want a list such as scan.values=0,0.1,0.5,1");
}

/* Every value must be one that the option takes. */
static Err check_values(const Scan *scan) {
  for (int i = 0; i < scan->values; i++) {
    Config config = *scan->config;
    TRY(err_where(option_set(scan->option, &config, scan->value[i]), "scan.values: "));
  }
  return OK;
}

static Err scan_open(Scan *scan, const Config *config) {
  *scan = (Scan){.config = config, .seeds = config->scan_seeds};
  if (!config->out) return err_user("out: found nothing, want out=DIR for the runs of the scan");
  int row = option_find(config->scan_option);
  if (row < 0)
    return err_user("scan.option: found %s, did you mean %s?", config->scan_option,
                    option_nearest(config->scan_option));
  scan->option = option_at(row);
  if (!strcmp(scan->option->key, "seed"))
    return err_user("scan.option: found seed, want scan.seeds for several seeds");
  if (scan->option->class == RUN_ONLY || !scan->option->kind->parse)
    return err_user("scan.option: found %s, want an option that makes the result",
                    config->scan_option);
  TRY(read_values(scan));
  TRY(check_values(scan));
  if (config->scan_member >= members(scan))
    return err_user("scan.member: found %d, want 0 to %d (%d values x %d seeds)",
                    config->scan_member, members(scan) - 1, scan->values, scan->seeds);
  scan->text = config_text(config, false);
  scan->result = MEM_NEW(Result, "results of a scan", members(scan));
  return OK;
}

static void scan_close(Scan *scan) {
  free(scan->text);
  if (scan->result) mem_free(&scan->result);
}

/* ---- one member: train, then score what it did not train on ---- */

static Err member_config(const Scan *scan, int member, Config *config) {
  static char path[PATH_SIZE];
  TRY(config_read(config, "the scan's configuration", scan->text, 0, NULL));
  TRY(option_set(scan->option, config, value_of(scan, member)));
  config->train.seed = seed_of(scan, member);
  config->ensemble = 1;
  /* One rule for all members, and none that looks at clean held-out rows. */
  if (config->train.select == SELECT_AUTO) config->train.select = SELECT_LAST;
  config->train.threads = scan->config->train.threads;
  snprintf(path, sizeof path, "%s/%s-seed%llu", scan->config->out, value_of(scan, member),
           (unsigned long long)config->train.seed);
  config->out = path;
  return OK;
}

/* Rows to score: all of scan.test or data.valid, else those held out of data.input. */
static Subset test_rows(const Config *config, const Dataset *data) {
  bool split = !config->scan_test && !config->valid;
  return subset_select(data, CLASS_ALL, 0, split ? config->valid_fraction : 1, 0,
                       config->train.seed);
}

/* 1 anomaly, 0 normal, -1 left out */
static void mark(signed char *is_signal, const Config *config, const Dataset *data) {
  Subset rows = test_rows(config, data);
  memset(is_signal, -1, (size_t)data->rows);
  for (long i = 0; i < rows.n; i++)
    is_signal[rows.row[i]] = (signed char)class_signal(config->normal, data->label[rows.row[i]]);
  subset_free(&rows);
}

static Result measure(const Config *config, const Dataset *data, const Scores *scores) {
  signed char *is_signal = MEM_NEW(signed char, "signal or background", data->rows);
  mark(is_signal, config, data);
  Metrics m = metrics_compute(scores->energy, is_signal, data->has_weight ? data->weight : NULL,
                              data->rows);
  mem_free(&is_signal);
  return (Result){m.auc, m.auc_error, m.at30.value, m.at30.bound};
}

static Err score_model(const Comm *comm, const Config *config, const Model *model,
                       Result *result) {
  Dataset data;
  DataOpts opts = config->data;
  const char *other = config->scan_test ? config->scan_test : config->valid;
  if (other && !opts.source.path) opts.source.reader = "auto"; /* trained on made-up data */
  if (other) opts.source.path = other, opts.source.labels = "", opts.limit = 0;
  TRY(input_load(&data, comm, &opts, model, config->train.threads, "reading the rows to score"));
  Err e = data.has_label
              ? OK
              : err_user("%s: found no labels, want labelled rows to score (scan.test)",
                         opts.source.path ? opts.source.path : "toy jets");
  if (!e) {
    RowsAsked asked = {&data, {0, data.rows}, config->train.threads};
    Scores scores;
    e = scores_compute(&scores, comm, model, &asked);
    if (!e && comm_rank(comm) == 0) *result = measure(config, &data, &scores);
    scores_free(&scores);
  }
  dataset_free(&data);
  return e;
}

static Err run_member(const Comm *comm, void *self, int member) {
  Scan *scan = self;
  Config config;
  Model model = {0};
  char path[PATH_SIZE + 16];
  TRY(comm_agree(comm, member_config(scan, member, &config)));
  log_note("member %d of %d: %s = %s, seed %llu, in %s", member, members(scan), scan->option->key,
           value_of(scan, member), (unsigned long long)config.train.seed, config.out);
  TRY(comm_agree(comm, cmd_train.run(comm, &config)));
  snprintf(path, sizeof path, "%s/model.h5", config.out);
  TRY(comm_agree(comm, model_load(path, &model)));
  Err e = comm_agree(comm, score_model(comm, &config, &model, &scan->result[member]));
  model_free(&model);
  return e;
}

/* ---- all members ---- */

static double mean(const Scan *scan, int value, double (*of)(const Result *)) {
  double sum = 0;
  for (int s = 0; s < scan->seeds; s++) sum += of(&scan->result[value * scan->seeds + s]);
  return sum / scan->seeds;
}

static double auc(const Result *r) { return r->auc; }
static double auc_error(const Result *r) { return r->auc_error; }
static double rejection(const Result *r) { return r->at30; }
static double bound(const Result *r) { return r->bound; }

/* ">" where the mean rejection is a lower bound, because that of some seed is. */
static const char *above(const Scan *scan, int value) {
  return mean(scan, value, bound) > 0 ? ">" : "";
}

/* Standard deviation over seeds; NaN for one. */
static double spread(const Scan *scan, int value) {
  double center = mean(scan, value, auc), sum = 0;
  for (int s = 0; s < scan->seeds; s++) {
    double d = scan->result[value * scan->seeds + s].auc - center;
    sum += d * d;
  }
  return scan->seeds > 1 ? sqrt(sum / (scan->seeds - 1)) : NAN;
}

static Err write_table(const Scan *scan, const char *path) {
  FILE *file = fopen(path, "w");
  if (!file) return err_user("%s: cannot be written", path);
  fprintf(file, "%s,seeds,auc,auc_spread,auc_error,rejection_at_0.3,rejection_bounds\n",
          scan->option->key);
  for (int v = 0; v < scan->values; v++) {
    fprintf(file, "%s,%d,%.6f,", scan->value[v], scan->seeds, mean(scan, v, auc));
    if (scan->seeds > 1) fprintf(file, "%.6f", spread(scan, v));
    fprintf(file, ",%.6f,%.6g,%.0f\n", mean(scan, v, auc_error), mean(scan, v, rejection),
            scan->seeds * mean(scan, v, bound));
  }
  if (fclose(file)) return err_user("%s: cannot be written", path);
  return OK;
}

/* The curve, also as a picture of letters: 40 columns from AUC 0 to 1. */
static void print_table(const Scan *scan) {
  printf("%-24s %-18s %-12s 0        AUC        1\n", scan->option->key, "AUC (seeds)",
         "1/eps_B(0.3)");
  for (int v = 0; v < scan->values; v++) {
    double center = mean(scan, v, auc), width = spread(scan, v);
    printf("%-24s %.4f +- %.4f  %1s%-12.4g ", scan->value[v], center,
           isnan(width) ? mean(scan, v, auc_error) : width, above(scan, v),
           mean(scan, v, rejection));
    for (int i = 0; i <= 20; i++)
      putchar(i == (int)lround(20 * center) ? '*' : i == 10 ? '|' : '.');
    putchar('\n');
  }
}

static Err collect(const Comm *comm, Scan *scan) {
  char path[PATH_SIZE];
  comm_join(comm, scan->result, (size_t)members(scan) * sizeof *scan->result);
  if (comm_rank(comm)) return OK;
  snprintf(path, sizeof path, "%s/scan.csv", scan->config->out);
  TRY(write_table(scan, path));
  print_table(scan);
  printf("the table is in %s\n", path);
  return fflush(stdout) ? err_user("standard output: cannot be written") : OK;
}

static Err run_all(const Comm *comm, Scan *scan) {
  TRY(members_run(comm, scan->config->scan_groups, members(scan), run_member, scan));
  return comm_agree(comm, collect(comm, scan));
}

static Err run(const Comm *comm, Config *config) {
  Scan scan;
  Err e = comm_agree(comm, scan_open(&scan, config));
  if (!e && comm_rank(comm) == 0) mkdir(config->out, 0777); /* train says what is wrong */
  if (!e)
    e = config->scan_member < 0 ? run_all(comm, &scan)
                                : run_member(comm, &scan, config->scan_member);
  scan_close(&scan);
  return e;
}

const Command cmd_scan = {
    .name = "scan",
    .usage = "config.yaml data.input=FILE out=DIR [scan.option=KEY] scan.values=A,B,... "
             "[key=value ...]",
    .summary = "train at several values of an option and compare",
    .help =
        "Trains one run for each value of scan.option and each of scan.seeds seeds, scores what\n"
        "it did not train on, and gives the curve of the AUC with its spread over seeds. The\n"
        "option is data.contamination unless said: the share of anomalies among what is trained\n"
        "on, 0 to 1. Runs lie in DIR/VALUE-seedN and continue as those of train do; the same\n"
        "command again goes on where it was. The ranks split into scan.groups groups that train\n"
        "side by side, each with its own copy of the data. train.select auto is last here.\n"
        "\n"
        "With scan.member=I only run I is trained (in a job array, jobs/scan.sbatch); the command\n"
        "without it then makes DIR/scan.csv.\n"
        "\n"
        "  mpirun -n 4 jetnae scan configs/jets-dense.yaml data.input=train.h5 scan.test=test.h5 "
        "\\\n"
        "    data.train_limit=10000 scan.values=0,0.01,0.1,0.5,0.9,1 scan.seeds=2 out=runs/scan\n",
    .needs_config = true,
    .run = run,
};
