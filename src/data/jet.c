/* The jet's own frame and its image. Everything in double; of the elementary functions only log
 * and atan2, from num/elem.h. */
#include "data/jet.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "num/elem.h"

#define PI 3.14159265358979323846
/* A coordinate below this is rounding: constituents on the axis lie at exactly 0. */
#define SNAP 1e-10
/* Relative anisotropy below which float four-momenta do not tell a direction. */
#define ISOTROPIC 1e-6

ImageOpts image_defaults(void) {
  return (ImageOpts){.size = 40,
                     .width_eta = 0.029,
                     .width_phi = 0.035,
                     .merge = PIXEL_SUM,
                     .smooth = 0,
                     .power = 1,
                     .sum = 1,
                     .constituents = 0};
}

static bool slot_empty(const float p[4]) { return p[0] == 0 && p[1] == 0 && p[2] == 0; }

static JetVerdict slot_verdict(const float p[4]) {
  for (int i = 0; i < 4; i++)
    if (!isfinite(p[i])) return JET_NAN;
  return p[0] < 0 ? JET_NEGATIVE_ENERGY : JET_OK;
}

/* Pseudorapidity asinh(pz / pT), without cancellation for either sign of pz. */
static double pseudorapidity(double pt, double pz) {
  double eta = elem_log((sqrt(pt * pt + pz * pz) + fabs(pz)) / pt);
  return pz < 0 ? -eta : eta;
}

static double wrap(double phi) {
  return phi >= PI ? phi - 2 * PI : phi < -PI ? phi + 2 * PI : phi;
}

JetVerdict jet_verdict(const float *p4, int slots) {
  JetVerdict verdict = JET_EMPTY;
  for (int i = 0; i < slots; i++) {
    if (slot_empty(p4 + 4 * i)) continue;
    JetVerdict slot = slot_verdict(p4 + 4 * i);
    if (slot != JET_OK) return slot;
    if (p4[4 * i + 1] != 0 || p4[4 * i + 2] != 0) verdict = JET_OK;
  }
  return verdict;
}

/* Constituents in the detector's frame. One along the beam (pT = 0) has no place in the plane. */
static int read_slots(Constituent *out, const float *p4, int slots, int most) {
  int n = 0;
  for (int i = 0; i < slots && n < most; i++) {
    if (slot_empty(p4 + 4 * i)) continue;
    const float *p = p4 + 4 * i;
    double px = p[1], py = p[2], pt = sqrt(px * px + py * py);
    if (pt > 0) out[n++] = (Constituent){pt, pseudorapidity(pt, p[3]), elem_atan2(py, px)};
  }
  return n;
}

/* Both coordinates relative to the hardest, so that a lone constituent lies at exactly 0; then
 * relative to the pT-weighted mean. */
static void centre(Constituent *c, int n) {
  Constituent hardest = c[0];
  double pt = 0, eta = 0, phi = 0;
  for (int i = 1; i < n; i++)
    if (c[i].pt_gev > hardest.pt_gev) hardest = c[i];
  for (int i = 0; i < n; i++) {
    c[i].eta -= hardest.eta;
    c[i].phi_rad = wrap(c[i].phi_rad - hardest.phi_rad);
    pt += c[i].pt_gev;
    eta += c[i].pt_gev * c[i].eta;
    phi += c[i].pt_gev * c[i].phi_rad;
  }
  for (int i = 0; i < n; i++) c[i].eta -= eta / pt, c[i].phi_rad -= phi / pt;
}

/* Unit eigenvector (x, y) of the larger eigenvalue of the pT-weighted covariance [[a, b], [b,
 * c]]: its angle t has cos 2t = d / r, sin 2t = b / r with d = (a - c) / 2, r = |(d, b)|, and
 * half-angles need square roots only. False: no direction stands out. */
static bool principal_axis(double axis[2], const Constituent *c, int n) {
  double eta2 = 0, mixed = 0, phi2 = 0;
  for (int i = 0; i < n; i++) {
    eta2 += c[i].pt_gev * c[i].eta * c[i].eta;
    mixed += c[i].pt_gev * c[i].eta * c[i].phi_rad;
    phi2 += c[i].pt_gev * c[i].phi_rad * c[i].phi_rad;
  }
  double d = 0.5 * (eta2 - phi2), r = sqrt(d * d + mixed * mixed);
  if (r <= ISOTROPIC * (eta2 + phi2)) return false;
  double longer = sqrt(0.5 * (r + fabs(d)) / r), shorter = 0.5 * mixed / (r * longer);
  axis[0] = d >= 0 ? longer : shorter;
  axis[1] = d >= 0 ? shorter : longer;
  return true;
}

static double snap(double x) { return fabs(x) < SNAP ? 0 : x; }

static void turn_vertical(Constituent *c, int n) {
  double axis[2];
  if (!principal_axis(axis, c, n)) return;
  for (int i = 0; i < n; i++) {
    double eta = c[i].eta, phi = c[i].phi_rad;
    c[i].eta = eta * axis[1] - phi * axis[0];
    c[i].phi_rad = eta * axis[0] + phi * axis[1];
  }
}

static void mirror(Constituent *c, int n) {
  double eta_half[2] = {0}, phi_half[2] = {0}; /* pT below and above 0 */
  for (int i = 0; i < n; i++) {
    c[i].eta = snap(c[i].eta);
    c[i].phi_rad = snap(c[i].phi_rad);
    if (c[i].eta != 0) eta_half[c[i].eta > 0] += c[i].pt_gev;
    if (c[i].phi_rad != 0) phi_half[c[i].phi_rad > 0] += c[i].pt_gev;
  }
  bool flip_eta = eta_half[1] > eta_half[0], flip_phi = phi_half[0] > phi_half[1];
  for (int i = 0; i < n; i++) {
    if (flip_eta) c[i].eta = -c[i].eta;
    if (flip_phi) c[i].phi_rad = -c[i].phi_rad;
  }
}

int jet_frame(Constituent *out, const float *p4, int slots, const ImageOpts *opts,
              JetVerdict *verdict) {
  int most = opts->constituents > 0 ? opts->constituents : slots;
  *verdict = jet_verdict(p4, slots);
  if (*verdict != JET_OK) return 0;
  int n = read_slots(out, p4, slots, most);
  centre(out, n);
  turn_vertical(out, n);
  mirror(out, n);
  return n;
}

/* Divide by the sum, added in order in double; false when there is nothing. */
static bool normalise(float *pixels, int count) {
  double sum = 0;
  for (int i = 0; i < count; i++) sum += pixels[i];
  if (!(sum > 0)) return false;
  for (int i = 0; i < count; i++) pixels[i] = (float)(pixels[i] / sum);
  return true;
}

static void fill(float *pixels, const Constituent *c, int n, const ImageOpts *opts) {
  int size = opts->size;
  double eta_width = opts->width_eta * 40 / size, phi_width = opts->width_phi * 40 / size;
  for (int i = 0; i < n; i++) {
    double column = floor(c[i].eta / eta_width) + size / 2;
    double row = floor(c[i].phi_rad / phi_width) + size / 2;
    if (!(column >= 0 && column < size && row >= 0 && row < size)) continue;
    float *pixel = pixels + (int)row * size + (int)column;
    double before = opts->merge == PIXEL_SUM ? *pixel : 0;
    *pixel = (float)(before + c[i].pt_gev);
  }
}

JetVerdict jet_image(float *pixels, const float *p4, int slots, const ImageOpts *opts) {
  Constituent c[JET_SLOTS_MOST];
  JetVerdict verdict;
  int count = opts->size * opts->size;
  memset(pixels, 0, (size_t)count * sizeof *pixels);
  CHECK(slots <= JET_SLOTS_MOST, "%d constituents per jet", slots);
  int n = jet_frame(c, p4, slots, opts, &verdict);
  if (verdict != JET_OK) return verdict;
  fill(pixels, c, n, opts);
  if (!normalise(pixels, count)) return JET_EMPTY;
  image_finish(pixels, opts);
  return JET_OK;
}

static void sum_of(double p[4], const float *p4, int slots) {
  for (int k = 0; k < 4; k++) p[k] = 0;
  for (int i = 0; i < slots; i++)
    for (int k = 0; k < 4; k++) p[k] += p4[4 * i + k];
}

double jet_mass_gev(const float *p4, int slots) {
  double p[4];
  sum_of(p, p4, slots);
  double mass2 = p[0] * p[0] - p[1] * p[1] - p[2] * p[2] - p[3] * p[3];
  return mass2 > 0 ? sqrt(mass2) : 0;
}

double jet_pt_gev(const float *p4, int slots) {
  double p[4];
  sum_of(p, p4, slots);
  return sqrt(p[1] * p[1] + p[2] * p[2]);
}
