#include "data/substructure.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"

static double squared_angle(const Constituent *a, const Constituent *b) {
  double eta = a->eta - b->eta, phi = a->phi_rad - b->phi_rad;
  return eta * eta + phi * phi;
}

/* ---- axes ---- */

/* A clustering in progress: each subjet with the one it is closest to. */
typedef struct Clustering {
  int n;
  Constituent jet[JET_SLOTS_MOST]; /* (n) */
  int nearest[JET_SLOTS_MOST];     /* (n) */
  double distance[JET_SLOTS_MOST]; /* (n) d_ij to it; infinite for a lone one */
} Clustering;

static double kt_distance(const Constituent *a, const Constituent *b) {
  double pt_gev = a->pt_gev < b->pt_gev ? a->pt_gev : b->pt_gev;
  return pt_gev * pt_gev * squared_angle(a, b);
}

static void compare(Clustering *c, int i, int j) {
  double d = kt_distance(&c->jet[i], &c->jet[j]);
  if (d < c->distance[i]) c->distance[i] = d, c->nearest[i] = j;
}

static void find_nearest(Clustering *c, int i) {
  c->distance[i] = INFINITY;
  for (int j = 0; j < c->n; j++)
    if (j != i) compare(c, i, j);
}

static void begin(Clustering *c, const Constituent *constituents, int n) {
  c->n = n;
  for (int i = 0; i < n; i++) c->jet[i] = constituents[i];
  for (int i = 0; i < n; i++) find_nearest(c, i);
}

/* The last one moves to slot i. */
static void drop(Clustering *c, int i) {
  int last = --c->n;
  c->jet[i] = c->jet[last];
  c->distance[i] = c->distance[last];
  c->nearest[i] = c->nearest[last];
}

/* After `gone` went into `kept` and the last one moved to its place. */
static void update(Clustering *c, int kept, int gone) {
  for (int i = 0; i < c->n; i++) {
    if (i == kept || c->nearest[i] == kept || c->nearest[i] == gone)
      find_nearest(c, i);
    else
      compare(c, i, kept);
    if (c->nearest[i] == c->n) c->nearest[i] = gone;
  }
}

static int closest(const Clustering *c) {
  int best = 0;
  for (int i = 1; i < c->n; i++)
    if (c->distance[i] < c->distance[best]) best = i;
  return best;
}

/* Winner-take-all: the direction of the harder, the pT of both. */
static void merge(Clustering *c) {
  int i = closest(c), j = c->nearest[i];
  int kept = i < j ? i : j, gone = i < j ? j : i;
  Constituent *a = &c->jet[kept], b = c->jet[gone];
  double pt_gev = a->pt_gev + b.pt_gev;
  if (b.pt_gev > a->pt_gev) *a = b;
  a->pt_gev = pt_gev;
  drop(c, gone);
  update(c, kept, gone);
}

static double tau_of(const Clustering *axes, const Constituent *c, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) {
    double least = INFINITY;
    for (int a = 0; a < axes->n; a++) {
      double d = squared_angle(&c[i], &axes->jet[a]);
      least = d < least ? d : least;
    }
    sum += c[i].pt_gev * sqrt(least);
  }
  return sum / constituents_pt_gev(c, n);
}

void substructure_tau(double tau[AXES_MOST], const Constituent *c, int n) {
  Clustering clustering;
  CHECK(n >= 1 && n <= JET_SLOTS_MOST, "%d constituents", n);
  begin(&clustering, c, n);
  for (int axes = AXES_MOST; axes > 0; axes--) {
    while (clustering.n > axes) merge(&clustering);
    tau[axes - 1] = tau_of(&clustering, c, n);
  }
}

/* ---- energy correlators ---- */

/* angle (n, n) */
static void fill_angles(double *angle, const Constituent *c, int n) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) angle[(long)i * n + j] = sqrt(squared_angle(&c[i], &c[j]));
}

/* Both correlators. The triples i < j < k are added for each k by itself, so that the inner loop
 * runs over sums that do not depend on each other. */
static void correlators(double *e2, double *e3, const double *angle, const Constituent *c,
                        int n) {
  double by_last[JET_SLOTS_MOST] = {0}; /* (n) of e3, without z_k */
  double unit = 1 / constituents_pt_gev(c, n);
  *e2 = *e3 = 0;
  for (int i = 0; i < n; i++) {
    for (int j = i + 1; j < n; j++) {
      const double *from_i = angle + (long)i * n, *from_j = angle + (long)j * n;
      double pair = c[i].pt_gev * unit * (c[j].pt_gev * unit) * from_i[j];
      *e2 += pair;
      for (int k = j + 1; k < n; k++) by_last[k] += pair * (from_i[k] * from_j[k]);
    }
  }
  for (int k = 0; k < n; k++) *e3 += c[k].pt_gev * unit * by_last[k];
}

double substructure_c2(const Constituent *c, int n) {
  double e2, e3, *angle = malloc((size_t)n * (size_t)n * sizeof *angle);
  CHECK(angle, "no memory for the angles of %d constituents", n);
  fill_angles(angle, c, n);
  correlators(&e2, &e3, angle, c, n);
  free(angle);
  return e2 > 0 ? e3 / (e2 * e2) : 0;
}
