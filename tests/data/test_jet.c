/* Jet images against an independent NumPy program (make_images.py), the symmetries that they must
 * have, and toy jets that look like jets. */
#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/jet.h"
#include "data/toy.h"
#include "num/elem.h"

enum { SLOTS = 30, PIXELS = 1600 };

/* A data set of the fixture. Owns: the caller, free. */
static float *load(const char *name, long *rows) {
  char path[512];
  snprintf(path, sizeof path, "%s/images.h5", getenv("FIXTURES"));
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t data = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(data);
  assert_true(file >= 0 && data >= 0);
  hsize_t dims[3];
  H5Sget_simple_extent_dims(space, dims, NULL);
  float *x = malloc(dims[0] * dims[1] * dims[2] * sizeof *x);
  assert_true(H5Dread(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
  H5Sclose(space), H5Dclose(data), H5Fclose(file);
  *rows = (long)dims[0];
  return x;
}

/* Every pixel within 1e-5; not one constituent over an edge. */
static void compare(const char *name, const ImageOpts *opts) {
  static float pixels[PIXELS];
  long jets, rows, count = (long)opts->size * opts->size;
  float *p4 = load("p4", &jets), *want = load(name, &rows);
  assert_true(rows > 0 && rows <= jets);
  for (long j = 0; j < rows; j++) {
    bool empty = p4[j * SLOTS * 4] == 0;
    assert_int_equal(jet_image(pixels, p4 + j * SLOTS * 4, SLOTS, opts),
                     empty ? JET_EMPTY : JET_OK);
    for (long i = 0; i < count; i++)
      if (!(fabs(pixels[i] - want[j * count + i]) <= 1e-5))
        fail_msg("%s: jet %ld, row %ld, column %ld: found %g, want %g", name, j, i / opts->size,
                 i % opts->size, pixels[i], want[j * count + i]);
  }
  free(p4), free(want);
}

static void images_are_those_of_numpy(void **state) {
  ImageOpts opts = image_defaults();
  compare("sum", &opts);
  opts.merge = PIXEL_LAST;
  compare("last", &opts);
}

/* The slots of a jet moved apart, so that empty ones lie before and between them. */
static void empty_slots_are_skipped(void **state) {
  static float pixels[PIXELS], want[PIXELS];
  ImageOpts opts = image_defaults();
  long jets;
  float *p4 = load("p4", &jets);
  for (long j = 0; j < jets; j++) {
    const float *jet = p4 + j * SLOTS * 4;
    float apart[2 * SLOTS][4] = {{0}};
    for (int i = 0; i < SLOTS; i++) memcpy(apart[2 * i + 1], jet + 4 * i, sizeof apart[0]);
    JetVerdict verdict = jet_image(want, jet, SLOTS, &opts);
    assert_int_equal(jet_verdict(apart[0], 2 * SLOTS), jet_verdict(jet, SLOTS));
    assert_int_equal(jet_image(pixels, apart[0], 2 * SLOTS, &opts), verdict);
    assert_memory_equal(pixels, want, sizeof pixels);
    assert_true(jet_mass_gev(apart[0], 2 * SLOTS) == jet_mass_gev(jet, SLOTS));
  }
  free(p4);
}

static void filter_and_power_are_those_of_scipy(void **state) {
  ImageOpts opts = image_defaults();
  opts.smooth = 1.3;
  compare("smooth", &opts);
  opts = image_defaults();
  opts.size = 20;
  opts.power = 0.5;
  compare("sharp", &opts);
}

static void sum_of_pixels_is_what_was_asked(void **state) {
  ImageOpts opts = image_defaults();
  float p4[4 * TOY_SLOTS], truth[4], pixels[PIXELS];
  int8_t label;
  opts.smooth = 1.3, opts.power = 0.5, opts.sum = 40;
  toy_jet(p4, &label, truth, 3, 1);
  assert_int_equal(jet_image(pixels, p4, TOY_SLOTS, &opts), JET_OK);
  double sum = 0;
  for (int i = 0; i < PIXELS; i++) sum += pixels[i];
  assert_true(fabs(sum - 40) < 1e-4);
}

/* An exact symmetry of the detector, that floats keep: px, py -> -px, py; or pz -> -pz; or the
 * two of them exchanged. */
static void transform(float *p4, int kind) {
  for (int i = 0; i < TOY_SLOTS; i++, p4 += 4) {
    float x = p4[1];
    if (kind == 0) p4[1] = -x;
    if (kind == 1) p4[3] = -p4[3];
    if (kind == 2) p4[1] = p4[2], p4[2] = x;
  }
}

static void images_do_not_know_where_a_jet_lay(void **state) {
  ImageOpts opts = image_defaults();
  float p4[4 * TOY_SLOTS], truth[4], was[PIXELS], is[PIXELS];
  int8_t label;
  for (uint64_t jet = 0; jet < 200; jet++) {
    toy_jet(p4, &label, truth, 3, jet);
    assert_int_equal(jet_image(was, p4, TOY_SLOTS, &opts), JET_OK);
    transform(p4, (int)(jet % 3));
    assert_int_equal(jet_image(is, p4, TOY_SLOTS, &opts), JET_OK);
    for (int i = 0; i < PIXELS; i++) assert_true(fabs(was[i] - is[i]) < 1e-6);
  }
}

static void bad_jets_are_told_apart(void **state) {
  const float good[2][4] = {{5, 3, 4, 0}, {1, 0.6f, 0.8f, 0}};
  float p4[2][4], pixels[PIXELS];
  ImageOpts opts = image_defaults();
  const struct {
    int slot, component;
    float value;
    JetVerdict verdict;
  } cases[] = {{0, 0, 5, JET_OK},
               {1, 2, NAN, JET_NAN},
               {1, 0, INFINITY, JET_NAN},
               {0, 3, NAN, JET_NAN},
               {1, 0, -1, JET_NEGATIVE_ENERGY}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    memcpy(p4, good, sizeof p4);
    p4[cases[i].slot][cases[i].component] = cases[i].value;
    assert_int_equal(jet_image(pixels, p4[0], 2, &opts), cases[i].verdict);
    assert_int_equal(jet_verdict(p4[0], 2), cases[i].verdict);
  }
  memset(p4, 0, sizeof p4);
  assert_int_equal(jet_image(pixels, p4[0], 2, &opts), JET_EMPTY);
  assert_int_equal(jet_verdict(p4[0], 2), JET_EMPTY);
}

static void mass_is_that_of_the_sum(void **state) {
  const float back_to_back[3][4] = {{40, 40, 0, 0}, {40, -40, 0, 0}, {0}};
  const float at_rest[1][4] = {{172.5f, 0, 0, 0}}, moving[1][4] = {{13, 3, 0, 4}};
  assert_true(jet_mass_gev(back_to_back[0], 3) == 80);
  assert_true(jet_mass_gev(at_rest[0], 1) == 172.5);
  assert_true(fabs(jet_mass_gev(moving[0], 1) - 12) < 1e-12);
}

enum { TOYS = 4000 };
static struct {
  int n;
  double mass_gev[TOYS], constituents[TOYS];
} toys[2];

static void check_constituents(const float *p4, int n) {
  double eta = 0, phi = 0, last = INFINITY;
  for (int i = 0; i < n; i++) {
    double x = p4[4 * i + 1], y = p4[4 * i + 2], z = p4[4 * i + 3], pt = sqrt(x * x + y * y);
    double e = sqrt(x * x + y * y + z * z);
    assert_true(fabs(p4[4 * i] - e) < 1e-6 * e);
    assert_true(pt <= last * (1 + 1e-6));
    last = pt;
    if (i == 0) eta = asinh(z / pt), phi = atan2(y, x);
    assert_true(hypot(asinh(z / pt) - eta, remainder(atan2(y, x) - phi, 2 * M_PI)) < 1.6);
  }
  for (int i = 4 * n; i < 4 * TOY_SLOTS; i++) assert_true(p4[i] == 0);
}

static void take_toy(uint64_t jet) {
  float p4[4 * TOY_SLOTS], truth[4];
  int8_t label;
  int n = 0;
  toy_jet(p4, &label, truth, 1, jet);
  while (n < TOY_SLOTS && p4[4 * n] > 0) n++;
  check_constituents(p4, n);
  int k = toys[label].n++;
  toys[label].mass_gev[k] = jet_mass_gev(p4, TOY_SLOTS);
  toys[label].constituents[k] = n;
  if (!label) return;
  assert_true(fabs(jet_mass_gev(truth, 1) - 172.5) < 0.1);
  double pt = hypot(truth[1], truth[2]);
  assert_true(pt > 549.9 && pt < 650.1);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double quantile(double *x, int n, double q) {
  qsort(x, (size_t)n, sizeof *x, ascending);
  return x[(int)(q * (n - 1))];
}

/* Between what the top-tagging sample has (median masses 71 and 170 GeV, 41 and 55 constituents)
 * and what a leading-logarithmic shower can do. */
static void toys_look_like_jets(void **state) {
  for (uint64_t jet = 0; jet < TOYS; jet++) take_toy(jet);
  assert_true(abs(toys[0].n - TOYS / 2) < 4 * sqrt(TOYS / 4));
  double qcd = quantile(toys[0].mass_gev, toys[0].n, 0.5);
  double top = quantile(toys[1].mass_gev, toys[1].n, 0.5);
  assert_true(qcd > 50 && qcd < 90);
  assert_true(quantile(toys[0].mass_gev, toys[0].n, 0.84) > 1.5 * qcd);
  assert_true(top > 165 && top < 182);
  assert_true(quantile(toys[1].mass_gev, toys[1].n, 0.84) < 1.15 * top);
  double few = quantile(toys[0].constituents, toys[0].n, 0.5);
  double many = quantile(toys[1].constituents, toys[1].n, 0.5);
  assert_true(few > 30 && few < many && many < 65);
}

static void a_toy_is_a_function_of_its_number(void **state) {
  float a[4 * TOY_SLOTS], b[4 * TOY_SLOTS], truth[4];
  int8_t label;
  toy_jet(a, &label, truth, 7, 123456789012);
  toy_jet(b, &label, truth, 8, 123456789012);
  assert_memory_not_equal(a, b, sizeof a);
  toy_jet(b, &label, truth, 7, 123456789013);
  assert_memory_not_equal(a, b, sizeof a);
  toy_jet(b, &label, truth, 7, 123456789012);
  assert_memory_equal(a, b, sizeof a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(images_are_those_of_numpy),
      cmocka_unit_test(empty_slots_are_skipped),
      cmocka_unit_test(filter_and_power_are_those_of_scipy),
      cmocka_unit_test(sum_of_pixels_is_what_was_asked),
      cmocka_unit_test(images_do_not_know_where_a_jet_lay),
      cmocka_unit_test(bad_jets_are_told_apart),
      cmocka_unit_test(mass_is_that_of_the_sum),
      cmocka_unit_test(toys_look_like_jets),
      cmocka_unit_test(a_toy_is_a_function_of_its_number),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
