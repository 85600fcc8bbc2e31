/* What jets become: sequences and features against an independent NumPy program (make_views.py,
 * itself compared with FastJet contrib), and what must hold for any jet. */
#include <float.h>
#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/toy.h"
#include "data/view.h"

enum { SLOTS = 30, POINTS = 12 };

/* A data set of a fixture and the length of its first axis. Owns: the caller, free. */
static float *load(const char *file_name, const char *name, long *rows) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", getenv("FIXTURES"), file_name);
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t data = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(data);
  assert_true(file >= 0 && data >= 0);
  hsize_t dims[3] = {0};
  H5Sget_simple_extent_dims(space, dims, NULL);
  float *x = malloc((size_t)H5Sget_simple_extent_npoints(space) * sizeof *x);
  assert_true(H5Dread(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
  H5Sclose(space), H5Dclose(data), H5Fclose(file);
  *rows = (long)dims[0];
  return x;
}

static JetVerdict make(float *x, const float *p4, int slots, const ViewOpts *opts) {
  Jet jet = {.p4 = p4, .slots = slots, .mass_gev = (float)jet_mass_gev(p4, slots)};
  return view_find(opts->name)->make(x, &jet, opts);
}

static ViewOpts sequence_opts(int points) {
  ViewOpts opts = view_defaults();
  opts.name = "sequence";
  opts.points = points;
  return opts;
}

static void sequences_are_those_of_numpy(void **state) {
  ViewOpts opts = sequence_opts(POINTS);
  long jets, rows;
  float *p4 = load("images.h5", "p4", &jets), *want = load("views.h5", "sequence", &rows);
  float x[3 * POINTS];
  assert_true(rows == jets && rows > 40);
  for (long j = 0; j < rows; j++) {
    bool empty = p4[j * SLOTS * 4] == 0;
    assert_int_equal(make(x, p4 + j * SLOTS * 4, SLOTS, &opts), empty ? JET_EMPTY : JET_OK);
    for (int i = 0; i < 3 * POINTS && !empty; i++)
      if (!(fabs(x[i] - want[j * 3 * POINTS + i]) <= 1e-6))
        fail_msg("jet %ld, feature %d of point %d: found %g, want %g", j, i / POINTS, i % POINTS,
                 x[i], want[j * 3 * POINTS + i]);
  }
  free(p4), free(want);
}

/* Hardest first, shares that do not know of T, zeros behind the last. */
static void sequences_are_cut_and_padded(void **state) {
  static float p4[4 * TOY_SLOTS], truth[4], all[3][POINTS_MOST], few[3][5];
  ViewOpts most = sequence_opts(POINTS_MOST), five = sequence_opts(5);
  int8_t label;
  for (uint64_t jet = 0; jet < 50; jet++) {
    int n = 0;
    double sum = 0;
    toy_jet(p4, &label, truth, 5, jet);
    while (n < TOY_SLOTS && p4[4 * n] > 0) n++;
    assert_int_equal(make(all[0], p4, TOY_SLOTS, &most), JET_OK);
    assert_int_equal(make(few[0], p4, TOY_SLOTS, &five), JET_OK);
    for (int t = 0; t < POINTS_MOST; t++) {
      sum += all[0][t];
      assert_true(t < n ? all[0][t] > 0 : !all[0][t] && !all[1][t] && !all[2][t]);
      assert_true(t == 0 || all[0][t] <= all[0][t - 1]);
    }
    assert_true(n > POINTS_MOST || fabs(sum - 1) < 1e-6);
    for (int k = 0; k < 3; k++) assert_memory_equal(few[k], all[k], 5 * sizeof(float));
  }
}

/* Only the hardest constituents count, whatever their order in the file. */
static void the_order_of_a_file_is_forgotten(void **state) {
  ViewOpts opts = sequence_opts(2);
  const float jet[3][4] = {{1, 0.6f, 0.8f, 0}, {50, 30, 40, 1}, {20, 16, 12, -1}};
  const float sorted[3][4] = {{50, 30, 40, 1}, {20, 16, 12, -1}, {1, 0.6f, 0.8f, 0}};
  float x[6], want[6];
  assert_int_equal(make(x, jet[0], 3, &opts), JET_OK);
  assert_int_equal(make(want, sorted[0], 3, &opts), JET_OK);
  for (int i = 0; i < 6; i++) assert_true(fabs(x[i] - want[i]) < 1e-6);
  assert_true(fabs(x[0] - 50.0 / 71) < 1e-6 && fabs(x[1] - 20.0 / 71) < 1e-6);
}

/* A point that is there is not all zero, even where it lies on the axis with hardly any pT. */
static void points_that_are_there_are_not_zero(void **state) {
  ViewOpts opts = sequence_opts(4);
  const float jet[2][4] = {{3e38f, 3e38f, 0, 0}, {1e-30f, 1e-30f, 0, 0}};
  float x[12];
  assert_int_equal(make(x, jet[0], 2, &opts), JET_OK);
  assert_true(x[0] == 1 && x[1] == FLT_MIN && x[2] == 0);
}

enum { MASS, PT, MULTIPLICITY, WIDTH, PTD, TAU1, TAU2, TAU3, TAU21, TAU32, C2, FEATURES };

static ViewOpts features_opts(void) {
  ViewOpts opts = view_defaults();
  opts.name = "features";
  return opts;
}

static void features_are_those_of_numpy(void **state) {
  ViewOpts opts = features_opts();
  const char *const *names = view_find("features")->names;
  assert_int_equal(view_find("features")->shape(&opts).c, FEATURES);
  assert_true(!strcmp(names[MASS], "mass") && !strcmp(names[C2], "c2") && !names[FEATURES]);
  long jets, rows;
  float *p4 = load("images.h5", "p4", &jets), *want = load("views.h5", "features", &rows);
  float x[FEATURES];
  assert_true(rows == jets && rows > 40);
  for (long j = 0; j < rows; j++) {
    bool empty = p4[j * SLOTS * 4] == 0;
    assert_int_equal(make(x, p4 + j * SLOTS * 4, SLOTS, &opts), empty ? JET_EMPTY : JET_OK);
    for (int i = 0; i < FEATURES && !empty; i++) {
      double found = x[i], right = want[j * FEATURES + i];
      if (!(fabs(found - right) <= 2e-6 * fabs(right) + (i == MASS ? 1e-4 : 1e-9)))
        fail_msg("jet %ld, %s: found %.9g, want %.9g", j, names[i], found, right);
    }
  }
  free(p4), free(want);
}

static void compare_features(const float *x, const double *want) {
  const char *const *names = view_find("features")->names;
  for (int i = 0; i < FEATURES; i++)
    if (!(fabs(x[i] - want[i]) <= 1e-6 * want[i]))
      fail_msg("%s: found %.9g, want %.9g", names[i], x[i], want[i]);
}

/* One constituent, massless; two, which have a mass and a width but no tau2; two on top of each
 * other, which are one but for the multiplicity. */
static void few_constituents_have_features(void **state) {
  ViewOpts opts = features_opts();
  float x[FEATURES];
  const float one[1][4] = {{5, 3, 4, 0}};
  assert_int_equal(make(x, one[0], 1, &opts), JET_OK);
  compare_features(x, (double[]){0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0});

  const float two[2][4] = {{5, 3, 4, 0}, {10, -6, 8, 0}};
  double phi = acos(0.28), share = 1.0 / 3; /* the angle between them */
  assert_int_equal(make(x, two[0], 2, &opts), JET_OK);
  compare_features(x, (double[]){sqrt(72), sqrt(153), 2, 2 * share * (1 - share) * phi,
                                 sqrt(125) / 15, share * phi, 0, 0, 0, 0, 0});

  const float twin[2][4] = {{5, 3, 4, 0}, {10, 6, 8, 0}};
  assert_int_equal(make(x, twin[0], 2, &opts), JET_OK);
  compare_features(x, (double[]){0, 15, 2, 0, sqrt(125) / 15, 0, 0, 0, 0, 0, 0});

  const float none[2][4] = {{0}}, huge[2][4] = {{3e38f, 3e38f, 0, 0}, {3e38f, 3e38f, 1, 0}};
  assert_int_equal(make(x, none[0], 2, &opts), JET_EMPTY);
  assert_int_equal(make(x, huge[0], 2, &opts), JET_NAN);
}

/* What is a share or an angle does not know of the jet's pT, nor of its place. */
static void features_scale(void **state) {
  static float p4[4 * TOY_SLOTS], truth[4];
  ViewOpts opts = features_opts();
  float was[FEATURES], is[FEATURES];
  int8_t label;
  for (uint64_t jet = 0; jet < 100; jet++) {
    toy_jet(p4, &label, truth, 8, jet);
    assert_int_equal(make(was, p4, TOY_SLOTS, &opts), JET_OK);
    for (int i = 0; i < TOY_SLOTS; i++) {
      float *p = p4 + 4 * i, px = p[1];
      p[0] *= 4, p[1] = 4 * p[2], p[2] = 4 * px, p[3] *= -4;
    }
    assert_int_equal(make(is, p4, TOY_SLOTS, &opts), JET_OK);
    for (int i = 0; i < FEATURES; i++) {
      double want = (i == MASS || i == PT ? 4.0 : 1.0) * was[i];
      assert_true(fabs(is[i] - want) <= 1e-5 * fabs(want));
    }
  }
}

static void what_cannot_be_is_said(void **state) {
  Source jets = {.reader = &(Reader){0}, .kind = SOURCE_JETS, .slots = 10, .path = "a.h5"};
  Source dense = {.reader = &(Reader){0}, .kind = SOURCE_DENSE, .path = "b.h5"};
  ViewOpts opts = sequence_opts(101);
  assert_int_equal(view_check(&jets, &opts), ERR_USER);
  assert_string_equal(err_message(), "data.points: found 101, want 1 to 100");
  opts.points = 100;
  assert_int_equal(view_check(&jets, &opts), OK);
  assert_int_equal(view_check(&dense, &opts), ERR_USER);
  assert_string_equal(err_message(), "data.view: found sequence, want image: the samples of b.h5 "
                                     "are no jets with constituents");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sequences_are_those_of_numpy),
      cmocka_unit_test(sequences_are_cut_and_padded),
      cmocka_unit_test(the_order_of_a_file_is_forgotten),
      cmocka_unit_test(points_that_are_there_are_not_zero),
      cmocka_unit_test(features_are_those_of_numpy),
      cmocka_unit_test(few_constituents_have_features),
      cmocka_unit_test(features_scale),
      cmocka_unit_test(what_cannot_be_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
