/* Whole runs of the training loop on a small problem, alone and under several ranks: the same
 * bits however the run is cut and spread (C1, C2), what it learns, and what it refuses. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../net/nets.h"
#include "../net/reference.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/provenance.h"
#include "model/model.h"
#include "problem.h"
#include "train/state.h"

static Comm *world, *alone;
static Problem *problem;
static char reference[RUNDIR_PATH]; /* an undisturbed run of one rank and one thread */

static Err train_in(const Comm *comm, const char *out, const TrainOpts *opts) {
  TrainInput input = problem->input;
  input.out = out;
  err_clear();
  return train_run(comm, opts, &problem->spec, &input);
}

static bool first(void) { return comm_rank(world) == 0; }

static void assert_same_model(const char *a, const char *b) {
  char path_a[RUNDIR_PATH + 16], path_b[RUNDIR_PATH + 16];
  Model model_a, model_b;
  snprintf(path_a, sizeof path_a, "%s/model.h5", a);
  snprintf(path_b, sizeof path_b, "%s/model.h5", b);
  assert_int_equal(model_load(path_a, &model_a), OK);
  assert_int_equal(model_load(path_b, &model_b), OK);
  assert_memory_equal(model_a.w, model_b.w, model_a.net->n_params * sizeof(float));
  assert_true(model_a.temperature == model_b.temperature);
  model_free(&model_a);
  model_free(&model_b);
}

/* A state and its last checkpoint's path. */
static State last_state(const char *out, const Net *net, const TrainOpts *opts, long step) {
  char path[RUNDIR_PATH + 64];
  Field field[STATE_FIELDS];
  Split chains = split_new(opts->chain.chains, opts->leaf, 0, 1);
  State state = state_new(net, opts, &chains);
  snprintf(path, sizeof path, "%s/checkpoints/step-%012ld.h5", out, step);
  int n = state_fields(&state, field);
  if (checkpoint_load(alone, path, field, n)) fail_msg("%s", err_message());
  return state;
}

static size_t field_bytes(const Field *field) {
  static const size_t size[] = {4, 8, 4, 8, 4, 1};
  return (size_t)(field->rows * field->row) * size[field->type];
}

/* All of the last checkpoint, but the length of the log: its time columns have any width. */
static void assert_same_state(const char *a, const char *b, const TrainOpts *opts, long step) {
  Net *net;
  Field field_a[STATE_FIELDS], field_b[STATE_FIELDS];
  assert_int_equal(net_new(&net, &problem->spec, problem->data.shape), OK);
  State state_a = last_state(a, net, opts, step), state_b = last_state(b, net, opts, step);
  int n = state_fields(&state_a, field_a);
  state_fields(&state_b, field_b);
  for (int i = 0; i < n; i++)
    if (strcmp(field_a[i].name, "log_bytes") &&
        memcmp(field_a[i].data, field_b[i].data, field_bytes(&field_a[i])))
      fail_msg("%s differs", field_a[i].name);
  state_free(&state_a);
  state_free(&state_b);
  net_free(&net);
}

static void assert_same_run(const char *a, const char *b, const TrainOpts *opts) {
  comm_barrier(world);
  if (!first()) return;
  char *log_a = log_text(a), *log_b = log_text(b);
  assert_string_equal(log_a, log_b);
  free(log_a);
  free(log_b);
  assert_same_model(a, b);
  assert_same_state(a, b, opts, 24);
}

/* Everything that a run leaves is that of the undisturbed run. */
static void assert_as_reference(const char *out) {
  TrainOpts opts = problem_opts();
  assert_same_run(out, reference, &opts);
}

static int make_reference(void **state) {
  TrainOpts opts = problem_opts();
  problem = problem_new();
  folder_new(alone, reference);
  return train_in(alone, reference, &opts);
}

static int drop_reference(void **state) {
  folder_remove(alone, reference);
  problem_free(&problem);
  return 0;
}

static void any_ranks_and_threads_give_the_same_bits(void **state) {
  char out[RUNDIR_PATH];
  TrainOpts opts = problem_opts();
  for (opts.threads = 1; opts.threads <= 3; opts.threads++) {
    folder_new(world, out);
    assert_int_equal(train_in(world, out, &opts), OK);
    assert_as_reference(out);
    folder_remove(world, out);
  }
}

/* Cut in both phases, in the middle of epochs, and go on with other ranks and threads. */
static void stopped_and_resumed_gives_the_same_bits(void **state) {
  static const long cuts[] = {1, 5, 12, 13, 17, 23, 0};
  char out[RUNDIR_PATH];
  TrainOpts opts = problem_opts();
  folder_new(world, out);
  for (int i = 0; i < (int)(sizeof cuts / sizeof *cuts); i++) {
    opts.steps = cuts[i];
    opts.threads = 1 + i % 2;
    if (i % 3 != 1)
      assert_int_equal(train_in(world, out, &opts), OK);
    else if (first())
      assert_int_equal(train_in(alone, out, &opts), OK);
    comm_barrier(world);
  }
  assert_as_reference(out);
  folder_remove(world, out);
}

static void a_stop_file_stops_and_the_run_goes_on(void **state) {
  char out[RUNDIR_PATH], path[RUNDIR_PATH + 8];
  TrainOpts opts = problem_opts();
  folder_new(world, out);
  snprintf(path, sizeof path, "%s/stop", out);
  if (first()) close(open(path, O_CREAT | O_WRONLY, 0666));
  comm_barrier(world);
  assert_int_equal(train_in(world, out, &opts), ERR_STOPPED);
  assert_int_equal(access(path, F_OK), -1);
  assert_int_equal(train_in(world, out, &opts), OK);
  assert_as_reference(out);
  assert_int_equal(train_in(world, out, &opts), OK); /* finished: says so */
  assert_as_reference(out);
  folder_remove(world, out);
}

/* Flip a byte of a checkpoint's data, which lie at its end. */
static void damage(const char *out, long step) {
  char path[RUNDIR_PATH + 64], byte;
  snprintf(path, sizeof path, "%s/checkpoints/step-%012ld.h5", out, step);
  int fd = open(path, O_RDWR);
  assert_true(fd >= 0);
  off_t at = lseek(fd, 0, SEEK_END) / 8 * 7;
  assert_int_equal(pread(fd, &byte, 1, at), 1);
  byte ^= 4;
  assert_int_equal(pwrite(fd, &byte, 1, at), 1);
  close(fd);
}

static void assert_checkpoints(const char *out, const long *step, int n) {
  char path[RUNDIR_PATH + 64];
  for (int i = 0; i < n; i++) {
    snprintf(path, sizeof path, "%s/checkpoints/step-%012ld.h5", out, step[i]);
    assert_int_equal(access(path, F_OK), 0);
  }
}

static void damaged_checkpoints_are_seen(void **state) {
  char out[RUNDIR_PATH];
  TrainOpts opts = problem_opts();
  opts.checkpoint_steps = 7;
  opts.steps = 20;
  folder_new(world, out);
  assert_int_equal(train_in(world, out, &opts), OK); /* leaves those of steps 14 and 20 */
  if (first()) damage(out, 20);
  comm_barrier(world);
  opts.steps = 0;
  assert_int_equal(train_in(world, out, &opts), OK); /* from 14 */
  assert_as_reference(out);
  if (first()) damage(out, 21), damage(out, 24);
  comm_barrier(world);
  assert_int_equal(train_in(world, out, &opts), ERR_USER);
  assert_non_null(strstr(err_message(), "none of which can be read"));
  assert_checkpoints(out, (long[]){21, 24}, 2); /* untouched, for whoever can mend them */
  opts.fresh = true;
  assert_int_equal(train_in(world, out, &opts), OK);
  assert_as_reference(out);
  folder_remove(world, out);
}

static void another_configuration_is_refused(void **state) {
  char out[RUNDIR_PATH];
  TrainOpts opts = problem_opts();
  TrainInput input = problem->input;
  opts.steps = 2;
  folder_new(world, out);
  assert_int_equal(train_in(world, out, &opts), OK);
  input.out = out;
  input.config = "net: large\n";
  assert_int_equal(train_run(world, &opts, &problem->spec, &input), ERR_USER);
  assert_non_null(strstr(err_message(), "\n  - net: small\n  + net: large\n"));
  Dataset other = problem->data;
  other.checksum = 78;
  input.config = problem->input.config;
  input.data = input.valid_data = &other;
  assert_int_equal(train_run(world, &opts, &problem->spec, &input), ERR_USER);
  assert_non_null(strstr(err_message(), "checksum 000000000000004e"));
  folder_remove(world, out);
}

static void epochs_of_a_phase_that_is_over_stay(void **state) {
  char out[RUNDIR_PATH];
  TrainOpts opts = problem_opts();
  folder_new(world, out);
  opts.steps = 5; /* in the AE phase */
  assert_int_equal(train_in(world, out, &opts), OK);
  opts.ae.epochs++;
  opts.steps = 0;
  assert_int_equal(train_in(world, out, &opts), OK);
  opts.ae.epochs++;
  assert_int_equal(train_in(world, out, &opts), ERR_USER);
  assert_non_null(strstr(err_message(), "train.ae_epochs: found"));
  opts.ae.epochs--;
  opts.nae.epochs++;
  assert_int_equal(train_in(world, out, &opts), OK);
  folder_remove(world, out);
}

/* A newer run takes the directory: the older one must not write any more. */
static void a_newer_run_shuts_the_older_out(void **state) {
  char out[RUNDIR_PATH], path[RUNDIR_PATH + 32];
  Rundir older, newer;
  folder_new(world, out);
  assert_int_equal(rundir_open(&older, world, out, "a\n", false), OK);
  assert_int_equal(rundir_mine(&older), OK);
  comm_barrier(world);
  assert_int_equal(rundir_open(&newer, world, out, "a\n", false), OK);
  assert_int_equal(rundir_mine(&older), ERR_USER);
  assert_int_equal(rundir_mine(&newer), OK);
  assert_int_equal(newer.run_epoch, 2);
  int32_t number = 5;
  Field field = {.name = "number", .type = FIELD_I32, .data = &number, .rows = 1, .row = 1};
  rundir_checkpoint(&older, path, 3);
  assert_int_equal(checkpoint_save(world, path, &field, 1, "", NULL, rundir_fence(&older)),
                   ERR_USER);
  assert_int_equal(access(path, F_OK), -1);
  folder_remove(world, out);
}

static void training_learns(void **state) {
  if (!first()) return;
  char *log = file_text(reference, "log.csv");
  double at_first = atof(strstr(log, ",ae,") + 4);
  free(log);
  assert_true(log_last(reference, "ae", "e_plus") < 0.7 * at_first);
  assert_true(log_last(reference, "nae", "valid_auc") > 0.6);
  /* T = 2 E+ / (d - k): d = 12, and k = 2 on the sphere in 3 dimensions */
  double held_out = log_last(reference, "ae", "valid_e_plus");
  assert_true(log_last(reference, "nae", "temperature") == 2 * held_out / (12 - 2));
}

/* ---- the first step, in double ---- */

typedef struct Plain {
  Net *net;
  float *s;         /* (n_spectral) */
  double *w, *seen; /* (P) the weights, and as the layers see them */
} Plain;

/* seen = W / sigma with sigma = u^T W v, u and v as they are. */
static void divide_by_sigma(const Plain *p) {
  const Net *net = p->net;
  for (int t = 0; t < net->n_tensors; t++) {
    const Tensor *tensor = net_tensor(net, t, NULL, NULL);
    size_t from = net->tensor_offset[t], rows = (size_t)tensor->dims[0];
    size_t columns = tensor->size / rows;
    const float *u = p->s + net->spectral_offset[t], *v = u + rows;
    double sigma = tensor->spectral_axis < 0;
    for (size_t i = 0; i < tensor->size && tensor->spectral_axis >= 0; i++)
      sigma += (double)u[i / columns] * p->w[from + i] * (double)v[i % columns];
    for (size_t i = 0; i < tensor->size; i++) p->seen[from + i] = p->w[from + i] / sigma;
  }
}

static Plain plain_new(uint64_t seed) {
  Plain p;
  assert_int_equal(net_new(&p.net, &problem->spec, problem->data.shape), OK);
  float *w = MEM_NEW(float, "test", p.net->n_params);
  p.s = MEM_NEW(float, "test", p.net->n_spectral);
  p.w = MEM_NEW(double, "test", p.net->n_params);
  p.seen = MEM_NEW(double, "test", p.net->n_params);
  net_init(p.net, w, seed);
  net_spectral_init(p.net, p.s, w, seed);
  net_spectral_step(p.net, p.s, w, 15 + 1); /* at the start; in the step */
  for (size_t i = 0; i < p.net->n_params; i++) p.w[i] = (double)w[i];
  mem_free(&w);
  return p;
}

static void plain_free(Plain *p) {
  mem_free(&p->s);
  mem_free(&p->w);
  mem_free(&p->seen);
  net_free(&p->net);
}

/* Weighted mean of E over the training rows. */
static double plain_energy(const Plain *p) {
  double sum = 0, x[PROBLEM_DIM], y[PROBLEM_DIM];
  const Subset *rows = &problem->input.train;
  divide_by_sigma(p);
  for (long i = 0; i < rows->n; i++) {
    double e = 0, weight = (double)problem->weight[rows->row[i]] * rows->weight_scale;
    for (int k = 0; k < PROBLEM_DIM; k++)
      x[k] = (double)problem->x[rows->row[i] * PROBLEM_DIM + k];
    reference_net(p->net, 0, p->net->n_nodes, y, x, p->seen);
    for (int k = 0; k < PROBLEM_DIM; k++) e += (y[k] - x[k]) * (y[k] - x[k]);
    sum += weight * e / PROBLEM_DIM;
  }
  return sum / (double)rows->n;
}

static double plain_gradient_norm(const Plain *p) {
  const double h = 1e-6;
  double sum = 0;
  for (size_t i = 0; i < p->net->n_params; i++) {
    const double old = p->w[i];
    p->w[i] = old + h;
    double up = plain_energy(p);
    p->w[i] = old - h;
    double down = plain_energy(p);
    p->w[i] = old;
    sum += (up - down) * (up - down) / (4 * h * h);
  }
  return sqrt(sum);
}

/* One batch of all rows: E+ and the gradient through spectral normalisation, with finite
 * differences of a plain double network. */
static void the_first_step_is_the_right_one(void **state) {
  char out[RUNDIR_PATH];
  TrainOpts opts = problem_opts();
  opts.batch = 96, opts.leaf = 4;
  opts.l2_encoder = opts.l2_decoder = 0;
  opts.steps = opts.log_steps = 1;
  folder_new(world, out);
  assert_int_equal(train_in(world, out, &opts), OK);
  Plain p = plain_new(opts.seed);
  double e = plain_energy(&p), norm = plain_gradient_norm(&p);
  assert_float_equal(log_last(out, "ae", "e_plus") / e, 1, 1e-5);
  assert_float_equal(log_last(out, "ae", "gradient_norm") / norm, 1, 1e-4);
  plain_free(&p);
  folder_remove(world, out);
}

/* A rate that throws the weights away: the guard goes back, and where a smaller rate helps, the
 * run ends well; and it does so bit for bit when it is cut in between. */
static TrainOpts diverging(void) {
  TrainOpts opts = problem_opts();
  opts.nae.rate = 30;
  opts.nae.clip = 0;
  opts.guard.band_high = 3;
  opts.guard.rows = 1;
  opts.guard.rate_factor = 1e-5;
  opts.log_steps = 1;
  return opts;
}

static void the_guard_rolls_back(void **state) {
  char out[RUNDIR_PATH], cut[RUNDIR_PATH];
  TrainOpts opts = diverging();
  folder_new(world, out);
  folder_new(world, cut);
  assert_int_equal(train_in(world, out, &opts), OK);
  double rollbacks = log_last(out, "nae", "rollbacks");
  assert_true(rollbacks >= 1 && rollbacks <= 5);
  assert_true(log_last(out, "nae", "e_ratio") < 3);
  for (opts.steps = 13; opts.steps < 20; opts.steps++)
    assert_int_equal(train_in(world, cut, &opts), OK);
  opts.steps = 0;
  assert_int_equal(train_in(world, cut, &opts), OK);
  assert_same_run(cut, out, &opts);
  folder_remove(world, out);
  folder_remove(world, cut);
}

static void the_guard_gives_up(void **state) {
  char out[RUNDIR_PATH];
  TrainOpts opts = diverging();
  opts.guard.rate_factor = 0.9;
  opts.guard.rollbacks = 1;
  folder_new(world, out);
  assert_int_equal(train_in(world, out, &opts), ERR_USER);
  assert_non_null(strstr(err_message(), "1 rollbacks with smaller rates did not help"));
  folder_remove(world, out);
}

static void check_refusal(const TrainOpts *opts, const char *text) {
  assert_int_equal(train_in(world, "never-made", opts), ERR_USER);
  if (!strstr(err_message(), text)) fail_msg("found \"%s\", want \"%s\"", err_message(), text);
  assert_int_equal(access("never-made", F_OK), -1);
}

static void options_that_can_not_be_are_refused(void **state) {
  TrainOpts opts = problem_opts();
  opts.batch = 100;
  check_refusal(&opts, "train.batch: found 100, want a multiple of 16");
  opts.batch = 112;
  check_refusal(&opts, "train.batch: found 112, want at most the number of training samples, 96");
  opts = problem_opts();
  opts.chain.x.bounded = true;
  check_refusal(&opts, "nae.x_bounded: found true with nae.x_sampler mala");
  opts = problem_opts();
  opts.chain.x_sampler = "langevin";
  opts.chain.x.step = 1;
  check_refusal(&opts, "nae.temperature: found auto with a langevin chain");
  opts.chain.temperature_mode = T_FIXED;
  opts.chain.x_warm = true;
  check_refusal(&opts, "nae.x_warm: found true with nae.x_sampler langevin");
  opts.chain.mode = NEG_CD;
  check_refusal(&opts, "nae.x_warm: found true with nae.mode cd");
}

static void what_a_gradient_through_chains_can_not_take_is_refused(void **state) {
  TrainOpts opts = problem_opts();
  strcpy(opts.objective, "wnae");
  check_refusal(&opts, "nae.x_sampler: found mala with objective wnae, want langevin");
  opts.chain.x_sampler = opts.chain.z_sampler = "langevin";
  opts.chain.x.clip = CLIP_ROW;
  check_refusal(&opts, "nae.x_clip: found a clip with objective wnae, want none");
  opts.chain.x.clip = CLIP_NONE;
  check_refusal(&opts,
                "nae.chains: found 64 with objective wnae, want as many as train.batch, 32");
  opts.chain.chains = 0;
  check_refusal(&opts, "nae.z_step_size: found auto with langevin and no nae.z_noise");
  opts.chain.z.noise = opts.chain.x.noise = 0.1;
  opts.chain.temperature_mode = T_FIXED;
  check_refusal(&opts, "objective: found wnae for samples with weights");
  opts.chain.x.steps = 0;
  check_refusal(&opts, "nae.x_steps: found 0 with objective wnae, want at least 1");
  strcpy(opts.energy, "bernoulli");
  check_refusal(&opts, "energy: found bernoulli with objective wnae");
}

static void absent_points_are_for_chains_at_data(void **state) {
  TrainOpts opts = problem_opts();
  Dataset flat = problem->data;
  NetSpec spec = problem->spec;
  problem->data.shape = (Shape){3, 1, 4};
  problem->spec = net_parse("gru 4 masked=1; dense 3", "dense 12");
  strcpy(opts.objective, "nae");
  check_refusal(&opts, "nae.mode: found on_manifold with the layer encoder.0 (gru), which leaves "
                       "absent points out");
  opts.chain.mode = NEG_CD;
  check_refusal(&opts,
                "nae.temperature: found auto with the layer encoder.0 (gru), want a number");
  problem->spec = net_parse("gru 4; dense 3", "dense 12");
  strcpy(opts.energy, "masked");
  opts.chain.temperature_mode = T_FIXED;
  opts.chain.x_sampler = "langevin", opts.chain.x.noise = 0.1;
  opts.chain.x.bounded = true, opts.chain.x.low = 0.5, opts.chain.x.high = 1;
  check_refusal(&opts, "nae.x_low: found bounds from 0.5 to 1 with energy masked, want 0");
  strcpy(opts.objective, "mpdr");
  opts.chain.mode = NEG_RECOVERY;
  check_refusal(&opts,
                "objective: found mpdr with energy masked, which leaves absent points out");
  strcpy(opts.energy, "chamfer");
  strcpy(opts.objective, "wnae");
  check_refusal(&opts, "energy: found chamfer with objective wnae, want mse or masked");
  problem->data = flat;
  problem->spec = spec;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_ranks_and_threads_give_the_same_bits),
      cmocka_unit_test(stopped_and_resumed_gives_the_same_bits),
      cmocka_unit_test(a_stop_file_stops_and_the_run_goes_on),
      cmocka_unit_test(damaged_checkpoints_are_seen),
      cmocka_unit_test(another_configuration_is_refused),
      cmocka_unit_test(epochs_of_a_phase_that_is_over_stay),
      cmocka_unit_test(a_newer_run_shuts_the_older_out),
      cmocka_unit_test(the_first_step_is_the_right_one),
      cmocka_unit_test(training_learns),
      cmocka_unit_test(the_guard_rolls_back),
      cmocka_unit_test(the_guard_gives_up),
      cmocka_unit_test(options_that_can_not_be_are_refused),
      cmocka_unit_test(what_a_gradient_through_chains_can_not_take_is_refused),
      cmocka_unit_test(absent_points_are_for_chains_at_data),
  };
  if (comm_start(&argc, &argv, &world)) return 1;
  int part;
  alone = comm_split(world, comm_size(world), &part);
  provenance_init(argc, argv);
  log_init(comm_rank(world), true);
  int failed = cmocka_run_group_tests(tests, make_reference, drop_reference);
  comm_free(&alone);
  comm_end(&world);
  return failed;
}
