/* The data sets in the plane against the densities that their file writes down, integrated here
 * over the cells of a grid with libm. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/source.h"

enum { CELLS = 32, POINTS = 200000, STEPS = 800 };
static const double EDGE = 4;

/* Chance that a Gaussian around `at` falls between the edges of cell i. */
static double inside(int i, double at, double width) {
  double low = EDGE * (2.0 * i / CELLS - 1), high = low + 2 * EDGE / CELLS;
  return (erf((high - at) / (M_SQRT2 * width)) - erf((low - at) / (M_SQRT2 * width))) / 2;
}

static void centre(double c[2], double *width, const char *name, double at) {
  double t = 3 * M_PI * (at - 0.5), turn = 2 * M_PI * floor(8 * at) / 8;
  bool curve = !strcmp(name, "s_curve");
  c[0] = curve ? 1.5 * sin(t) : 2 * cos(turn);
  c[1] = curve ? 1.5 * copysign(1, t) * (cos(t) - 1) : 2 * sin(turn);
  *width = curve ? 0.15 : 0.2;
}

/* The mean over a fine walk along the data's line. */
static double chance(const char *name, int column, int row) {
  double sum = 0, c[2], width;
  for (int k = 0; k < STEPS; k++) {
    centre(c, &width, name, (k + 0.5) / STEPS);
    sum += inside(column, c[0], width) * inside(row, c[1], width);
  }
  return sum / STEPS;
}

/* Pearson's sum over cells that expect at least five, the others as one: within five deviations
 * of its mean. */
static void compare(const long count[CELLS][CELLS], const double want[CELLS][CELLS], long n) {
  double chi2 = 0, rest = 0, rest_want = 0;
  int used = 0;
  for (int i = 0; i < CELLS * CELLS; i++) {
    double found = (double)(&count[0][0])[i], expected = (double)n * (&want[0][0])[i];
    if (expected < 5)
      rest += found, rest_want += expected;
    else
      chi2 += (found - expected) * (found - expected) / expected, used++;
  }
  if (rest_want > 1) chi2 += (rest - rest_want) * (rest - rest_want) / rest_want;
  if (chi2 > used + 5 * sqrt(2.0 * used)) fail_msg("chi2 %g of %d cells", chi2, used);
  assert_true(rest < rest_want + 5 * sqrt(rest_want + 1));
}

static void has_its_density(const char *name) {
  static long count[2][CELLS][CELLS];
  static double want[2][CELLS][CELLS];
  SourceOpts opts = {.reader = name, .toy_jets = POINTS, .seed = 3};
  Source source;
  long n[2] = {0};
  memset(count, 0, sizeof count);
  assert_true(source_open(&source, &opts) == OK);
  Block block = block_new(&source, POINTS);
  assert_true(source_read(&source, &block, 0, POINTS) == OK);
  for (long i = 0; i < POINTS; i++) {
    int column = (int)floor((block.x[2 * i] / EDGE + 1) * CELLS / 2);
    int row = (int)floor((block.x[2 * i + 1] / EDGE + 1) * CELLS / 2), label = block.label[i];
    assert_in_range(column, 0, CELLS - 1);
    assert_in_range(row, 0, CELLS - 1);
    assert_in_range(label, 0, 1);
    count[label][row][column]++, n[label]++;
  }
  for (int r = 0; r < CELLS; r++)
    for (int c = 0; c < CELLS; c++)
      want[0][r][c] = chance(name, c, r), want[1][r][c] = 1.0 / (CELLS * CELLS);
  assert_true(fabs(n[1] - POINTS / 2.0) < 5 * sqrt(POINTS / 4.0));
  for (int label = 0; label < 2; label++) compare(count[label], want[label], n[label]);
  block_free(&block);
  source_close(&source);
}

static void densities(void **state) {
  has_its_density("gaussians");
  has_its_density("s_curve");
}

/* Whoever reads which rows: that is all that another number of ranks changes. */
static void a_point_depends_on_its_number_alone(void **state) {
  SourceOpts opts = {.reader = "s_curve", .toy_jets = 100, .seed = 8};
  Source source;
  assert_true(source_open(&source, &opts) == OK);
  Block whole = block_new(&source, 100), part = block_new(&source, 100);
  assert_true(source_read(&source, &whole, 0, 100) == OK);
  assert_true(source_read(&source, &part, 37, 90) == OK);
  assert_memory_equal(part.x, whole.x + 2 * 37, 2 * 53 * sizeof *part.x);
  assert_memory_equal(part.label, whole.label + 37, 53);
  source_close(&source);
  opts.seed = 9;
  assert_true(source_open(&source, &opts) == OK);
  assert_true(source_read(&source, &part, 0, 100) == OK);
  assert_memory_not_equal(part.x, whole.x, 2 * sizeof *part.x);
  block_free(&whole), block_free(&part);
  source_close(&source);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(densities),
      cmocka_unit_test(a_point_depends_on_its_number_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
