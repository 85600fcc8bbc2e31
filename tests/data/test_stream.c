/* Samples that pass by, on any number of ranks (run_mpi N test_stream N): bit for bit those of
 * the same file in memory, wherever in whichever epoch they are asked for; what stays, stays; the
 * memory given is kept to; a file that changes is found out. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "data/prepare.h"
#include "data/standard.h"
#include "data/stream.h"

enum { TOYS = 1000, SIZE = 20, DIM = SIZE * SIZE, MARGIN = 4000 };

static Comm *world;
static char folder[] = "/tmp/jetnae-stream-XXXXXX", path[64];

static DataOpts lean_opts(Stay stay) {
  DataOpts opts = {
      .source = {.reader = "lean", .path = path}, .view = view_defaults(), .stay = stay};
  opts.view.image.size = SIZE;
  opts.view.image.smooth = 1;
  return opts;
}

static Dataset load(Stay stay) {
  DataOpts opts = lean_opts(stay);
  Dataset data;
  CHECK(dataset_load(&data, world, &opts, "test") == OK, "%s", err_message());
  CHECK(!data.away == (stay == STAY_ALL), "samples are not where they should be");
  return data;
}

static void write_toys(PrepareLayout layout) {
  PrepareOpts opts = {
      .data = {.source = {.reader = "toy", .toy_jets = TOYS, .seed = 3}, .view = view_defaults()},
      .layout = layout};
  opts.data.view.image.size = SIZE;
  CHECK(prepare_file(world, path, &opts, "prepare") == OK, "%s", err_message());
}

/* The same file in memory and away, and what is wanted of it. */
typedef struct Both {
  Dataset memory, away;
  Subset train, valid, signal;
  StreamPlan plan;
  Stream *stream;
} Both;

static Both both_new(long block, long window, long batch, bool standardised) {
  Both b = {.memory = load(STAY_ALL), .away = load(STAY_NONE)};
  b.train = subset_select(&b.away, 0, 0.2, 1, 0, 5);
  b.valid = subset_select(&b.away, 0, 0, 0.2, 0, 5);
  b.signal = subset_select(&b.away, 1, 0, 0.2, 0, 5);
  b.plan = (StreamPlan){.order = {b.train.n, block, window, 7},
                        .batch = batch,
                        .epoch_step = 2,
                        .held = {b.valid, b.signal}};
  if (!standardised) return b;
  Standard here, there;
  CHECK(standard_measure(&here, world, &b.memory, &b.train) == OK, "%s", err_message());
  CHECK(standard_measure(&there, world, &b.away, &b.train) == OK, "%s", err_message());
  CHECK(!memcmp(here.mean, there.mean, DIM * sizeof(float)), "means");
  CHECK(!memcmp(here.scale, there.scale, DIM * sizeof(float)), "scales");
  standard_apply(&b.memory, world, here.mean, here.scale);
  standard_apply(&b.away, world, there.mean, there.scale);
  standard_free(&here), standard_free(&there);
  return b;
}

static void both_free(Both *b) {
  stream_free(&b->stream);
  subset_free(&b->train), subset_free(&b->valid), subset_free(&b->signal);
  dataset_free(&b->memory), dataset_free(&b->away);
}

/* With room for so many samples. */
static Err open_stream(Both *b, long samples) {
  size_t rows = b->away.bytes + TOYS * sizeof *b->away.place;
  b->plan.rows = &b->train;
  b->plan.memory_gb = 1e-9 * (double)(rows + (size_t)samples * DIM * sizeof(float) + MARGIN);
  return stream_new(&b->stream, world, &b->away, &b->plan, 2);
}

static void same_tile(const Both *b, const long row[L]) {
  static float want[DIM * L], found[DIM * L];
  float weight[2][L];
  dataset_tile(&b->memory, want, weight[0], row);
  dataset_tile(&b->away, found, weight[1], row);
  CHECK(!memcmp(want, found, sizeof want), "samples of rows %ld ...", row[0]);
  CHECK(!memcmp(weight[0], weight[1], sizeof *weight), "weights of rows %ld ...", row[0]);
}

static void same_batch(const Both *b, uint64_t epoch, long from) {
  for (long t = 0; t < b->plan.batch / L; t++) {
    long row[L];
    for (int l = 0; l < L; l++)
      row[l] = (long)b->train.row[order_at(&b->plan.order, epoch, from + t * L + l)];
    same_tile(b, row);
  }
}

/* Nothing is found but what is in memory. */
static void places_are_few(const Both *b, long slots) {
  long placed = 0;
  for (long row = 0; row < TOYS; row++) placed += b->away.place[row] != NOWHERE;
  CHECK(placed <= slots, "%ld places in %ld slots", placed, slots);
}

static void same_subset(const Both *b, const Subset *subset) {
  for (long i = 0; i < subset->n; i++) {
    long row[L] = {subset->row[i]};
    for (int l = 1; l < L; l++) row[l] = -1;
    same_tile(b, row);
  }
}

/* Two epochs as in training, then wherever a resumed run or another phase may want to go on. */
static void walk(const Both *b) {
  const struct {
    uint64_t epoch;
    long from, batches; /* 0: to the end */
  } parts[] = {{0, 0, 0}, {2, 0, 0}, {4, 0, 2}, {1, 0, 3},
               {1, 1, 1}, {1, 0, 1}, {9, 3, 0}, {11, 0, 1}};
  long batch = b->plan.batch, all = b->train.n / batch;
  for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
    long from = parts[p].from, to = parts[p].batches ? from + parts[p].batches : all;
    for (long i = from; i < to; i++) {
      CHECK(stream_need(b->stream, parts[p].epoch, i * batch, (i + 1) * batch) == OK, "%s",
            err_message());
      same_batch(b, parts[p].epoch, i * batch);
      comm_barrier(world);
    }
  }
}

static void what_passes_is_what_lies_in_memory(long block, long window, long batch,
                                               bool standard) {
  Both b = both_new(block, window, batch, standard);
  long windows = order_windows_most(&b.plan.order, batch);
  long samples = windows * block * window + b.valid.n + b.signal.n;
  CHECK(b.memory.checksum == b.away.checksum, "checksums");
  CHECK(open_stream(&b, samples) == OK, "%s", err_message());
  CHECK(b.stream, "nothing is streamed");
  CHECK((double)b.away.bytes <= b.plan.memory_gb * 1e9, "%zu bytes", b.away.bytes);
  walk(&b);
  places_are_few(&b, samples);
  same_subset(&b, &b.valid), same_subset(&b, &b.signal);
  both_free(&b);
}

static void all_that_fit_stay(void) {
  Both b = both_new(32, 64, 64, true);
  CHECK(open_stream(&b, b.train.n + b.valid.n + b.signal.n) == OK, "%s", err_message());
  CHECK(!b.stream, "what fits is streamed");
  same_subset(&b, &b.train), same_subset(&b, &b.valid), same_subset(&b, &b.signal);
  both_free(&b);
}

static void windows_that_do_not_fit_are_an_error(void) {
  Both b = both_new(32, 4, 64, false);
  long held = b.valid.n + b.signal.n;
  Err e = open_stream(&b, 2 * 32 * 4 + held - 10);
  const char *want = " for 2 windows of 128 samples (data.window of 4 blocks of data.block 32), ";
  CHECK(e == ERR_USER && strstr(err_message(), want), "found %s", err_message());
  CHECK(!b.stream, "a stream");
  both_free(&b);
}

/* Turns a bit of every 64th byte in the file's second half. */
static void damage(void) {
  comm_barrier(world);
  if (comm_rank(world) == 0) {
    int fd = open(path, O_RDWR);
    off_t size = lseek(fd, 0, SEEK_END);
    for (off_t at = size / 2; at < size; at += 64) {
      unsigned char byte;
      CHECK(pread(fd, &byte, 1, at) == 1, "read");
      byte ^= 1;
      CHECK(pwrite(fd, &byte, 1, at) == 1, "write");
    }
    close(fd);
  }
  comm_barrier(world);
}

static void cut(void) {
  comm_barrier(world);
  if (comm_rank(world) == 0) CHECK(truncate(path, 4096) == 0, "truncate");
  comm_barrier(world);
}

/* The error comes from a thread of some rank, at the latest after an epoch, and to all ranks. */
static void a_file_that_changes_is_found_out(void (*change)(void), const char *want) {
  Both b = both_new(32, 4, 64, false);
  Err e = open_stream(&b, 2 * 32 * 4 + b.valid.n + b.signal.n);
  CHECK(e == OK && stream_need(b.stream, 0, 0, 64) == OK, "%s", err_message());
  change();
  for (long i = 1; i < 2 * (b.train.n / 64) && !e; i++) {
    long batch = i % (b.train.n / 64);
    e = stream_need(b.stream, i == batch ? 0 : 2, batch * 64, batch * 64 + 64);
  }
  CHECK(e == ERR_USER && strstr(err_message(), want), "found \"%s\", want \"%s\"", err_message(),
        want);
  err_clear();
  both_free(&b);
}

int main(int argc, char **argv) {
  CHECK(comm_start(&argc, &argv, &world) == OK, "%s", err_message());
  CHECK(argc < 2 || atoi(argv[1]) == comm_size(world), "found %d ranks, want %s",
        comm_size(world), argv[1]);
  log_init(comm_rank(world), true);
  if (comm_rank(world) == 0) CHECK(mkdtemp(folder), "no folder");
  comm_broadcast(world, folder, sizeof folder, 0);
  snprintf(path, sizeof path, "%s/toys.h5", folder);
  write_toys(PREPARE_JETS);
  what_passes_is_what_lies_in_memory(32, 4, 64, false);
  what_passes_is_what_lies_in_memory(7, 1, 48, true);
  all_that_fit_stay();
  windows_that_do_not_fit_are_an_error();
  write_toys(PREPARE_PIXELS);
  what_passes_is_what_lies_in_memory(16, 2, 64, true);
  a_file_that_changes_is_found_out(damage, " is damaged");
  write_toys(PREPARE_JETS);
  a_file_that_changes_is_found_out(cut, "the file ends too early; copy it again");
  if (comm_rank(world) == 0)
    CHECK(unlink(path) == 0 && rmdir(folder) == 0, "cannot remove %s", folder);
  comm_end(&world);
  return 0;
}
