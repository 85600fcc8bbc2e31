/* Steps of the reference jet network on simulated ranks:
 *   smpirun ... simulate BATCH CHAINS LEAF_S CHAINS_S RANK_S WORD_S STEPS WATCHDOG_MINUTES
 * The step is src/train's and the reductions are src/par's, over the simulator's MPI; tiles cost
 * the times given (virtual.h). Prints a line of CSV for each phase: its name, ranks, batch,
 * chains, seconds of a step, and those in which the busiest rank computes. Fails unless every
 * rank holds the sums that it should. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../net/nets.h"
#include "base/log.h"
#include "base/mem.h"
#include "train/step.h"
#include "virtual.h"

enum { IMAGE = 40, N_PARAMS = 84429 + 11 }; /* weights and slopes */

#define S    " spectral=1; "
#define CONV "conv2d 8 kernel=3 padding=1" S "prelu; "
#define BACK "conv_transpose2d 8 kernel=3 padding=1" S
static const char encoder[] = CONV CONV "max_pool2d 2; " CONV CONV "conv2d 1 kernel=3 padding=1" S
                                        "prelu; dense 100" S "prelu; dense 3" S "sphere";
static const char decoder[] =
    "dense 100" S "prelu; dense 400" S "prelu; reshape 1 height=20 width=20; " BACK "prelu; " BACK
    "prelu; upsample 2 mode=1; " BACK "prelu; conv_transpose2d 1 kernel=3 padding=1" S "sigmoid";

typedef struct Plan {
  long batch, chains;
  Costs costs;
  int steps;
} Plan;

/* One rank of the simulation. */
typedef struct Rig {
  TrainOpts opts;
  Dataset data;
  TrainInput input;
  Net *net;
  Split chains;
  State state;
  Stepper *stepper;
} Rig;

static Plan plan_read(char **word) {
  Plan plan = {.batch = atol(word[0]),
               .chains = atol(word[1]),
               .costs = {atof(word[2]), atof(word[3]), atof(word[4]), atof(word[5])},
               .steps = atoi(word[6])};
  CHECK(plan.batch > 0 && plan.batch % L == 0, "batch: found %s, want a multiple of 16", word[0]);
  CHECK(plan.chains % L == 0, "chains: found %s, want a multiple of 16", word[1]);
  CHECK(plan.steps > 0, "steps: found %s, want > 0", word[6]);
  return plan;
}

static TrainOpts opts_of(const Plan *plan) {
  TrainOpts opts = train_defaults();
  opts.batch = plan->batch;
  opts.chain.chains = plan->chains;
  opts.chain.z_sampler = opts.chain.x_sampler = "langevin";
  opts.chain.temperature_mode = T_FIXED;
  opts.threads = 1;
  return opts;
}

/* As many rows as a batch has, in the order of any run. */
static Subset rows_of(long n) {
  Subset subset = {.n = n, .row = MEM_NEW(uint32_t, "rows", n), .weight_scale = 1};
  for (long i = 0; i < n; i++) subset.row[i] = (uint32_t)i;
  return subset;
}

static void rig_make(Rig *rig, const Comm *comm, const Plan *plan) {
  NetSpec spec = net_parse(encoder, decoder);
  rig->opts = opts_of(plan);
  rig->data = (Dataset){.shape = {1, IMAGE, IMAGE}, .rows = plan->batch};
  CHECK(net_new(&rig->net, &spec, rig->data.shape) == OK, "%s", err_message());
  CHECK(rig->net->n_params == N_PARAMS, "%zu weights, want %d", rig->net->n_params, N_PARAMS);
  rig->input = (TrainInput){
      .data = &rig->data,
      .train = rows_of(plan->batch),
      .order = {.n = plan->batch, .block = 1024, .window = 64, .seed = rig->opts.seed}};
  rig->chains = split_new(plan->chains, rig->opts.leaf, comm_rank(comm), comm_size(comm));
  rig->state = state_new(rig->net, &rig->opts, &rig->chains);
  state_start(&rig->state, rig->opts.seed);
  rig->state.now.temperature = rig->state.gamma = 1;
  rig->stepper = stepper_new(comm, &rig->opts, &rig->input, rig->net, &rig->state, &rig->chains);
}

static void rig_free(Rig *rig) {
  stepper_free(&rig->stepper);
  state_free(&rig->state);
  mem_free(&rig->input.train.row);
  net_free(&rig->net);
}

/* Every leaf gave the same gradient: the sum over all ranks is to this rank's own as their leaves
 * are, bit for bit. */
static void check_sums(const Rig *rig, const StepReport *report) {
  const Stepper *s = rig->stepper;
  bool nae = rig->state.at.phase == PHASE_NAE;
  long own = s->plus.leaf_mine.to - s->plus.leaf_mine.from, all = s->plus.leaves;
  if (nae) own += s->minus.leaf_mine.to - s->minus.leaf_mine.from, all += s->minus.leaves;
  const int64_t *mine = s->worker[0].sum.sum, *sum = s->packet.word;
  for (size_t i = 0; i < s->net->n_params; i++)
    CHECK(sum[i] > 0 && sum[i] * own == mine[i] * all, "gradient %zu: a sum is wrong", i);
  CHECK(report->finite && fabs(report->plus - virtual_energy) < 1e-6, "E+ = %g", report->plus);
  CHECK(!nae || fabs(report->minus - virtual_energy) < 1e-6, "E- = %g", report->minus);
}

static void one_step(Rig *rig, const Plan *plan) {
  StepReport report;
  virtual_spend(plan->costs.rank_s);
  step_run(rig->stepper, &rig->state, &report);
  check_sums(rig, &report);
}

/* Seconds in which the first rank, which has the most tiles, computes in a step. */
static double compute_seconds(const Rig *rig, const Plan *plan) {
  const Split *plus = &rig->stepper->plus, *minus = &rig->stepper->minus;
  long data = plus->tile_mine.to - plus->tile_mine.from;
  long chains =
      rig->state.at.phase == PHASE_NAE ? minus->tile_mine.to - minus->tile_mine.from : 0;
  const Costs *costs = &plan->costs;
  return costs->rank_s + (double)(data + chains) * costs->leaf_s +
         (double)chains * costs->chains_s;
}

/* The first step finds the exponents of the sums and goes through the data twice. */
static void measure(Rig *rig, Phase phase, const Comm *comm, const Plan *plan) {
  rig->state.at.phase = phase;
  one_step(rig, plan);
  comm_barrier(comm);
  double start = virtual_now();
  for (int i = 0; i < plan->steps; i++) one_step(rig, plan);
  comm_barrier(comm);
  double step_s = (virtual_now() - start) / plan->steps;
  if (comm_rank(comm) == 0)
    printf("%s,%d,%ld,%ld,%.9g,%.9g\n", rig->state.at.phase == PHASE_NAE ? "nae" : "ae",
           comm_size(comm), plan->batch, plan->chains, step_s, compute_seconds(rig, plan));
}

int main(int argc, char **argv) {
  Comm *world;
  Rig rig = {0};
  CHECK(comm_start(&argc, &argv, &world) == OK, "%s", err_message());
  log_init(comm_rank(world), false);
  CHECK(argc == 9,
        "found %d arguments, want BATCH CHAINS LEAF_S CHAINS_S RANK_S WORD_S STEPS "
        "WATCHDOG_MINUTES",
        argc - 1);
  Plan plan = plan_read(argv + 1);
  virtual_costs(&plan.costs);
  comm_watch(world, atof(argv[8]));
  rig_make(&rig, world, &plan);
  measure(&rig, PHASE_AE, world, &plan);
  measure(&rig, PHASE_NAE, world, &plan);
  rig_free(&rig);
  comm_end(&world);
  return 0;
}
