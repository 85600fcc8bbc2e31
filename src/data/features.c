/* A jet as a few observables. */
#include <math.h>

#include "data/substructure.h"
#include "data/view.h"

extern const View view_features;

enum { MASS, PT, MULTIPLICITY, WIDTH, PTD, TAU1, TAU2, TAU3, TAU21, TAU32, C2, FEATURES };
static const char *const names[FEATURES + 1] = {
    [MASS] = "mass",   [PT] = "pt",     [MULTIPLICITY] = "multiplicity",
    [WIDTH] = "width", [PTD] = "ptd",   [TAU1] = "tau1",
    [TAU2] = "tau2",   [TAU3] = "tau3", [TAU21] = "tau21",
    [TAU32] = "tau32", [C2] = "c2"};

static Shape shape(const ViewOpts *opts) {
  (void)opts;
  return (Shape){FEATURES, 1, 1};
}

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

/* The origin of the frame is the jet's axis. */
static void moments(double f[FEATURES], const Constituent *c, int n) {
  double pt_gev = 0, squared = 0, radial = 0;
  for (int i = 0; i < n; i++) {
    pt_gev += c[i].pt_gev;
    squared += c[i].pt_gev * c[i].pt_gev;
    radial += c[i].pt_gev * sqrt(c[i].eta * c[i].eta + c[i].phi_rad * c[i].phi_rad);
  }
  f[MULTIPLICITY] = n;
  f[WIDTH] = radial / pt_gev;
  f[PTD] = sqrt(squared) / pt_gev;
}

static void substructure(double f[FEATURES], const Constituent *c, int n) {
  double tau[AXES_MOST];
  substructure_tau(tau, c, n);
  f[TAU1] = tau[0], f[TAU2] = tau[1], f[TAU3] = tau[2];
  f[TAU21] = ratio(tau[1], tau[0]);
  f[TAU32] = ratio(tau[2], tau[1]);
  f[C2] = substructure_c2(c, n);
}

static JetVerdict make(float *x, const Jet *jet, const ViewOpts *opts) {
  Constituent c[JET_SLOTS_MOST];
  JetVerdict verdict;
  int n = jet_frame(c, jet->p4, jet->slots, &opts->image, &verdict);
  if (verdict != JET_OK) return verdict;
  double f[FEATURES] = {[MASS] = jet->mass_gev, [PT] = jet_pt_gev(jet->p4, jet->slots)};
  moments(f, c, n);
  substructure(f, c, n);
  for (int i = 0; i < FEATURES; i++) {
    x[i] = (float)f[i];
    if (!isfinite(x[i])) return JET_NAN;
  }
  return JET_OK;
}

const View view_features = {
    .name = "features",
    .names = names,
    .standardise = true,
    .shape = shape,
    .make = make,
};
