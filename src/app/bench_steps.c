/* Whole steps of the reference networks, and scoring, on one thread. Every rank measures on
 * its own and the first one speaks: under mpirun the machine is as busy as in training. */
#include "app/bench.h"
#include "base/clock.h"
#include "base/mem.h"
#include "obj/recon.h"
#include "train/step.h"
#include "train/temperature.h"

/* The published network for jet images. */
#define IMAGES                                                                                   \
  "data: {source: toy, toy_jets: 64, image_size: 40, smooth: 2}\n"                               \
  "net:\n"                                                                                       \
  "  spectral: true\n"                                                                           \
  "  encoder:\n"                                                                                 \
  "    - conv2d: {channels: 8, kernel: 3, padding: 1}\n"                                         \
  "    - prelu\n"                                                                                \
  "    - conv2d: {channels: 8, kernel: 3, padding: 1}\n"                                         \
  "    - prelu\n"                                                                                \
  "    - max_pool2d: 2\n"                                                                        \
  "    - conv2d: {channels: 8, kernel: 3, padding: 1}\n"                                         \
  "    - prelu\n"                                                                                \
  "    - conv2d: {channels: 8, kernel: 3, padding: 1}\n"                                         \
  "    - prelu\n"                                                                                \
  "    - conv2d: {channels: 1, kernel: 3, padding: 1}\n"                                         \
  "    - prelu\n"                                                                                \
  "    - dense: 100\n"                                                                           \
  "    - prelu\n"                                                                                \
  "    - dense: 3\n"                                                                             \
  "    - sphere\n"                                                                               \
  "  decoder:\n"                                                                                 \
  "    - dense: 100\n"                                                                           \
  "    - prelu\n"                                                                                \
  "    - dense: 400\n"                                                                           \
  "    - prelu\n"                                                                                \
  "    - reshape: {channels: 1, height: 20, width: 20}\n"                                        \
  "    - conv_transpose2d: {channels: 8, kernel: 3, padding: 1}\n"                               \
  "    - prelu\n"                                                                                \
  "    - conv_transpose2d: {channels: 8, kernel: 3, padding: 1}\n"                               \
  "    - prelu\n"                                                                                \
  "    - upsample: {factor: 2, mode: bilinear}\n"                                                \
  "    - conv_transpose2d: {channels: 8, kernel: 3, padding: 1}\n"                               \
  "    - prelu\n"                                                                                \
  "    - conv_transpose2d: {channels: 1, kernel: 3, padding: 1}\n"                               \
  "    - sigmoid\n"                                                                              \
  "train: {batch: 64, ae_clip: 0.1, l2_encoder: 1e-8, l2_decoder: 1e-8}\n"

static const char images[] =
    "objective: nae\n"
    "threads: 1\n" IMAGES "nae:\n"
    "  {mode: on_manifold, temperature: 1, gamma: 1, gamma_unit: absolute, chains: 64,\n"
    "   z_sampler: langevin, z_steps: 30, z_step_size: 100, z_noise: 0.01, z_clip: row,\n"
    "   x_sampler: langevin, x_steps: 30, x_step_size: 50, x_noise: 1e-4, x_noise_anneal: true,\n"
    "   x_clip: row}\n";

/* The same network with the published chains of mpdr, and as its frozen autoencoder. */
static const char recovery[] =
    "objective: mpdr\n"
    "threads: 1\n" IMAGES "nae:\n"
    "  {temperature: 1, gamma: 1, gamma_unit: absolute, chains: 64,\n"
    "   z_sampler: langevin, z_steps: 5, z_step_size: 0.1, z_noise: 0.02, z_clip: unit,\n"
    "   x_sampler: langevin, x_steps: 5, x_step_size: 10, x_noise: 0.005}\n";

/* The network of configs/jets-dense.yaml. */
static const char dense[] = "objective: ae\n"
                            "threads: 1\n"
                            "data: {source: toy, toy_jets: 128, image_size: 40}\n"
                            "net:\n"
                            "  encoder:\n"
                            "    - dense: 400\n"
                            "    - prelu\n"
                            "    - dense: 400\n"
                            "    - prelu\n"
                            "    - dense: 20\n"
                            "  decoder:\n"
                            "    - dense: 400\n"
                            "    - prelu\n"
                            "    - dense: 400\n"
                            "    - prelu\n"
                            "    - dense: 1600\n"
                            "train: {batch: 128, leaf: 8}\n";

/* The network of configs/jets-gru.yaml, every point there. */
static const char sequences[] = "objective: ae\n"
                                "threads: 1\n"
                                "data: {source: toy, toy_jets: 64, view: sequence, points: 50}\n"
                                "net:\n"
                                "  encoder:\n"
                                "    - gru: 64\n"
                                "    - dense: 16\n"
                                "  decoder:\n"
                                "    - repeat: 50\n"
                                "    - gru: {units: 64, returns: sequence}\n"
                                "    - conv1d: {channels: 3, kernel: 1}\n"
                                "train: {batch: 64}\n";

/* The network of configs/jets-graph.yaml. */
static const char sets[] = "objective: ae\n"
                           "energy: chamfer_pt\n"
                           "threads: 1\n"
                           "data: {source: toy, toy_jets: 64, view: sequence, points: 40}\n"
                           "net:\n"
                           "  encoder:\n"
                           "    - edge_conv: {channels: 64, neighbours: 8, coordinates: true}\n"
                           "    - edge_conv: {channels: 128, neighbours: 8}\n"
                           "    - pool_points: mean\n"
                           "    - dense: 64\n"
                           "    - prelu\n"
                           "    - dense: 16\n"
                           "  decoder:\n"
                           "    - dense: 128\n"
                           "    - prelu\n"
                           "    - dense: 128\n"
                           "    - prelu\n"
                           "    - dense: 120\n"
                           "    - reshape: {channels: 3, height: 1, width: 40}\n"
                           "train: {batch: 64, leaf: 4}\n";

/* In place of what `images` says: no latent chain, as many visible steps as published. */
static char *const transported[] = {"objective=wnae",
                                    "nae.mode=pcd",
                                    "nae.z_steps=0",
                                    "nae.x_steps=10",
                                    "nae.x_noise_anneal=false",
                                    "nae.x_clip=none",
                                    NULL};

/* The network of configs/jets-features-nae.yaml, its chains and those of its successors. */
static const char observables[] =
    "objective: nae\n"
    "threads: 1\n"
    "data: {source: toy, toy_jets: 256, view: features}\n"
    "net:\n"
    "  spectral: true\n"
    "  encoder: [dense: 64, prelu, dense: 32, prelu, dense: 1]\n"
    "  decoder: [dense: 32, prelu, dense: 64, prelu, dense: 11]\n"
    "train: {batch: 256}\n"
    "nae: {temperature: 0.2, gamma: 0.02, chains: 256,\n"
    "      x_sampler: langevin, x_steps: 10, x_noise: 0.4, x_step_size: 0.08,\n"
    "      x_bounded: true, x_low: -8, x_high: 8}\n";

static char *const observables_persistent[] = {"nae.mode=pcd", NULL};

static char *const observables_recovered[] = {"objective=mpdr",  "nae.z_sampler=langevin",
                                              "nae.z_steps=5",   "nae.z_step_size=0.02",
                                              "nae.z_noise=0.2", NULL};

/* With a batch whose transport takes its time. */
static char *const observables_transported[] = {"objective=wnae",
                                                "data.toy_jets=2048",
                                                "train.batch=2048",
                                                "nae.chains=2048",
                                                "nae.mode=pcd",
                                                "nae.temperature=0.05",
                                                "nae.x_noise=0.2",
                                                "nae.x_step_size=0.02",
                                                "nae.x_low=-3",
                                                "nae.x_high=3",
                                                NULL};

typedef struct Rig {
  Config config;
  Dataset data;
  TrainInput input;
  Net *net;
  Manifold frozen; /* of mpdr */
  Split chains;
  State state;
  Stepper *stepper;
  Recon *recon;
  float *x;                       /* (dim, L) */
  double checked;                 /* sum of energies, so that they are wanted */
  double stepping_s, assigning_s; /* of all steps so far */
} Rig;

/* A frozen autoencoder with the network's first weights. */
static void freeze(Rig *rig) {
  float *w = MEM_NEW(float, "bench", rig->net->n_params);
  net_init(rig->net, w, rig->config.train.seed);
  rig->frozen = (Manifold){rig->net, weights_new(rig->net), net_on_sphere(rig->net)};
  weights_make(&rig->frozen.weights, rig->net, w, NULL);
  rig->input.manifolds = (Manifolds){1, &rig->frozen};
  mem_free(&w);
}

static Err rig_make(Rig *rig, const Comm *comm, const char *text, int n, char *const *words) {
  const TrainOpts *opts = &rig->config.train;
  rig->config = config_defaults();
  TRY(config_read(&rig->config, "the benchmark's network", text, n, words));
  TRY(dataset_load(&rig->data, comm, &rig->config.data, "making toy jets"));
  TRY(net_new(&rig->net, &rig->config.net, rig->data.shape));
  rig->input = (TrainInput){
      .data = &rig->data,
      .train = subset_select(&rig->data, CLASS_ALL, 0, 1, 0, opts->seed),
      .order = {.block = rig->config.block, .window = rig->config.window, .seed = opts->seed}};
  rig->input.order.n = rig->input.train.n;
  if (objective_find(opts->objective)->manifold) freeze(rig);
  rig->chains = split_new(opts->chain.chains, opts->leaf, 0, 1);
  rig->state = state_new(rig->net, opts, &rig->chains);
  state_start(&rig->state, opts->seed);
  rig->state.now.temperature = rig->state.gamma = 1;
  rig->stepper = stepper_new(comm, opts, &rig->input, rig->net, &rig->state, &rig->chains);
  rig->recon = recon_new(rig->net, &rig->stepper->weights, rig->stepper->distance);
  rig->x = MEM_NEW(float, "bench", shape_size(rig->data.shape) * L);
  return OK;
}

static void rig_free(Rig *rig) {
  mem_free(&rig->x);
  if (rig->recon) recon_free(&rig->recon);
  if (rig->stepper) {
    stepper_free(&rig->stepper);
    state_free(&rig->state);
    subset_free(&rig->input.train);
  }
  if (rig->frozen.net) weights_free(&rig->frozen.weights);
  if (rig->net) net_free(&rig->net);
  if (rig->data.rows) dataset_free(&rig->data);
}

static void step(void *arg) {
  Rig *rig = arg;
  StepReport report;
  step_run(rig->stepper, &rig->state, &report);
}

/* Score the first n jets, as `score` does. */
static void score(Rig *rig, long n) {
  for (long from = 0; from < n; from += L) {
    long row[L];
    float weight[L];
    double e[L];
    for (int l = 0; l < L; l++) row[l] = from + l < n ? from + l : -1;
    dataset_tile(&rig->data, rig->x, weight, row);
    recon_energy(rig->recon, e, NULL, rig->x);
    rig->checked += e[0];
  }
}

static void score_all(void *arg) { score(arg, ((Rig *)arg)->data.rows); }
static void score_tile(void *arg) { score(arg, L); }
static void score_one(void *arg) { score(arg, 1); }

/* FLOPs of linear layers from .. to - 1 for one sample, forward. */
static double forward_flops(const Net *net, int from, int to) {
  double flops = 0;
  for (int i = from; i < to; i++)
    if (net->node[i].op->packed_size) flops += bench_layer_flops(&net->node[i]);
  return flops;
}

/* Of one sample of an NAE step. A parameter pass is forward, back to the inputs and to the
 * weights; a step of a chain forward and back. A latent chain goes through the decoder twice. */
static double nae_flops(const Rig *rig) {
  const NaeOpts *nae = &rig->config.train.chain;
  double all = forward_flops(rig->net, 0, rig->net->n_nodes);
  double decoder = forward_flops(rig->net, rig->net->n_encoder, rig->net->n_nodes);
  double latent = nae->z.steps * 2 * (all + decoder) + decoder;
  return (2 * 3 + nae->x.steps * 2) * all + (nae->mode == NEG_ON_MANIFOLD ? latent : 0);
}

/* The same of mpdr: both chains also go through the frozen encoder, and the latent one through its
 * decoder, which is as large as that of the energy. */
static double recovery_flops(const Rig *rig) {
  const NaeOpts *nae = &rig->config.train.chain;
  double all = forward_flops(rig->net, 0, rig->net->n_nodes);
  double encoder = forward_flops(rig->net, 0, rig->net->n_encoder);
  return 2 * 3 * all + nae->x.steps * 2 * (all + encoder) + nae->z.steps * 2 * 2 * all + all;
}

/* Of one sample of a step whose gradient runs through its chain. A step of the chain takes two
 * passes, its way back six: values and tangents forward, back to the inputs and to the weights.
 * Energies of data and of negatives take one each. */
static double wnae_flops(const Rig *rig) {
  const NaeOpts *nae = &rig->config.train.chain;
  double all = forward_flops(rig->net, 0, rig->net->n_nodes);
  double decoder = forward_flops(rig->net, rig->net->n_encoder, rig->net->n_nodes);
  return (2 + 8 * nae->x.steps) * all + (nae->mode == NEG_ON_MANIFOLD ? decoder : 0);
}

/* flops: of one sample */
static void measure(const Bench *bench, Rig *rig, const char *name, void (*work)(void *),
                    long samples, double flops) {
  if (!bench_wants(bench, name)) return;
  double rate = (double)samples / bench_seconds(work, rig, 1.5);
  bench_print(bench, name, rate, "samples/s", flops * rate);
}

/* From the samples to the energies of one call. */
static void measure_latency(const Bench *bench, Rig *rig, const char *name,
                            void (*work)(void *)) {
  if (!bench_wants(bench, name)) return;
  bench_print(bench, name, 1e6 * bench_seconds(work, rig, 0.5), "us", 0);
}

static void measure_images(const Bench *bench, Rig *rig) {
  double flops = forward_flops(rig->net, 0, rig->net->n_nodes);
  long jets = rig->data.rows;
  rig->state.at.phase = PHASE_NAE;
  measure(bench, rig, "nae_step.jets", step, jets, nae_flops(rig));
  rig->state.at.phase = PHASE_AE;
  measure(bench, rig, "ae_step.jets", step, jets, 3 * flops);
  measure(bench, rig, "score.jets", score_all, jets, flops);
  measure(bench, rig, "score16.jets", score_tile, L, flops);
  measure(bench, rig, "score1.jets", score_one, 1, flops);
  measure_latency(bench, rig, "latency1.jets", score_one);
  measure_latency(bench, rig, "latency16.jets", score_tile);
}

static void measure_recovery(const Bench *bench, Rig *rig) {
  rig->state.at.phase = PHASE_NAE;
  measure(bench, rig, "mpdr_step.jets", step, rig->data.rows, recovery_flops(rig));
}

static void measure_plain(const Bench *bench, Rig *rig, const char *step_name,
                          const char *score_name) {
  double flops = forward_flops(rig->net, 0, rig->net->n_nodes);
  measure(bench, rig, step_name, step, rig->data.rows, 3 * flops);
  measure(bench, rig, score_name, score_all, rig->data.rows, flops);
}

static void measure_dense(const Bench *bench, Rig *rig) {
  measure_plain(bench, rig, "ae_step.jets-dense", "score.jets-dense");
}

static void measure_sequences(const Bench *bench, Rig *rig) {
  measure_plain(bench, rig, "ae_step.jets-gru", "score.jets-gru");
}

static void measure_sets(const Bench *bench, Rig *rig) {
  measure_plain(bench, rig, "ae_step.jets-graph", "score.jets-graph");
}

static void timed_step(void *arg) {
  Rig *rig = arg;
  double start = clock_now();
  step(rig);
  rig->stepping_s += clock_now() - start;
  rig->assigning_s += rig->stepper->transport->seconds;
}

/* The step, and which part of it every rank spends on the same assignment. */
static void measure_transport(const Bench *bench, Rig *rig, const char *step_name,
                              const char *share_name) {
  rig->state.at.phase = PHASE_NAE;
  if (!bench_wants(bench, step_name)) return;
  measure(bench, rig, step_name, timed_step, rig->data.rows, wnae_flops(rig));
  bench_print(bench, share_name, rig->assigning_s / rig->stepping_s, "of step", 0);
}

static void measure_transported(const Bench *bench, Rig *rig) {
  measure_transport(bench, rig, "wnae_step.jets", "wnae_step.jets assignment");
}

static void measure_observables(const Bench *bench, Rig *rig) {
  rig->state.at.phase = PHASE_NAE;
  measure(bench, rig, "nae_step.features", step, rig->data.rows, nae_flops(rig));
  rig->state.at.phase = PHASE_AE;
  measure_plain(bench, rig, "ae_step.features", "score.features");
}

static void measure_observables_recovered(const Bench *bench, Rig *rig) {
  rig->state.at.phase = PHASE_NAE;
  measure(bench, rig, "mpdr_step.features", step, rig->data.rows, recovery_flops(rig));
}

static void measure_observables_transported(const Bench *bench, Rig *rig) {
  measure_transport(bench, rig, "wnae_step.features", "wnae_step.features assignment");
}

typedef struct Case {
  const char *text;
  char *const *words; /* in place of what the text says, NULL at the end; NULL: none */
  void (*measure)(const Bench *bench, Rig *rig);
} Case;

static const Case cases[] = {
    {images, NULL, measure_images},
    {images, transported, measure_transported},
    {recovery, NULL, measure_recovery},
    {observables, observables_persistent, measure_observables},
    {observables, observables_transported, measure_observables_transported},
    {observables, observables_recovered, measure_observables_recovered},
    {dense, NULL, measure_dense},
    {sequences, NULL, measure_sequences},
    {sets, NULL, measure_sets},
};

static Err run(const Bench *bench, const Comm *comm, const Case *a) {
  Rig rig = {0};
  int n = 0;
  while (a->words && a->words[n]) n++;
  Err e = rig_make(&rig, comm, a->text, n, a->words);
  if (!e) a->measure(bench, &rig);
  rig_free(&rig);
  return e;
}

Err bench_steps(const Bench *bench, const Comm *comm) {
  int part;
  Comm *alone = comm_split(comm, comm_size(comm), &part);
  Err e = OK;
  for (size_t i = 0; !e && i < sizeof cases / sizeof *cases; i++)
    e = run(bench, alone, &cases[i]);
  comm_free(&alone);
  return e;
}
