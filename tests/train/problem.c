#include "problem.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../net/nets.h"
#include "base/mem.h"

static void fill_row(float *x, long row, bool anomaly) {
  double u = (double)some(11, (uint32_t)row), v = (double)some(12, (uint32_t)row);
  for (int i = 0; i < PROBLEM_DIM; i++) {
    double a = (double)some(13, (uint32_t)i), b = (double)some(14, (uint32_t)i);
    double noise = (double)some(15, (uint32_t)(row * PROBLEM_DIM + i));
    x[i] = (float)(0.5 * (a * u + b * v + 0.3 * u * v) + (anomaly ? 0.3 : 0.02) * noise);
  }
}

/* Rows from .. to - 1. */
static Subset rows_between(long from, long to) {
  Subset subset = {.n = to - from, .row = MEM_NEW(uint32_t, "test", to - from)};
  subset.weight_scale = 1 / 1.25; /* weights alternate between 1 and 1.5 */
  for (long i = 0; i < subset.n; i++) subset.row[i] = (uint32_t)(from + i);
  return subset;
}

Problem *problem_new(void) {
  Problem *p = MEM_NEW(Problem, "test", 1);
  p->x = MEM_NEW(float, "test", PROBLEM_ROWS *PROBLEM_DIM);
  p->label = MEM_NEW(int8_t, "test", PROBLEM_ROWS);
  p->weight = MEM_NEW(float, "test", PROBLEM_ROWS);
  p->ok = MEM_NEW(uint8_t, "test", PROBLEM_ROWS);
  for (long row = 0; row < PROBLEM_ROWS; row++) {
    p->label[row] = row >= 192;
    p->weight[row] = row % 2 ? 1.5F : 1;
    p->ok[row] = 1;
    fill_row(p->x + row * PROBLEM_DIM, row, p->label[row]);
  }
  p->data = (Dataset){.shape = {PROBLEM_DIM, 1, 1},
                      .rows = PROBLEM_ROWS,
                      .x = p->x,
                      .label = p->label,
                      .weight = p->weight,
                      .ok = p->ok,
                      .has_label = true,
                      .has_weight = true,
                      .checksum = 77};
  p->spec = net_parse("dense 10 spectral=1; prelu; dense 3; sphere",
                      "dense 10 spectral=1; prelu; dense 12");
  p->input = (TrainInput){.data = &p->data,
                          .train = rows_between(0, 96),
                          .valid = rows_between(160, 192),
                          .valid_data = &p->data,
                          .signal = rows_between(192, 224),
                          .config = "net: small\n",
                          .config_full = "net: small\nthreads: 1\n",
                          .order = {.n = 96, .block = 16, .window = 2, .seed = 1}};
  return p;
}

void problem_free(Problem **problem) {
  Problem *p = *problem;
  mem_free(&p->x);
  mem_free(&p->label);
  mem_free(&p->weight);
  mem_free(&p->ok);
  mem_free(&p->input.train.row);
  mem_free(&p->input.valid.row);
  mem_free(&p->input.signal.row);
  mem_free(problem);
}

TrainOpts problem_opts(void) {
  TrainOpts opts = train_defaults();
  opts.batch = 32;
  opts.ae.epochs = 4, opts.ae.rate = 1e-2, opts.ae.clip = 1;
  opts.nae.epochs = 4, opts.nae.rate = 1e-3;
  opts.chain.chains = 64;
  opts.chain.z.steps = 3, opts.chain.x.steps = 4;
  opts.chain.warmup_steps = 6;
  opts.chain.replay_slots = 2;
  opts.l2_encoder = opts.l2_decoder = 1e-4;
  opts.guard.steps = 4;
  opts.log_steps = 2;
  opts.threads = 1;
  opts.checkpoint_minutes = 0;
  return opts;
}

void folder_new(const Comm *comm, char path[RUNDIR_PATH]) {
  memset(path, 0, RUNDIR_PATH);
  const char *base = getenv("TMPDIR");
  snprintf(path, RUNDIR_PATH, "%s/jetnae-test-XXXXXX", base ? base : "/tmp");
  if (comm_rank(comm) == 0) CHECK(mkdtemp(path), "cannot make a folder for the test");
  comm_broadcast(comm, path, RUNDIR_PATH, 0);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at) {
  return remove(path);
}

void folder_remove(const Comm *comm, const char *path) {
  comm_barrier(comm);
  if (comm_rank(comm) == 0) nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
  comm_barrier(comm);
}

char *file_text(const char *out, const char *name) {
  char path[RUNDIR_PATH + 64], *text = NULL;
  size_t size = 0;
  snprintf(path, sizeof path, "%s/%s", out, name);
  FILE *file = fopen(path, "r");
  CHECK(file, "no file %s", path);
  if (getdelim(&text, &size, '\0', file) < 0) text[0] = '\0';
  fclose(file);
  return text;
}

char *log_text(const char *out) {
  char *text = file_text(out, "log.csv"), *to = text;
  for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
    char *stop = end;
    for (int commas = 0; commas < 2; commas += *stop == ',') stop--;
    memmove(to, line, (size_t)(stop - line));
    to += stop - line;
    *to++ = '\n';
  }
  *to = '\0';
  return text;
}

/* Field number k of a line. */
static const char *field_at(const char *line, int k) {
  for (; k > 0; k--) line = strchr(line, ',') + 1;
  return line;
}

static int column_of(const char *header, const char *name) {
  size_t n = strlen(name);
  int k = 0;
  for (const char *at = header;; at = strchr(at, ',') + 1, k++)
    if (!strncmp(at, name, n) && (at[n] == ',' || at[n] == '\n')) return k;
}

double log_last(const char *out, const char *phase, const char *column) {
  char *text = file_text(out, "log.csv");
  int k = column_of(text, column), phase_at = column_of(text, "phase");
  size_t n = strlen(phase);
  double value = NAN;
  for (char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
    const char *field = field_at(line, k);
    if (strncmp(field_at(line, phase_at), phase, n)) continue;
    if (*field != ',' && *field != '\n') value = atof(field);
  }
  free(text);
  return value;
}
