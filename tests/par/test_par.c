/* The communicator on any number of ranks (jobs/mpi N test_par): every promise of par/comm.h, with
 * values that follow from rank and size alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "par/comm.h"

static Comm *world;
static int rank, size;

static void ranges_cover_everything_once(void) {
  for (long n = 0; n < 40; n++)
    for (int s = 1; s <= 9; s++) {
      long next = 0, shortest = n, longest = 0;
      for (int r = 0; r < s; r++) {
        Range range = range_of(n, r, s);
        long length = range.to - range.from;
        CHECK(range.from == next && length >= 0, "range %d of %d of %ld", r, s, n);
        for (long i = range.from; i < range.to; i++)
          CHECK(range_owner(n, s, i) == r, "owner of %ld of %ld", i, n);
        next = range.to;
        if (length < shortest) shortest = length;
        if (length > longest) longest = length;
      }
      CHECK(next == n && longest - shortest <= 1, "ranges of %ld over %d", n, s);
    }
}

static void agreement_takes_the_lowest_rank(void) {
  CHECK(comm_agree(world, OK) == OK, "agreed on an error that nobody has");
  for (int first = 0; first < size; first++) {
    char want[64];
    err_clear();
    Err e = rank >= first ? err_user("rank %d has no file", rank) : OK;
    CHECK(comm_agree(world, e) == ERR_USER, "no error from rank %d", first);
    snprintf(want, sizeof want, "rank %d has no file", first);
    CHECK(!strcmp(err_message(), want), "found %s, want %s", err_message(), want);
  }
  CHECK(comm_agree(world, rank == size - 1 ? ERR_STOPPED : OK) == ERR_STOPPED, "not stopped");
}

static void sums_and_largest(void) {
  enum { N = 1000 };
  static int64_t x[N];
  uint32_t u[2] = {(uint32_t)rank, 0x7fc00000u - (uint32_t)rank};
  double d[2] = {-(double)rank, rank};
  for (int i = 0; i < N; i++) x[i] = (INT64_C(1) << 40) * (rank + 1) - i;
  comm_sum_i64(world, x, N);
  for (int i = 0; i < N; i++)
    CHECK(x[i] == (INT64_C(1) << 40) * size * (size + 1) / 2 - (int64_t)size * i, "sum %d", i);
  comm_max_u32(world, u, 2);
  CHECK(u[0] == (uint32_t)size - 1 && u[1] == 0x7fc00000u, "largest unsigned");
  comm_max_f64(world, d, 2);
  CHECK(d[0] == 0 && d[1] == size - 1, "largest double");
}

/* Bits that a sum of doubles would lose: -0, subnormals, infinities, NaN with a payload. */
static void join_keeps_every_bit(void) {
  enum { N = 23 };
  static const uint64_t odd[] = {0x8000000000000000u, 1, 0x7ff0000000000000u, 0xfff8000000000123u,
                                 0x3fb999999999999au};
  double x[N] = {0};
  Range mine = range_of(N, rank, size);
  for (long i = mine.from; i < mine.to; i++) memcpy(&x[i], &odd[i % 5], sizeof *x);
  comm_join(world, x, sizeof x);
  for (int i = 0; i < N; i++) CHECK(!memcmp(&x[i], &odd[i % 5], sizeof *x), "bits of %d", i);
}

static void broadcast_reaches_all(void) {
  for (int root = 0; root < size; root++) {
    long x[3] = {rank, rank + 1, rank + 2};
    comm_broadcast(world, x, sizeof x, root);
    CHECK(x[0] == root && x[2] == root + 2, "broadcast from %d", root);
  }
}

/* Rank r sends r + 1 records, and rank 1 none. */
static void gather_keeps_the_order(void) {
  short all[64][3], mine[8][3];
  long count = rank == 1 ? 0 : rank + 1;
  for (long i = 0; i < count; i++)
    for (int k = 0; k < 3; k++) mine[i][k] = (short)(100 * rank + 10 * i + k);
  comm_gather(world, rank ? NULL : all, mine, count, sizeof *mine);
  if (rank) return;
  short(*at)[3] = all;
  for (int r = 0; r < size; r++)
    for (int i = 0; r != 1 && i < r + 1; i++, at++)
      for (int k = 0; k < 3; k++)
        CHECK((*at)[k] == 100 * r + 10 * i + k, "record %d of rank %d", i, r);
}

static void parts_are_worlds_of_their_own(void) {
  for (int parts = 1; parts <= size; parts++) {
    int part;
    Comm *own = comm_split(world, parts, &part);
    Range ranks = range_of(size, part, parts);
    CHECK(rank >= ranks.from && rank < ranks.to, "part %d of %d", part, parts);
    CHECK(comm_rank(own) == rank - ranks.from, "rank in part");
    CHECK(comm_size(own) == ranks.to - ranks.from, "size of part");
    int64_t one = 1;
    comm_sum_i64(own, &one, 1);
    CHECK(one == comm_size(own), "sum in part");
    comm_free(&own);
  }
}

static void window_is_seen_by_the_node(void) {
  enum { N = 100003 };
  Shared *shared;
  int node_rank = comm_node_rank(world), node_size = comm_node_size(world);
  CHECK(shared_new(&shared, world, "test numbers", N * sizeof(long)) == OK, "%s", err_message());
  long *x = shared_data(shared); /* (N) */
  for (int turn = 0; turn < 3; turn++) {
    Range mine = range_of(N, (node_rank + turn) % node_size, node_size);
    for (long i = mine.from; i < mine.to; i++) x[i] = i * (turn + 1);
    shared_sync(shared);
    for (long i = 0; i < N; i++) CHECK(x[i] == i * (turn + 1), "turn %d: %ld", turn, i);
    shared_sync(shared);
  }
  shared_free(&shared);
  CHECK(!shared, "not cleared");
  CHECK(shared_new(&shared, world, "nothing", 0) == OK, "%s", err_message());
  shared_sync(shared);
  shared_free(&shared);
}

static void no_room_is_said_in_advance(void) {
  Shared *shared;
  if (comm_node_size(world) == 1) return;
  CHECK(shared_new(&shared, world, "a million GB", (size_t)1000000 << 30) == ERR_USER, "made it");
  CHECK(!shared, "a window in spite of the error");
  CHECK(!strncmp(err_message(), "shared memory: found ", 21) &&
            strstr(err_message(), " MB free in ") &&
            strstr(err_message(),
                   ", want 1073741828.2 MB for a million GB (one copy per node); "
                   "enlarge it (mount -o remount,size=...), take more nodes or less "
                   "data, or run one rank per node with more threads"),
        "%s", err_message());
  CHECK(comm_agree(world, OK) == OK, "out of step");
}

int main(int argc, char **argv) {
  CHECK(comm_start(&argc, &argv, &world) == OK, "%s", err_message());
  rank = comm_rank(world), size = comm_size(world);
  CHECK(argc < 2 || atoi(argv[1]) == size, "found %d ranks, want %s", size, argv[1]);
  ranges_cover_everything_once();
  agreement_takes_the_lowest_rank();
  sums_and_largest();
  join_keeps_every_bit();
  broadcast_reaches_all();
  gather_keeps_the_order();
  parts_are_worlds_of_their_own();
  window_is_seen_by_the_node();
  no_room_is_said_in_advance();
  comm_barrier(world);
  comm_end(&world);
  return 0;
}
