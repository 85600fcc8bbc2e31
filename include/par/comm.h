/* All of MPI that the rooms above need. One communicator `Comm`; ranks own contiguous ranges;
 * errors are agreed on before the next collective; sums that decide anything are of integers or
 * gathered and added in a fixed order. MPI types do not leave this room.
 */
#ifndef PAR_COMM_H
#define PAR_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct Comm Comm;

/* Start MPI (funneled threads) and return the world; failures inside MPI and DIE end all ranks
 * from here on. Errors: a launch that ended up as singletons (size 1 while mpirun or a SLURM step
 * says more) is refused with a hint; *world is set even then, for comm_end, and comm_rank is the
 * rank that the launcher meant, so that one copy alone can print the message. */
Err comm_start(int *argc, char ***argv, Comm **world);
/* Collective. */
void comm_end(Comm **world);
int comm_rank(const Comm *comm);
int comm_size(const Comm *comm);
int comm_node_rank(const Comm *comm); /* rank and size among the ranks of this node */
int comm_node_size(const Comm *comm);
/* Local. Threads that suit a rank: its share of the node's cores, but no more than the launcher
 * bound it to. */
int comm_threads(const Comm *comm);

/* The MPI library and its version, one line. */
void comm_library(char *text, size_t size);
/* Collective. "n1 x 2, n2 x 2": hosts and their ranks, in rank order, for people. */
void comm_hosts(const Comm *comm, char *text, size_t size);
/* Collective. From now on ranks that wait in a collective over this communicator for more than so
 * many minutes name those that have not come, on stderr, and end the program; 0, as at first: they
 * wait for ever. */
void comm_watch(const Comm *comm, double minutes);

/* The half-open range of n items that a rank owns: contiguous, the first n % size ranks one more.
 */
typedef struct Range {
  long from, to;
} Range;
Range range_of(long n, int rank, int size);
/* Which rank owns item i under range_of. */
int range_owner(long n, int size, long i);

/* Collective. Agree on an error: when any rank has one, all return it, with the message of the
 * lowest such rank. */
Err comm_agree(const Comm *comm, Err e);

/* Collective. In place on all ranks. */
void comm_sum_i64(const Comm *comm, int64_t *x, size_t n);
void comm_max_u32(const Comm *comm, uint32_t *x, size_t n);
void comm_max_f64(const Comm *comm, double *x, size_t n);
/* Collective. x (bytes, whole words of 64 bits) holds values only in this rank's own words and zero
 * bits elsewhere; afterwards all of them everywhere, bit for bit. */
void comm_join(const Comm *comm, void *x, size_t bytes);
/* Collective. */
void comm_broadcast(const Comm *comm, void *bytes, size_t n, int root);
void comm_barrier(const Comm *comm);
/* Collective. Gather ranges of records of `size` bytes to rank 0 in rank order (others: all ==
 * NULL). */
void comm_gather(const Comm *comm, void *all, const void *mine, long count, size_t size);

/* Memory held once per node, an MPI shared window (plain memory where a node has one rank); its
 * contents are undefined at first, and the communicator must outlive it. Collective over the
 * node. Errors: not enough room in shared memory (a look at the file system behind it comes
 * first), the same on all ranks of the node; other nodes may have succeeded (comm_agree). `name`:
 * a string literal. */
typedef struct Shared Shared;
Err shared_new(Shared **shared, const Comm *comm, const char *name, size_t bytes);
void *shared_data(const Shared *shared);
/* Collective over the node: what was written before is visible to all afterwards. */
void shared_sync(Shared *shared);
/* Collective over the node. */
void shared_free(Shared **shared);

/* Collective. Split into `parts` groups of consecutive ranks (range_of); the part of this rank in
 * *part. Owns: the caller, comm_free (collective over the part). */
Comm *comm_split(const Comm *comm, int parts, int *part);
void comm_free(Comm **comm);

#endif
