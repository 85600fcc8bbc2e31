#include "par/comm.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "internal.h"

/* A count given to MPI is an int, and some implementations count bytes in one. */
enum { PIECE = 1 << 27 };

void mpi_die(const char *file, int line, const char *call, int code) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int length;
  MPI_Error_string(code, text, &length);
  err_die(file, line, "%.60s: %s", call, text);
}

static void abort_all(int code) {
  int finalized = 1;
  MPI_Finalized(&finalized);
  if (!finalized) MPI_Abort(MPI_COMM_WORLD, code);
}

/* Present when the program is linked with OpenBLAS, whose threads would fight with ours. */
void openblas_set_num_threads(int n) __attribute__((weak));

/* Owns: the caller, comm_free. Takes the communicator `all`. */
static Comm *wrap(MPI_Comm all) {
  Comm *comm = MEM_NEW(Comm, "communicator", 1);
  comm->all = all;
  comm->watch = watch_new();
  MPI(MPI_Comm_set_errhandler(all, MPI_ERRORS_RETURN));
  MPI(MPI_Comm_rank(all, &comm->rank));
  MPI(MPI_Comm_size(all, &comm->size));
  MPI(MPI_Comm_split_type(all, MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL, &comm->node));
  MPI(MPI_Comm_set_errhandler(comm->node, MPI_ERRORS_RETURN));
  MPI(MPI_Comm_rank(comm->node, &comm->node_rank));
  MPI(MPI_Comm_size(comm->node, &comm->node_size));
  return comm;
}

void comm_free(Comm **comm) {
  if (!*comm) return;
  MPI(MPI_Comm_free(&(*comm)->node));
  watch_free(&(*comm)->watch);
  MPI(MPI_Comm_free(&(*comm)->all));
  mem_free(comm);
}

/* Open MPI refuses to start in a step of srun without PMIx, even as one process, and ends the
 * program by itself when there are several: then at least the remedy stands before its own words.
 */
static void init(int *argc, char ***argv, const Launch *launch, int *provided) {
  const char *step = getenv("SLURM_STEP_ID");
  bool alone = step && launch->copies == 1 && !launch->offered;
  char *kept = alone ? strdup(step) : NULL;
  if (alone) unsetenv("SLURM_STEP_ID");
  if (launch->copies > 1 && !launch->offered && launch->rank == 0)
    fprintf(stderr,
            "note: %s is %d, but no process manager is seen; should MPI not start, use srun "
            "--mpi=pmix or mpirun\n",
            launch->variable, launch->copies);
  MPI(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, provided));
  if (kept) setenv("SLURM_STEP_ID", kept, 1);
  free(kept);
}

Err comm_start(int *argc, char ***argv, Comm **world) {
  Launch launch = launch_seen();
  int provided;
  MPI_Comm all;
  init(argc, argv, &launch, &provided);
  MPI(MPI_Comm_dup(MPI_COMM_WORLD, &all));
  *world = wrap(all);
  err_set_abort(abort_all, (*world)->rank);
  CHECK(provided >= MPI_THREAD_FUNNELED, "this MPI library allows no threads at all");
  if (openblas_set_num_threads) openblas_set_num_threads(1);
  if ((*world)->size > 1 || launch.copies <= 1) return OK;
  (*world)->rank = launch.rank;
  return err_user(
      "launch: found %d copies of this program that do not see each other (%s), want one "
      "program on %d ranks; start it with this MPI library's own mpirun, or with "
      "srun --mpi=pmix (srun --mpi=list names the ways there are)",
      launch.copies, launch.variable, launch.copies);
}

void comm_end(Comm **world) {
  if (!*world) return;
  comm_free(world);
  err_set_abort(NULL, 0);
  MPI_Finalize();
}

int comm_rank(const Comm *comm) { return comm->rank; }
int comm_size(const Comm *comm) { return comm->size; }
int comm_node_rank(const Comm *comm) { return comm->node_rank; }
int comm_node_size(const Comm *comm) { return comm->node_size; }

int comm_threads(const Comm *comm) {
  cpu_set_t mine;
  int share = (int)(sysconf(_SC_NPROCESSORS_ONLN) / comm->node_size);
  int bound = sched_getaffinity(0, sizeof mine, &mine) ? share : CPU_COUNT(&mine);
  int threads = share < bound ? share : bound;
  return threads > 1 ? threads : 1;
}

Range range_of(long n, int rank, int size) {
  long each = n / size, more = n % size;
  long from = each * rank + (rank < more ? rank : more);
  return (Range){from, from + each + (rank < more)};
}

int range_owner(long n, int size, long i) {
  long each = n / size, more = n % size;
  long in_longer = more * (each + 1);
  return (int)(i < in_longer ? i / (each + 1) : more + (i - in_longer) / each);
}

/* All-reduce in place. */
static void all_reduce(const Comm *comm, void *x, int count, MPI_Datatype type, MPI_Op op) {
  watch_begin(comm);
  MPI(MPI_Allreduce(MPI_IN_PLACE, x, count, type, op, comm->all));
  watch_end(comm);
}

static void broadcast(const Comm *comm, void *bytes, int count, int root) {
  watch_begin(comm);
  MPI(MPI_Bcast(bytes, count, MPI_BYTE, root, comm->all));
  watch_end(comm);
}

Err comm_agree(const Comm *comm, Err e) {
  int first = e ? comm->rank : comm->size;
  all_reduce(comm, &first, 1, MPI_INT, MPI_MIN);
  if (first == comm->size) return OK;
  char text[4096];
  int code = e;
  snprintf(text, sizeof text, "%s", err_message());
  comm_broadcast(comm, &code, sizeof code, first);
  comm_broadcast(comm, text, sizeof text, first);
  err_set_message(text);
  return code;
}

/* All-reduce in place, in pieces that MPI can count. */
static void reduce(const Comm *comm, void *x, size_t n, size_t size, MPI_Datatype type,
                   MPI_Op op) {
  for (size_t i = 0; i < n; i += PIECE) {
    int count = (int)(n - i < PIECE ? n - i : PIECE);
    all_reduce(comm, (char *)x + i * size, count, type, op);
  }
}

void comm_sum_i64(const Comm *comm, int64_t *x, size_t n) {
  reduce(comm, x, n, sizeof *x, MPI_INT64_T, MPI_SUM);
}

void comm_max_u32(const Comm *comm, uint32_t *x, size_t n) {
  reduce(comm, x, n, sizeof *x, MPI_UINT32_T, MPI_MAX);
}

void comm_max_f64(const Comm *comm, double *x, size_t n) {
  reduce(comm, x, n, sizeof *x, MPI_DOUBLE, MPI_MAX);
}

/* Bits survive a sum of integers with zeros; they need not survive one of floats (-0, NaN). */
void comm_join(const Comm *comm, void *x, size_t bytes) {
  CHECK(bytes % sizeof(int64_t) == 0, "%zu bytes are no words of 64 bits", bytes);
  reduce(comm, x, bytes / sizeof(int64_t), sizeof(int64_t), MPI_INT64_T, MPI_SUM);
}

void comm_broadcast(const Comm *comm, void *bytes, size_t n, int root) {
  for (size_t i = 0; i < n; i += PIECE) {
    int count = (int)(n - i < PIECE ? n - i : PIECE);
    broadcast(comm, (char *)bytes + i, count, root);
  }
}

void comm_barrier(const Comm *comm) {
  watch_begin(comm);
  MPI(MPI_Barrier(comm->all));
  watch_end(comm);
}

enum { TAG_GATHER = 1 };

static void send_all(const Comm *comm, const char *bytes, size_t n, int to) {
  for (size_t i = 0; i < n; i += PIECE)
    MPI(MPI_Send(bytes + i, (int)(n - i < PIECE ? n - i : PIECE), MPI_BYTE, to, TAG_GATHER,
                 comm->all));
}

static void receive_all(const Comm *comm, char *bytes, size_t n, int from) {
  for (size_t i = 0; i < n; i += PIECE)
    MPI(MPI_Recv(bytes + i, (int)(n - i < PIECE ? n - i : PIECE), MPI_BYTE, from, TAG_GATHER,
                 comm->all, MPI_STATUS_IGNORE));
}

/* One rank after the other: no counts in an int, and rank 0 needs no room for requests. */
void comm_gather(const Comm *comm, void *all, const void *mine, long count, size_t size) {
  comm_barrier(comm); /* watched, as what follows is not */
  if (comm->rank) {
    MPI(MPI_Gather(&count, 1, MPI_LONG, NULL, 1, MPI_LONG, 0, comm->all));
    send_all(comm, mine, (size_t)count * size, 0);
    return;
  }
  long *counts = MEM_NEW(long, "counts of a gather", comm->size); /* (size) */
  MPI(MPI_Gather(&count, 1, MPI_LONG, counts, 1, MPI_LONG, 0, comm->all));
  char *at = all;
  if (count) memcpy(at, mine, (size_t)count * size);
  for (int r = 1; r < comm->size; r++) {
    at += (size_t)counts[r - 1] * size;
    receive_all(comm, at, (size_t)counts[r] * size, r);
  }
  mem_free(&counts);
}

Comm *comm_split(const Comm *comm, int parts, int *part) {
  CHECK(parts >= 1 && parts <= comm->size, "%d parts of %d ranks", parts, comm->size);
  *part = range_owner(comm->size, parts, comm->rank);
  MPI_Comm all;
  MPI(MPI_Comm_split(comm->all, *part, comm->rank, &all));
  return wrap(all);
}
