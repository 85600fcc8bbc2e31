/* Pairs of noisy and clean samples on any number of ranks (run_mpi N test_pairs): each keeps its
 * partner, against what the HDF5 library reads; pairs that do not fit by their messages; and sets
 * of outliers. */
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "data/outliers.h"
#include "data/prepare.h"

enum { ROWS = 96, DIM = 6, NAN_ROW = 41 };

static Comm *world;

static DataOpts pairs(const char *target) {
  static char path[512];
  snprintf(path, sizeof path, "%s/pairs.h5", getenv("FIXTURES"));
  return (DataOpts){.source = {.reader = "hdf5",
                               .path = path,
                               .x_path = "noisy",
                               .target_path = target,
                               .label_path = "",
                               .weight_path = "",
                               .layout = "dense"},
                    .view = view_defaults(),
                    .bad_rows = BAD_SKIP};
}

static void read_array(float x[ROWS][DIM], const char *path, const char *name) {
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t array = H5Dopen2(file, name, H5P_DEFAULT);
  CHECK(H5Dread(array, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0, "%s", name);
  H5Dclose(array), H5Fclose(file);
}

static void says(Err e, const char *want) {
  CHECK(e == ERR_USER && strstr(err_message(), want), "found %s, want %s", err_message(), want);
}

static void samples_keep_their_partners(void) {
  static float noisy[ROWS][DIM], clean[ROWS][DIM];
  DataOpts opts = pairs("clean");
  Dataset data;
  CHECK(dataset_load(&data, world, &opts, "test") == OK, "%s", err_message());
  read_array(noisy, opts.source.path, "noisy");
  read_array(clean, opts.source.path, "clean");
  CHECK(data.rows == ROWS && data.target && data.refused_nan == 1, "%ld", data.refused_nan);
  for (long row = 0; row < ROWS; row++) {
    CHECK(data.ok[row] == (row != NAN_ROW), "row %ld", row);
    if (row == NAN_ROW) continue;
    CHECK(!memcmp(data.x + row * DIM, noisy[row], sizeof noisy[row]), "row %ld", row);
    CHECK(!memcmp(data.target + row * DIM, clean[row], sizeof clean[row]), "row %ld", row);
  }
  float x[DIM * L], room[DIM * L], weight[L];
  long rows[L];
  for (int l = 0; l < L; l++) rows[l] = l < 9 ? 7 * l : -1;
  dataset_tile(&data, x, weight, rows);
  CHECK(dataset_target(&data, room, x, rows) == room, "targets are elsewhere");
  for (int i = 0; i < DIM * L; i++) {
    long row = rows[i % L] < 0 ? rows[0] : rows[i % L];
    CHECK(x[i] == noisy[row][i / L] && room[i] == clean[row][i / L], "element %d", i);
  }
  dataset_free(&data);
}

static void without_a_target_samples_are_their_own(void) {
  DataOpts opts = pairs("");
  Dataset data;
  float x[DIM * L], weight[L];
  long rows[L] = {0};
  CHECK(dataset_load(&data, world, &opts, "test") == OK, "%s", err_message());
  dataset_tile(&data, x, weight, rows);
  CHECK(!data.target && dataset_target(&data, NULL, x, rows) == x, "a target nobody gave");
  dataset_free(&data);
}

static void pairs_that_do_not_fit_are_refused(void) {
  Dataset data;
  DataOpts opts = pairs("fewer");
  says(dataset_load(&data, world, &opts, "test"),
       "fewer: found shape [95, 6], want [96, 6], as data.x has it: a target for each sample");
  opts = pairs("shorter");
  says(dataset_load(&data, world, &opts, "test"), "shorter: found shape [96, 5], want [96, 6]");
  opts = pairs("klean");
  says(dataset_load(&data, world, &opts, "test"), "klean");
  opts = pairs("p4"), opts.source.x_path = "p4", opts.source.layout = "p4";
  says(dataset_load(&data, world, &opts, "test"),
       "data.target: found p4 with data.layout p4, want dense");
  PrepareOpts prepare = {.data = pairs("clean")};
  says(prepare_file(world, "/nowhere/never.h5", &prepare, "test"),
       "pairs.h5: found pairs of noisy and clean samples, want samples alone: lean files keep no "
       "targets");
}

/* All values lie in the range of the data; their mean and mean square are those of a uniform
 * distribution, within five standard errors; a constant row is one. */
static void outliers_are_uniform(void) {
  enum { MANY = 3000 };
  DataOpts opts = pairs("");
  Dataset data, set;
  CHECK(dataset_load(&data, world, &opts, "test") == OK, "%s", err_message());
  double low = INFINITY, high = -INFINITY;
  for (long i = 0; i < ROWS * DIM; i++)
    low = fmin(low, (double)data.x[i]), high = fmax(high, (double)data.x[i]);
  for (int kind = 0; outliers_at(kind); kind++) {
    bool constant = !strcmp(outliers_at(kind), "constant");
    double sum = 0, squares = 0, n = MANY * (constant ? 1 : DIM);
    CHECK(outliers_make(&set, world, outliers_at(kind), &data, MANY, 3, 0) == OK, "no room");
    for (long i = 0; i < MANY * DIM; i++) {
      double u = ((double)set.x[i] - low) / (high - low);
      CHECK(u >= 0 && u <= 1 && set.ok[i / DIM] && set.weight[i / DIM] == 1, "value %ld", i);
      CHECK(!constant || set.x[i] == set.x[i / DIM * DIM], "row %ld is not constant", i / DIM);
      sum += u / (MANY * DIM), squares += u * u / (MANY * DIM);
    }
    CHECK(fabs(sum - 0.5) < 5 * sqrt(1 / (12 * n)), "mean %g", sum);
    CHECK(fabs(squares - 1.0 / 3) < 5 * sqrt(4 / (45 * n)), "mean square %g", squares);
    dataset_free(&set);
  }
  dataset_free(&data);
}

int main(int argc, char **argv) {
  CHECK(comm_start(&argc, &argv, &world) == OK, "%s", err_message());
  CHECK(argc < 2 || atoi(argv[1]) == comm_size(world), "found %d ranks", comm_size(world));
  log_init(comm_rank(world), true);
  samples_keep_their_partners();
  without_a_target_samples_are_their_own();
  pairs_that_do_not_fit_are_refused();
  outliers_are_uniform();
  comm_end(&world);
  return 0;
}
