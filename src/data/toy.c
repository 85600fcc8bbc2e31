/* Toy jets. A parton radiates in the (eta, phi) plane: emissions at ever smaller angles R, the
 * soft partner with the share z of pT drawn from alpha_s(kT) C / pi * 2 dR/R dz/z * weight(z) by
 * the veto method, kT = z pT R above a cut-off; each partner goes on from the angle where it was
 * born. What is left within 0.8 of the axis are the constituents. Source: leading-logarithmic
 * parton shower, e.g. arXiv 1101.2599, section 4. */
#include "data/toy.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "num/elem.h"
#include "num/rng.h"

#define PI 3.14159265358979323846

static const double top_mass_gev = 172.5, w_mass_gev = 80.4;
static const double pt_low_gev = 550, pt_high_gev = 650, eta_most = 1.5;
static const double jet_radius = 0.8;
static const double cutoff_gev = 0.15;          /* of kT */
static const double frozen_gev = 0.3;           /* kT below which the coupling stays */
static const double lambda_gev = 0.2;           /* of the running coupling, five flavours */
static const double quark = 4.0 / 3, gluon = 3; /* colour factors */

/* The numbers of one jet, drawn one after the other. */
typedef struct Draws {
  RngKey key;
  uint64_t jet;
  uint32_t next;
} Draws;

static double draw(Draws *draws) { return rng_uniform(draws->key, draws->jet, 0, draws->next++); }

typedef struct Parton {
  double pt_gev, eta, phi_rad;
  double angle;  /* the next emission is narrower */
  double colour; /* factor C */
} Parton;

enum { PARTONS_MOST = 1000 };
typedef struct Shower {
  int n;
  Parton parton[PARTONS_MOST];
  Draws draws;
} Shower;

static double coupling(double kt_gev) {
  return 12 * PI / (23 * 2 * elem_log(fmax(kt_gev, frozen_gev) / lambda_gev));
}

/* The splitting function times z, at most 1: q -> q g; g -> g g with z the softer one. */
static double weight(double z, double colour) {
  double rest = 1 - z;
  if (colour == quark) return 0.5 * (1 + rest * rest);
  return z > 0.5 ? 0 : (1 - z * rest) * (1 - z * rest);
}

static void split(Shower *shower, Parton *parent, double z) {
  double turn = 2 * draw(&shower->draws);
  double eta = parent->angle * elem_cospi(turn), phi = parent->angle * elem_sinpi(turn);
  shower->parton[shower->n++] = (Parton){z * parent->pt_gev, parent->eta + (1 - z) * eta,
                                         parent->phi_rad + (1 - z) * phi, parent->angle, gluon};
  parent->pt_gev *= 1 - z;
  parent->eta -= z * eta;
  parent->phi_rad -= z * phi;
}

/* All emissions of one parton; the softer partners join the end of the list. */
static void evolve(Shower *shower, Parton *p) {
  const double largest = coupling(cutoff_gev);
  while (p->pt_gev * p->angle > cutoff_gev && shower->n < PARTONS_MOST) {
    double span = elem_log(p->pt_gev * p->angle / cutoff_gev); /* of ln 1/z */
    double rate = 2 * largest * p->colour / PI * span;         /* per ln 1/R */
    p->angle *= elem_exp(elem_log(draw(&shower->draws)) / rate);
    double z = elem_exp(-span * draw(&shower->draws)), kt_gev = z * p->pt_gev * p->angle;
    if (kt_gev < cutoff_gev) continue;
    double accept = coupling(kt_gev) / largest * weight(z, p->colour);
    if (draw(&shower->draws) < accept) split(shower, p, z);
  }
}

static double wrapped(double phi) { return phi - 2 * PI * floor((phi + PI) / (2 * PI)); }

static double distance(double eta1, double phi1, double eta2, double phi2) {
  double eta = eta1 - eta2, phi = wrapped(phi1 - phi2);
  return sqrt(eta * eta + phi * phi);
}

/* p (4) E, px, py, pz of a massive or massless particle. */
static void momentum(double p[4], double pt_gev, double eta, double phi_rad, double mass_gev) {
  double up = elem_exp(eta);
  p[1] = pt_gev * elem_cospi(phi_rad / PI);
  p[2] = pt_gev * elem_sinpi(phi_rad / PI);
  p[3] = pt_gev * 0.5 * (up - 1 / up);
  p[0] = sqrt(p[1] * p[1] + p[2] * p[2] + p[3] * p[3] + mass_gev * mass_gev);
}

static Parton parton_of(const double p[4], double colour) {
  double pt = sqrt(p[1] * p[1] + p[2] * p[2]), z = p[3] / pt;
  return (Parton){pt, elem_log(fabs(z) + sqrt(1 + z * z)) * (z < 0 ? -1 : 1),
                  elem_atan2(p[2], p[1]), 0, colour};
}

/* From rest in the frame where `mover` (mass_gev) stands still to the frame of its momentum. */
static void boost(double p[4], const double mover[4], double mass_gev) {
  double dot = mover[1] * p[1] + mover[2] * p[2] + mover[3] * p[3];
  double energy = (mover[0] * p[0] + dot) / mass_gev;
  double share = (p[0] + energy) / (mover[0] + mass_gev);
  for (int k = 1; k < 4; k++) p[k] += share * mover[k];
  p[0] = energy;
}

/* Two-body decay, isotropic: a massless particle and one of mass_gev. */
static void decay(double massless[4], double massive[4], const double mother[4],
                  double mother_mass_gev, double mass_gev, Draws *draws) {
  double p = 0.5 * (mother_mass_gev - mass_gev * mass_gev / mother_mass_gev);
  double z = 2 * draw(draws) - 1, turn = 2 * draw(draws), r = sqrt(1 - z * z);
  massless[0] = p, massive[0] = mother_mass_gev - p;
  massless[1] = p * r * elem_cospi(turn);
  massless[2] = p * r * elem_sinpi(turn);
  massless[3] = p * z;
  for (int k = 1; k < 4; k++) massive[k] = -massless[k];
  boost(massless, mother, mother_mass_gev);
  boost(massive, mother, mother_mass_gev);
}

static double apart(const Parton *a, const Parton *b) {
  return distance(a->eta, a->phi_rad, b->eta, b->phi_rad);
}

/* t -> b W -> b q q', the three of them within the jet's radius of the top; how wide they may
 * radiate follows from their colour partners. */
static void top_quarks(Parton quarks[3], const double top[4], Draws *draws) {
  Parton t = parton_of(top, 0), w;
  bool inside;
  do {
    double b[4], boson[4], q1[4], q2[4];
    decay(b, boson, top, top_mass_gev, w_mass_gev, draws);
    decay(q1, q2, boson, w_mass_gev, 0, draws);
    w = parton_of(boson, 0);
    quarks[0] = parton_of(b, quark);
    quarks[1] = parton_of(q1, quark);
    quarks[2] = parton_of(q2, quark);
    inside = true;
    for (int i = 0; i < 3; i++) inside = inside && apart(&t, &quarks[i]) < jet_radius;
  } while (!inside);
  quarks[0].angle = fmin(jet_radius, apart(&quarks[0], &w));
  quarks[1].angle = quarks[2].angle = fmin(jet_radius, apart(&quarks[1], &quarks[2]));
}

static int harder_first(const void *a, const void *b) {
  double x = ((const Parton *)a)->pt_gev, y = ((const Parton *)b)->pt_gev;
  return (x < y) - (x > y);
}

/* Keep what lies within the radius of the pT-weighted axis, pT-descending. */
static void cluster(Shower *shower) {
  double pt = 0, eta = 0, phi = 0;
  for (int i = 0; i < shower->n; i++) {
    const Parton *p = &shower->parton[i];
    pt += p->pt_gev;
    eta += p->pt_gev * p->eta;
    phi += p->pt_gev * wrapped(p->phi_rad - shower->parton[0].phi_rad);
  }
  eta /= pt;
  phi = phi / pt + shower->parton[0].phi_rad;
  int kept = 0;
  for (int i = 0; i < shower->n; i++)
    if (distance(shower->parton[i].eta, shower->parton[i].phi_rad, eta, phi) < jet_radius)
      shower->parton[kept++] = shower->parton[i];
  shower->n = kept;
  qsort(shower->parton, (size_t)kept, sizeof(Parton), harder_first);
}

static void write_p4(float *p4, const Shower *shower) {
  memset(p4, 0, sizeof(float[4 * TOY_SLOTS]));
  for (int i = 0; i < shower->n && i < TOY_SLOTS; i++, p4 += 4) {
    double p[4];
    momentum(p, shower->parton[i].pt_gev, shower->parton[i].eta, shower->parton[i].phi_rad, 0);
    for (int k = 1; k < 4; k++) p4[k] = (float)p[k];
    double x = p4[1], y = p4[2], z = p4[3];
    p4[0] = (float)sqrt(x * x + y * y + z * z);
  }
}

void toy_jet(float *p4, int8_t *label, float *truth, uint64_t seed, uint64_t jet) {
  Shower shower = {.draws = {rng_key(seed, RNG_TOY), jet, 0}};
  Draws *draws = &shower.draws;
  *label = draw(draws) < 0.5;
  double pt_gev = pt_low_gev + (pt_high_gev - pt_low_gev) * draw(draws);
  double eta = eta_most * (2 * draw(draws) - 1), phi = PI * (2 * draw(draws) - 1), top[4] = {0};
  if (*label) {
    momentum(top, pt_gev, eta, phi, top_mass_gev);
    top_quarks(shower.parton, top, draws);
    shower.n = 3;
  } else {
    double colour = draw(draws) < 0.5 ? quark : gluon;
    shower.parton[shower.n++] = (Parton){pt_gev, eta, phi, jet_radius, colour};
  }
  for (int i = 0; i < shower.n; i++) evolve(&shower, &shower.parton[i]);
  cluster(&shower);
  write_p4(p4, &shower);
  for (int k = 0; k < 4; k++) truth[k] = (float)top[k];
}
