/* Distances between sample and reconstruction against their formulas in double: values, gradients
 * to both and those gradients' tangents by finite differences. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../net/nets.h"
#include "base/mem.h"
#include "obj/distance.h"

enum { FEATURES = 3, POINTS = 5, DIM = FEATURES * POINTS };
static const Shape shape = {FEATURES, 1, POINTS};

/* In the order c, t. */
static double mse(const double *x, const double *y) {
  double sum = 0;
  for (int i = 0; i < DIM; i++) sum += (x[i] - y[i]) * (x[i] - y[i]);
  return sum / DIM;
}

static double masked(const double *x, const double *y) {
  double sum = 0;
  int points = 0;
  for (int t = 0; t < POINTS; t++) {
    double here = 0, square = 0;
    for (int c = 0; c < FEATURES; c++) {
      double r = x[c * POINTS + t] - y[c * POINTS + t];
      here += fabs(x[c * POINTS + t]);
      square += r * r;
    }
    if (here > 0) sum += square, points++;
  }
  return points ? sum / (FEATURES * points) : 0;
}

static double entropy(double p, double q) { return p > 0 ? -p * log(q) : 0; }

static double bernoulli(const double *x, const double *y) {
  double sum = 0;
  for (int i = 0; i < DIM; i++)
    sum += entropy(x[i], y[i]) + entropy(1 - x[i], 1 - y[i]) - entropy(x[i], x[i]) -
           entropy(1 - x[i], 1 - x[i]);
  return sum / DIM;
}

/* Squared distance of x's point i and y's point j; infinite where x has no such point. */
static double pair(const double *x, const double *y, int i, int j) {
  double here = 0, square = 0;
  for (int c = 0; c < FEATURES; c++) {
    here += fabs(x[c * POINTS + i]);
    square += pow(x[c * POINTS + i] - y[c * POINTS + j], 2);
  }
  return here > 0 ? square : HUGE_VAL;
}

/* Each point t counts with weight p or, by the first feature of its set, with pT. */
static double chamfer_of(const double *x, const double *y, bool by_pt) {
  double sum[2] = {0, 0}, total[2] = {0, 0};
  for (int side = 0; side < 2; side++)
    for (int t = 0; t < POINTS; t++) {
      double least = HUGE_VAL, weight = by_pt ? fmax(0, side ? y[t] : x[t]) : 1;
      for (int u = 0; u < POINTS; u++)
        least = fmin(least, side ? pair(x, y, u, t) : pair(x, y, t, u));
      if (weight > 0 && least < HUGE_VAL) sum[side] += weight * least, total[side] += weight;
    }
  return (total[0] > 0 ? sum[0] / total[0] : 0) + (total[1] > 0 ? sum[1] / total[1] : 0);
}

static double chamfer(const double *x, const double *y) { return chamfer_of(x, y, false); }
static double chamfer_pt(const double *x, const double *y) { return chamfer_of(x, y, true); }

typedef struct Case {
  const char *name;
  double (*reference)(const double *x, const double *y);
  bool unit; /* between 0 and 1 */
} Case;
static const Case cases[] = {{"mse", mse, false},
                             {"masked", masked, false},
                             {"bernoulli", bernoulli, true},
                             {"chamfer", chamfer, false},
                             {"chamfer_pt", chamfer_pt, true}};

static float *values(uint32_t stream, bool unit) {
  float *x = some_floats(stream, DIM * L);
  for (int i = 0; i < DIM * L && unit; i++) x[i] = 0.5f + 0.45f * x[i];
  return x;
}

/* Lane l has its last l points missing, up to all of them. */
static void take_away_points(float *x) {
  for (int l = 0; l < L; l++)
    for (int t = POINTS - (l < POINTS ? l : POINTS); t < POINTS; t++)
      for (int c = 0; c < FEATURES; c++) x[(c * POINTS + t) * L + l] = 0;
}

static double slope(const Case *c, double *x, double *y, double *moved) {
  const double h = 1e-6, old = *moved;
  *moved = old + h;
  double up = c->reference(x, y);
  *moved = old - h;
  double down = c->reference(x, y);
  *moved = old;
  return (up - down) / (2 * h);
}

/* Point i % POINTS of lane l is there. */
static bool is_there(int i, int l) { return i % POINTS < POINTS - l; }

/* Lane l of z, moved by h along zt where its points are there (`all`: everywhere). */
static void take(double *sample, const float *z, const float *zt, double h, int l, bool all) {
  for (int i = 0; i < DIM; i++) {
    double t = all || is_there(i, l) ? (double)zt[i * L + l] : 0;
    sample[i] = (double)z[i * L + l] + h * t;
  }
}

static void check_tangent(const Case *c, const float *x, const float *y) {
  const Distance *distance = distance_find(c->name);
  const double h = 1e-3;
  float *xt = values(3, false), *yt = values(4, false), *dyt = values(4, false);
  double at[2][2][DIM];
  distance->tangent(dyt, dyt, x, xt, shape);
  for (int l = 0; l < L; l++) {
    for (int side = 0; side < 2; side++) {
      take(at[side][0], x, xt, side ? h : -h, l, !distance->points);
      take(at[side][1], y, yt, side ? h : -h, l, true);
    }
    for (int i = 0; i < DIM; i++) {
      double up = slope(c, at[1][0], at[1][1], &at[1][1][i]);
      double down = slope(c, at[0][0], at[0][1], &at[0][1][i]);
      assert_float_equal(dyt[i * L + l], (up - down) / (2 * h), 2e-6);
    }
  }
  mem_free(&xt), mem_free(&yt), mem_free(&dyt);
}

static void check(const Case *c) {
  const Distance *distance = distance_find(c->name);
  float *x = values(1, c->unit), *y = values(2, c->unit), *dx = MEM_NEW(float, "test", DIM *L);
  float *dy = MEM_NEW(float, "test", DIM *L);
  double d[L], alone[L], wide_x[DIM], wide_y[DIM];
  take_away_points(x);
  distance->eval(alone, NULL, y, x, shape);
  distance->eval(d, dy, y, x, shape);
  assert_memory_equal(d, alone, sizeof d);
  if (distance->input) distance->input(dx, dy, shape);
  if (distance->tangent) check_tangent(c, x, y);
  for (int l = 0; l < L; l++) {
    for (int i = 0; i < DIM; i++) wide_x[i] = x[i * L + l], wide_y[i] = y[i * L + l];
    assert_float_equal(d[l], c->reference(wide_x, wide_y), 1e-6);
    for (int i = 0; i < DIM; i++) {
      assert_float_equal(dy[i * L + l], slope(c, wide_x, wide_y, &wide_y[i]), 2e-6);
      if (!distance->input) continue;
      bool moves = is_there(i, l) || !distance->points;
      double want = moves ? slope(c, wide_x, wide_y, &wide_x[i]) : 0;
      assert_float_equal(dx[i * L + l], want, 2e-6);
    }
  }
  distance->eval(d, y, y, x, shape); /* in place */
  assert_memory_equal(y, dy, DIM * L * sizeof *y);
  mem_free(&x), mem_free(&y), mem_free(&dx), mem_free(&dy);
}

static void distances_follow_their_formulas(void **state) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check(&cases[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(distances_follow_their_formulas)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
