/* Standardised samples on any number of ranks (run_mpi N test_standard N): mean and scale against
 * plain sums, bit for bit those of one rank; what is shifted and what is not. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "data/standard.h"

enum { TOYS = 700, FEATURES = 11, SIZE = 40 };

static Comm *world;

static DataOpts toy_opts(const char *view) {
  DataOpts opts = {.source = {.reader = "toy", .toy_jets = TOYS, .seed = 4},
                   .view = view_defaults()};
  opts.view.name = view;
  opts.view.image.size = SIZE;
  return opts;
}

static Dataset load(const Comm *comm, const char *view) {
  DataOpts opts = toy_opts(view);
  Dataset data;
  CHECK(dataset_load(&data, comm, &opts, "test") == OK, "%s", err_message());
  return data;
}

/* Weights of all rows, the same on all ranks. */
static float *weights_new(void) {
  float *weight = MEM_NEW(float, "weights", TOYS);
  for (int i = 0; i < TOYS; i++) weight[i] = 0.25f * (float)(1 + i % 7);
  return weight;
}

static Standard measure(const Comm *comm, const Dataset *data, const Subset *rows) {
  Standard standard;
  CHECK(standard_measure(&standard, comm, data, rows) == OK, "%s", err_message());
  return standard;
}

/* In long double, two sums over the rows. */
static void expect(double *mean, double *deviation, const Dataset *data, const Subset *rows,
                   int feature) {
  long double n = 0, sum = 0, square = 0;
  for (long s = 0; s < rows->n; s++) {
    long row = rows->row[s];
    n += data->weight[row];
    sum += (long double)data->weight[row] * data->x[row * FEATURES + feature];
  }
  for (long s = 0; s < rows->n; s++) {
    long double d = data->x[rows->row[s] * FEATURES + feature] - sum / n;
    square += data->weight[rows->row[s]] * d * d;
  }
  *mean = (double)(sum / n);
  *deviation = (double)sqrtl(square / n);
}

static void moments_are_those_of_plain_sums(void) {
  Dataset data = load(world, "features");
  Subset rows = subset_select(&data, 0, 0.1, 1, 0, 1);
  float *weight = weights_new();
  data.weight = weight;
  Standard standard = measure(world, &data, &rows);
  for (int i = 0; i < FEATURES; i++) {
    double mean, deviation;
    expect(&mean, &deviation, &data, &rows, i);
    CHECK(fabs(standard.mean[i] - mean) <= 1e-7 * fabs(mean), "mean %d: %g, want %g", i,
          standard.mean[i], mean);
    CHECK(fabs(standard.scale[i] - deviation) <= 1e-7 * deviation, "scale %d: %g, want %g", i,
          standard.scale[i], deviation);
  }
  standard_free(&standard);
  mem_free(&weight);
  subset_free(&rows);
  dataset_free(&data);
}

/* Each rank in a world of its own finds what all find together; images have many strips. */
static void ranks_do_not_matter(void) {
  int part;
  Comm *one = comm_split(world, comm_size(world), &part);
  Dataset data = load(world, "image"), alone = load(one, "image");
  Subset rows = subset_select(&data, 0, 0.1, 1, 0, 1);
  Standard want = measure(one, &alone, &rows);
  Standard found = measure(world, &data, &rows);
  size_t bytes = SIZE * SIZE * sizeof(float);
  CHECK(!memcmp(found.mean, want.mean, bytes), "means");
  CHECK(!memcmp(found.scale, want.scale, bytes), "scales");
  standard_apply(&data, world, found.mean, found.scale);
  standard_apply(&alone, one, want.mean, want.scale);
  CHECK(!memcmp(data.x, alone.x, TOYS * bytes), "samples");
  standard_free(&want), standard_free(&found);
  subset_free(&rows);
  dataset_free(&data), dataset_free(&alone);
  comm_free(&one);
}

/* Afterwards mean 0 and deviation 1; a pixel that is never hit stays what it is. */
static void samples_are_shifted_and_scaled(void) {
  Dataset data = load(world, "image");
  Subset rows = subset_select(&data, 0, 0, 1, 0, 1);
  Standard by = measure(world, &data, &rows);
  standard_apply(&data, world, by.mean, by.scale);
  Standard after = measure(world, &data, &rows);
  int never = 0;
  for (int i = 0; i < SIZE * SIZE; i++) {
    CHECK(fabs(after.mean[i]) < 1e-6 && fabs(after.scale[i] - 1) < 1e-6, "element %d: %g, %g", i,
          after.mean[i], after.scale[i]);
    never += by.mean[i] == 0 && by.scale[i] == 1;
  }
  CHECK(never > 0 && never < SIZE * SIZE / 2, "%d pixels that are never hit", never);
  standard_free(&by), standard_free(&after);
  subset_free(&rows);
  dataset_free(&data);
}

/* A value that all rows share, large, so that its mean is rounded; and rows that were refused. */
static void constants_and_refused_rows_stay(void) {
  Dataset data = load(world, "features");
  uint8_t *ok = MEM_NEW(uint8_t, "rows", TOYS);
  float *x = (float *)data.x;
  for (int row = 0; row < TOYS; row++) ok[row] = row != 5;
  if (comm_node_rank(world) == 0) {
    for (int row = 0; row < TOYS; row++) x[row * FEATURES] = 1234567.9f;
    memset(x + 5 * FEATURES, 0, FEATURES * sizeof *x);
  }
  comm_barrier(world);
  data.ok = ok;
  Subset rows = subset_select(&data, CLASS_ALL, 0, 1, 0, 1);
  Standard by = measure(world, &data, &rows);
  CHECK(by.scale[0] == 1 && by.mean[0] == 1234567.9f, "constant: %g, %g", by.mean[0],
        by.scale[0]);
  standard_apply(&data, world, by.mean, by.scale);
  for (int i = 0; i < FEATURES; i++) CHECK(x[5 * FEATURES + i] == 0, "a refused row");
  CHECK(x[0] == 0 && x[1] != 0, "row 0: %g, %g", x[0], x[1]);
  standard_free(&by);
  subset_free(&rows);
  mem_free(&ok);
  dataset_free(&data);
}

static void only_units_that_differ_by_themselves(void) {
  static const struct {
    const char *view;
    bool wanted;
  } cases[] = {{"image", false}, {"sequence", false}, {"features", true}};
  bool wanted;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Dataset data = {.view = view_find(cases[i].view)};
    CHECK(standard_wanted(&wanted, STANDARDISE_AUTO, &data) == OK && wanted == cases[i].wanted,
          "auto for %s", cases[i].view);
    CHECK(standard_wanted(&wanted, STANDARDISE_FALSE, &data) == OK && !wanted, "false");
  }
  Dataset dense = {0}, sequence = {.view = view_find("sequence")};
  CHECK(standard_wanted(&wanted, STANDARDISE_AUTO, &dense) == OK && !wanted, "auto, dense");
  CHECK(standard_wanted(&wanted, STANDARDISE_TRUE, &dense) == OK && wanted, "true, dense");
  CHECK(standard_wanted(&wanted, STANDARDISE_TRUE, &sequence) == ERR_USER, "true, sequence");
  CHECK(!strcmp(err_message(),
                "data.standardise: found true for data.view sequence, want auto or "
                "false: a point of zeros is absent there"),
        "%s", err_message());
}

int main(int argc, char **argv) {
  CHECK(comm_start(&argc, &argv, &world) == OK, "%s", err_message());
  CHECK(argc < 2 || atoi(argv[1]) == comm_size(world), "found %d ranks, want %s",
        comm_size(world), argv[1]);
  log_init(comm_rank(world), true);
  moments_are_those_of_plain_sums();
  ranks_do_not_matter();
  samples_are_shifted_and_scaled();
  constants_and_refused_rows_stay();
  only_units_that_differ_by_themselves();
  comm_end(&world);
  return 0;
}
