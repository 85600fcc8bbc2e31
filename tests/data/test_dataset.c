/* Loading and preparing on any number of ranks (jobs/mpi N test_dataset N): what lies in the
 * window is compared bit for bit with what one process makes row by row; a prepared file with its
 * source; bad input and full disks by their messages. */
#include <hdf5.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "data/prepare.h"
#include "data/toy.h"
#include "io/lean.h"

enum { TOYS = 1300, SIZE = 20, DIM = SIZE * SIZE };

static Comm *world;
static char folder[] = "/tmp/jetnae-dataset-XXXXXX";

static const char *in_folder(const char *name) {
  static char path[4][128];
  static int turn;
  char *p = path[turn++ % 4];
  snprintf(p, sizeof *path, "%s/%s", folder, name);
  return p;
}

static DataOpts toy_opts(void) {
  DataOpts opts = {.source = {.reader = "toy", .toy_jets = TOYS, .seed = 9},
                   .view = view_defaults()};
  opts.view.image.size = SIZE;
  opts.view.image.smooth = 1;
  opts.view.image.power = 0.8;
  return opts;
}

static DataOpts file_opts(const char *name) {
  DataOpts opts = toy_opts();
  opts.source.reader = "auto";
  opts.source.path = name;
  return opts;
}

static Dataset load(const DataOpts *opts) {
  Dataset data;
  CHECK(dataset_load(&data, world, opts, "test") == OK, "%s", err_message());
  return data;
}

static void toys_are_those_of_one_process(void) {
  DataOpts opts = toy_opts();
  Dataset data = load(&opts);
  float p4[4 * TOY_SLOTS], truth[4], image[DIM];
  int8_t label;
  CHECK(data.rows == TOYS && data.shape.h == SIZE && data.has_label, "shape");
  for (long row = 0; row < TOYS; row++) {
    toy_jet(p4, &label, truth, 9, (uint64_t)row);
    CHECK(jet_image(image, p4, TOY_SLOTS, &opts.view.image) == JET_OK && data.ok[row], "toy %ld",
          row);
    CHECK(!memcmp(image, data.x + row * DIM, sizeof image), "image %ld", row);
    CHECK(data.label[row] == label && data.weight[row] == 1, "label %ld", row);
    CHECK(data.mass_gev[row] == (float)jet_mass_gev(p4, TOY_SLOTS), "mass %ld", row);
  }
  dataset_free(&data);
}

/* Each rank alone, in a world of its own, finds the checksum that all find together. */
static void checksum_does_not_know_of_ranks(void) {
  DataOpts opts = toy_opts();
  int part;
  Dataset together = load(&opts), alone;
  Comm *one = comm_split(world, comm_size(world), &part);
  CHECK(dataset_load(&alone, one, &opts, "alone") == OK, "%s", err_message());
  CHECK(alone.checksum == together.checksum, "checksum");
  opts.source.seed++;
  dataset_free(&alone);
  CHECK(dataset_load(&alone, one, &opts, "alone") == OK, "%s", err_message());
  CHECK(alone.checksum != together.checksum, "checksum of other toys");
  dataset_free(&alone), dataset_free(&together);
  comm_free(&one);
}

static void same_data(const Dataset *a, const Dataset *b) {
  size_t n = (size_t)a->rows, dim = (size_t)shape_size(a->shape);
  CHECK(a->rows == b->rows && shape_equal(a->shape, b->shape), "shape");
  CHECK(!memcmp(a->x, b->x, n * dim * sizeof *a->x), "samples");
  CHECK(!memcmp(a->label, b->label, n), "labels");
  CHECK(!memcmp(a->ok, b->ok, n), "refused rows");
  CHECK(!memcmp(a->weight, b->weight, n * sizeof *a->weight), "weights");
  CHECK(!memcmp(a->mass_gev, b->mass_gev, n * sizeof *a->mass_gev), "masses");
  CHECK(a->checksum == b->checksum, "checksum");
}

static void prepare(const DataOpts *from, PrepareLayout layout, const char *out) {
  PrepareOpts opts = {.data = *from, .layout = layout};
  CHECK(prepare_file(world, out, &opts, "prepare") == OK, "%s", err_message());
}

/* Training on the prepared file is training on its source. */
static void prepared_is_the_same(const DataOpts *source) {
  static const char *const names[] = {"jets.h5", "exact.h5", "pixels.h5"};
  Dataset want = load(source);
  for (int layout = 0; layout < 3; layout++) {
    prepare(source, (PrepareLayout)layout, in_folder(names[layout]));
    DataOpts opts = file_opts(in_folder(names[layout]));
    Dataset found = load(&opts);
    same_data(&want, &found);
    dataset_free(&found);
  }
  dataset_free(&want);
}

/* From the constituents any view can be made, as if read from the source. */
static void prepared_jets_keep_every_view(void) {
  DataOpts source = toy_opts(), lean = file_opts(in_folder("views.h5"));
  prepare(&source, PREPARE_JETS, in_folder("views.h5"));
  for (int i = 0; view_at(i); i++) {
    source.view.name = lean.view.name = view_at(i)->name;
    Dataset want = load(&source), found = load(&lean);
    same_data(&want, &found);
    dataset_free(&want), dataset_free(&found);
  }
}

static DataOpts published(void) {
  static char path[512];
  snprintf(path, sizeof path, "%s/jets.h5", getenv("FIXTURES"));
  DataOpts opts = file_opts(path);
  opts.bad_rows = BAD_SKIP;
  return opts;
}

/* All four components of all slots come back from the exact layout; from the other E = |p|. */
static void four_momenta_come_back(void) {
  DataOpts published_opts = published();
  Source source;
  Lean *exact, *lean;
  prepare(&published_opts, PREPARE_EXACT, in_folder("exact.h5"));
  prepare(&published_opts, PREPARE_JETS, in_folder("jets.h5"));
  CHECK(source_open(&source, &published_opts.source) == OK, "%s", err_message());
  CHECK(lean_open(&exact, in_folder("exact.h5")) == OK, "%s", err_message());
  CHECK(lean_open(&lean, in_folder("jets.h5")) == OK, "%s", err_message());
  Block want = block_new(&source, source.rows), block = block_new(&source, source.rows);
  LeanRows rows = {.p4 = block.p4, .label = block.label, .truth = block.truth};
  CHECK(source_read(&source, &want, 0, source.rows) == OK, "%s", err_message());
  for (long from = 0; from < source.rows; from += 7) {
    long to = from + 7 < source.rows ? from + 7 : source.rows, stride = 4l * source.slots;
    size_t bytes = (size_t)((to - from) * stride) * sizeof(float);
    CHECK(lean_read(exact, &rows, from, to) == OK, "%s", err_message());
    CHECK(!memcmp(want.p4 + from * stride, block.p4, bytes), "four-momenta from %ld", from);
    CHECK(!memcmp(want.truth + 4 * from, block.truth, 16 * (size_t)(to - from)), "truth");
    CHECK(!memcmp(want.label + from, block.label, (size_t)(to - from)), "labels");
    CHECK(lean_read(lean, &rows, from, to) == OK, "%s", err_message());
    for (long i = 0; i < (to - from) * stride; i += 4) {
      const float *p = block.p4 + i;
      CHECK(!memcmp(p + 1, want.p4 + from * stride + i + 1, 12), "momentum");
      CHECK(fabs(p[0] - sqrt((double)p[1] * p[1] + (double)p[2] * p[2] + (double)p[3] * p[3])) <=
                1e-6 * p[0],
            "energy");
    }
  }
  block_free(&want), block_free(&block);
  lean_close(&exact), lean_close(&lean), source_close(&source);
}

/* Rows 0..7 of p4: 2 is empty, 3 and 6 not finite, 5 has a negative energy. */
static const char *write_bad(void) {
  static const float good[2][4] = {{5, 3, 4, 0}, {1, 0.6f, 0.8f, 0}};
  static char path[128];
  snprintf(path, sizeof path, "%s", in_folder("bad.h5"));
  if (comm_rank(world) == 0) {
    float p4[8][2][4];
    for (int i = 0; i < 8; i++) memcpy(p4[i], good, sizeof good);
    memset(p4[2], 0, sizeof good);
    p4[3][1][2] = NAN, p4[6][0][0] = INFINITY, p4[5][1][0] = -1;
    hsize_t dims[3] = {8, 2, 4};
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(3, dims, NULL);
    hid_t data =
        H5Dcreate2(file, "p4", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, p4);
    H5Dclose(data), H5Sclose(space), H5Fclose(file);
  }
  comm_barrier(world);
  return path;
}

static void says(Err e, const char *want) {
  CHECK(e == ERR_USER && strstr(err_message(), want), "found \"%s\", want \"%s\"", err_message(),
        want);
}

static const char bad_message[] =
    "bad.h5: row 3: found a number that is not finite, want finite numbers and energies >= 0; in "
    "all 2 rows have a number that is not finite, 1 a negative energy (of 8); data.bad_rows=skip "
    "leaves them out";

static void bad_rows_are_counted(void) {
  DataOpts opts = file_opts(write_bad());
  opts.source.reader = "hdf5", opts.source.x_path = "p4", opts.source.layout = "p4";
  Dataset data;
  PrepareOpts prepare_opts = {.data = opts};
  says(dataset_load(&data, world, &opts, "test"), bad_message);
  says(prepare_file(world, in_folder("never.h5"), &prepare_opts, "test"), bad_message);
  CHECK(access(in_folder("never.h5"), F_OK), "a file is there after an error");
  opts.bad_rows = BAD_SKIP;
  data = load(&opts);
  CHECK(data.refused_empty == 1 && data.refused_nan == 2 && data.refused_negative == 1, "counts");
  for (long row = 0; row < 8; row++)
    CHECK(data.ok[row] == (row != 2 && row != 3 && row != 5 && row != 6), "row %ld", row);
  dataset_free(&data);
  prepared_is_the_same(&opts);
}

static void what_cannot_be_is_said(void) {
  DataOpts opts = toy_opts();
  Dataset data;
  PrepareOpts range = {.data = opts, .from = 10, .to = TOYS + 1};
  opts.memory_gb = 1e-3;
  says(dataset_load(&data, world, &opts, "test"),
       "data.memory_gb: found 0.001, want at least 0.00211 GB per node for 1300 rows of 400 "
       "numbers from toy; raise it, or use fewer rows (data.limit)");
  says(prepare_file(world, in_folder("no.h5"), &range, "test"),
       "rows.from, rows.to: found 10 to 1301, want rows among the 1300 of toy");
  range.to = 20;
  says(prepare_file(world, in_folder("nowhere/no.h5"), &range, "test"),
       "nowhere/no.h5: cannot write: No such file or directory");
  prepare(&range.data, PREPARE_PIXELS, in_folder("pixels.h5"));
  range.data.view.name = "sequence", range.layout = PREPARE_PIXELS;
  says(prepare_file(world, in_folder("no.h5"), &range, "test"),
       "prepare.layout: found pixels for data.view sequence, want jets or exact");
  opts = file_opts(in_folder("pixels.h5"));
  opts.view.name = "sequence";
  says(dataset_load(&data, world, &opts, "test"),
       "data.view: found sequence, want image: the samples of ");
  opts.view.name = "image";
  opts.view.image.size = 40;
  says(dataset_load(&data, world, &opts, "test"),
       "pixels.h5: the images were made with data.image_size = 20, want 40 as configured");
}

/* Files may not grow over a limit: the disk is full, as far as a program can tell. */
static void a_full_disk_leaves_nothing(void) {
  struct rlimit old, limit;
  getrlimit(RLIMIT_FSIZE, &old);
  limit = old;
  signal(SIGXFSZ, SIG_IGN);
  PrepareOpts opts = {.data = toy_opts()};
  for (rlim_t bytes = 512; bytes < 1 << 21; bytes *= 8) {
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
    Err e = prepare_file(world, in_folder("full.h5"), &opts, "test");
    Err table = prepare_table(world, in_folder("full.h5"), TOYS, 1);
    setrlimit(RLIMIT_FSIZE, &old);
    CHECK(table == ERR_USER, "no error of the table");
    says(e, "full.h5: cannot write: File too large; want a folder that is there, may be written "
            "to and has room (out=)");
    CHECK(access(in_folder("full.h5"), F_OK) && access(in_folder("full.h5.part"), F_OK),
          "something is left");
  }
}

static void tables_are_read_again(void) {
  CHECK(prepare_table(world, in_folder("table.h5"), TOYS, 9) == OK, "%s", err_message());
  DataOpts opts = toy_opts(), table = file_opts(in_folder("table.h5"));
  Dataset want = load(&opts), found = load(&table);
  same_data(&want, &found);
  dataset_free(&want), dataset_free(&found);
}

static void clean_up(void) {
  char command[128];
  comm_barrier(world);
  if (comm_rank(world) > 0) return;
  snprintf(command, sizeof command, "rm -r %s", folder);
  CHECK(system(command) == 0, "cannot remove %s", folder);
}

int main(int argc, char **argv) {
  CHECK(comm_start(&argc, &argv, &world) == OK, "%s", err_message());
  CHECK(argc < 2 || atoi(argv[1]) == comm_size(world), "found %d ranks, want %s",
        comm_size(world), argv[1]);
  log_init(comm_rank(world), true);
  if (comm_rank(world) == 0) CHECK(mkdtemp(folder), "no folder");
  comm_broadcast(world, folder, sizeof folder, 0);
  toys_are_those_of_one_process();
  checksum_does_not_know_of_ranks();
  DataOpts toys = toy_opts(), jets = published();
  prepared_is_the_same(&toys);
  prepared_is_the_same(&jets);
  prepared_jets_keep_every_view();
  four_momenta_come_back();
  bad_rows_are_counted();
  what_cannot_be_is_said();
  a_full_disk_leaves_nothing();
  tables_are_read_again();
  clean_up();
  comm_end(&world);
  return 0;
}
