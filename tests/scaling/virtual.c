#include "virtual.h"

#include <mpi.h>
#include <string.h>

#include "../../src/par/internal.h"
#include "base/mem.h"
#include "data/dataset.h"
#include "data/stream.h"
#include "obj/negative.h"
#include "obj/objective.h"
#include "obj/recon.h"

static Costs cost;

void virtual_costs(const Costs *costs) { cost = *costs; }
void virtual_spend(double seconds) { smpi_execute(seconds); }
double virtual_now(void) { return MPI_Wtime(); }

/* SMPI says that it has no threads at all, and this program does not want any. */
int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
  *provided = required;
  return PMPI_Init(argc, argv);
}

/* The sums of the reduction take their time, too: SMPI's own operators take none. */
static void add_words(void *in, void *sum, int *n, MPI_Datatype *type) {
  for (int i = 0; i < *n; i++) ((int64_t *)sum)[i] += ((const int64_t *)in)[i];
  virtual_spend(*n * cost.word_s);
}

int MPI_Allreduce(const void *in, void *out, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  static MPI_Op timed_sum = MPI_OP_NULL;
  if (timed_sum == MPI_OP_NULL) MPI_Op_create(add_words, 1, &timed_sum);
  bool words = op == MPI_SUM && type == MPI_INT64_T;
  return PMPI_Allreduce(in, out, n, type, words ? timed_sum : op, comm);
}

/* The watchdog. Its barrier has as many rounds as the blocking one; to wait in the latter saves the
 * simulator from following every look. */
static bool watched;

Watch *watch_new(void) { return NULL; }
void watch_free(Watch **watch) {}
void watch_begin(const Comm *comm) {
  if (watched) MPI_Barrier(comm->all);
}
void watch_end(const Comm *comm) {}
void comm_watch(const Comm *comm, double minutes) { watched = minutes > 0; }

/* Data: no samples are kept. The time to gather a tile of them is part of the leaf's. */
void dataset_tile(const Dataset *data, float *x, float weight[L], const long row[L]) {
  for (int l = 0; l < L; l++) weight[l] = 1;
}

Err stream_need(Stream *stream, uint64_t epoch, long from, long to) { return OK; }

float *dataset_target(const Dataset *data, float *room, float *x, const long row[L]) { return x; }

/* Objectives. */
static void leaf_virtual(LeafWork *work, const ObjectiveOpts *opts, const Leaf *leaf, float *dw) {
  for (size_t i = 0; i < work->net->n_params; i++) dw[i] += virtual_gradient;
  for (int t = 0; t < leaf->tiles; t++)
    for (int l = 0; l < L; l++) leaf->energy[t][l] = virtual_energy;
  virtual_spend(leaf->tiles * cost.leaf_s);
}

static const Objective objective = {.name = "virtual", .leaf = leaf_virtual};
static const Distance distance = {.name = "virtual"};

const Objective *objective_find(const char *name) { return &objective; }
const Distance *distance_find(const char *name) { return &distance; }

/* No activations: all that a worker keeps of the network is its size. */
LeafWork *leaf_work_new(const Net *net, const Weights *weights, const Distance *of, int tiles) {
  LeafWork *work = MEM_NEW(LeafWork, "leaves", 1);
  *work = (LeafWork){.net = net, .tiles = tiles};
  return work;
}

void leaf_work_free(LeafWork **work) { mem_free(work); }

Recon *recon_new(const Net *net, const Weights *weights, const Distance *of) { return NULL; }
void recon_free(Recon **recon) {}

/* Chains. */
Negative *negative_new(const Net *net, const Weights *weights, const Distance *of) {
  return NULL;
}
void negative_free(Negative **negative) {}

void negative_tile(Negative *negative, const NegativeOpts *opts, Replay *replay, float *x,
                   long c0, uint32_t step, NegativeStats *stats) {
  memset(stats, 0, sizeof *stats);
  virtual_spend(cost.chains_s);
}
