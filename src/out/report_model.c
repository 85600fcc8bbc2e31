/* What a model says by itself, from model.h5: the energy over the space of its codes, and what
 * becomes of a sample while its code walks. Codes of held-out samples (codes.h5), where they are
 * there, say how far to go; a VAE knows that from its prior, and a sphere has an end. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/crew.h"
#include "mosaic.h"
#include "num/elem.h"
#include "num/sorted.h"
#include "obj/vae.h"
#include "stats.h"

enum { MAP = 48, BETWEEN = 2, CURVE = 200, WALKS = 6, STEPS = 9, LATENT = 512 };

typedef struct Decoder {
  Model model;
  Crew crew;
  long dim, latent;
  bool sphere;
  double low[LATENT], middle[LATENT], high[LATENT]; /* (latent) of codes; low < high: known */
} Decoder;

/* ---- the model and its codes ---- */

/* 5, 50 and 95 % of the codes that are there, feature by feature. */
static void reach_of_codes(Decoder *d, const ReportRun *run) {
  char path[REPORT_PATH];
  Data code;
  report_path(path, run, "codes.h5");
  if (!report_has(run, "codes.h5") || !data_read(&code, path, "code")) return;
  double *sorted = MEM_NEW(double, "codes", code.rows);
  for (long f = 0; f < d->latent && code.row == d->latent; f++) {
    long n = 0;
    for (long i = 0; i < code.rows; i++)
      if (isfinite(code.value[i * code.row + f])) sorted[n++] = code.value[i * code.row + f];
    if (n == 0) break;
    sorted_numbers(sorted, n);
    d->low[f] = sorted_quantile(sorted, n, 0.05);
    d->middle[f] = sorted_quantile(sorted, n, 0.5);
    d->high[f] = sorted_quantile(sorted, n, 0.95);
  }
  mem_free(&sorted);
  data_free(&code);
}

static bool decoder_open(Decoder *d, Page *page, const ReportRun *run) {
  char path[REPORT_PATH];
  *d = (Decoder){0};
  report_path(path, run, "model.h5");
  if (!report_has(run, "model.h5")) return false;
  if (model_load(path, &d->model)) {
    report_complain(page);
    return false;
  }
  d->dim = shape_size(d->model.input);
  d->latent = shape_size(net_latent(d->model.net));
  d->sphere = net_on_sphere(d->model.net);
  crew_init(&d->crew, &d->model, 1);
  for (long f = 0; f < d->latent && f < LATENT && vae_code(d->model.net); f++)
    d->low[f] = -2, d->high[f] = 2;
  if (d->latent <= LATENT && !vae_code(d->model.net)) reach_of_codes(d, run);
  return d->latent <= LATENT;
}

static void decoder_close(Decoder *d) {
  if (d->crew.threads) crew_free(&d->crew);
  model_free(&d->model);
}

/* x (n, dim), in the units of the data, and H(z), e (n), of the codes z (n, latent). Either may
 * be NULL. */
static void decode(Decoder *d, double *x, double *e, const double *z, long n) {
  float *code = d->crew.z[0], *sample = d->crew.x[0];
  double energy[L];
  for (long first = 0; first < n; first += L) {
    for (long i = 0; i < d->latent * L; i++) {
      long row = first + i % L < n ? first + i % L : n - 1;
      code[i] = (float)z[row * d->latent + i / L];
    }
    recon_decode(d->crew.recon[0], sample, code);
    recon_energy(d->crew.recon[0], energy, NULL, sample);
    crew_restore(&d->crew, sample);
    for (long l = 0; l < L && first + l < n; l++) {
      if (e) e[first + l] = energy[l];
      for (long i = 0; i < d->dim && x; i++)
        x[(first + l) * d->dim + i] = (double)sample[i * L + l];
    }
  }
}

/* ---- energy over the codes ---- */

/* The code at a pixel of the sphere's two discs (report_codes.c has the way there); false: beside
 * them. */
static bool on_disc(double z[3], int row, int column) {
  bool below = column >= MAP + BETWEEN;
  int c = below ? column - MAP - BETWEEN : column;
  double x = M_SQRT2 * (2 * (c + 0.5) / MAP - 1), y = M_SQRT2 * (1 - 2 * (row + 0.5) / MAP);
  double square = x * x + y * y, stretch = sqrt(fmax(0, 1 - square / 4));
  z[0] = x * stretch, z[1] = y * stretch, z[2] = (1 - square / 2) * (below ? -1 : 1);
  return c < MAP && square <= 2;
}

static double between(double low, double high, double share) {
  return low + (high - low) * share;
}

static bool on_plane(const Decoder *d, double z[2], int row, int column) {
  z[0] = between(d->low[0], d->high[0], (column + 0.5) / MAP);
  z[1] = between(d->high[1], d->low[1], (row + 0.5) / MAP);
  return true;
}

/* Energies of the pixels, NaN where there is no code. Owns: the caller. */
static double *map_new(Decoder *d, int columns) {
  double *value = MEM_NEW(double, "map of energies", MAP *columns);
  double *z = MEM_NEW(double, "map of energies", MAP *columns * d->latent);
  long *at = MEM_NEW(long, "map of energies", MAP *columns), n = 0;
  for (int i = 0; i < MAP * columns; i++) {
    double *to = z + n * d->latent;
    bool there = d->sphere ? on_disc(to, i / columns, i % columns)
                           : on_plane(d, to, i / columns, i % columns);
    value[i] = NAN;
    if (there) at[n++] = i;
  }
  double *e = MEM_NEW(double, "map of energies", n);
  decode(d, NULL, e, z, n);
  for (long k = 0; k < n; k++) value[at[k]] = e[k];
  mem_free(&e), mem_free(&at), mem_free(&z);
  return value;
}

static const char about_map[] =
    "H(z) = E(D(z)), what the model makes of its own decoded codes: low where latent chains "
    "gather. Data should lie where it is low, and little else should.";

static void show_map(Page *page, Decoder *d) {
  static const char *const half[] = {"z3 ≥ 0", "z3 < 0"};
  char end[4][32];
  const char *x[] = {end[0], end[1]}, *y[] = {end[3], end[2]};
  Picture picture = {.name = "codes-energy",
                     .title = "Energy over the codes",
                     .caption = about_map,
                     .scale = "energy (error per feature)",
                     .rows = MAP,
                     .columns = d->sphere ? 2 * MAP + BETWEEN : MAP,
                     .labels_x = 2,
                     .text_x = d->sphere ? half : x,
                     .labels_y = d->sphere ? 0 : 2,
                     .text_y = y,
                     .from_least = true};
  for (int f = 0; f < 2; f++) {
    snprintf(end[2 * f], sizeof *end, "z%d = %.2g", f + 1, between(d->low[f], d->high[f], 0.25));
    snprintf(end[2 * f + 1], sizeof *end, "%.2g", between(d->low[f], d->high[f], 0.75));
  }
  double *value = map_new(d, picture.columns);
  picture.value = value;
  page_picture(page, &picture);
  mem_free(&value);
}

/* A code of one feature. */
static void show_curve(Page *page, Decoder *d) {
  double z[CURVE], e[CURVE];
  Plot plot = {.name = "codes-energy",
               .title = "Energy over the code",
               .caption = about_map,
               .x_label = "code z",
               .y_label = "energy (error per feature)",
               .x_name = "z",
               .y_name = "energy",
               .log_y = true};
  for (int i = 0; i < CURVE; i++)
    z[i] = between(d->low[0], d->high[0], 1.5 * i / (CURVE - 1) - 0.25);
  decode(d, NULL, e, z, CURVE);
  plot_add(&plot, (Curve){.name = "H(z)", .n = CURVE, .x = z, .y = e});
  for (int side = 0; side < 2; side++)
    plot_mark(&plot, side ? d->high[0] : d->low[0], false, side ? "95 % of rows" : "5 %");
  page_plot(page, &plot);
}

/* ---- walks ---- */

/* Codes (walks, STEPS, latent) and their samples (walks, STEPS, dim). */
typedef struct Walk {
  int n; /* walks */
  double *z, *x;
  long feature[WALKS]; /* (n) of the code, from 0 */
} Walk;

/* Around the sphere in the planes of two of its axes. */
static void walk_circles(Walk *w, Decoder *d) {
  w->n = 3;
  for (int i = 0; i < 3 * STEPS; i++) {
    double turn = 2.0 * (i % STEPS) / (STEPS - 1);
    int circle = i / STEPS;
    w->z[3 * i + circle] = elem_cospi(turn);
    w->z[3 * i + (circle + 1) % 3] = elem_sinpi(turn);
  }
  decode(d, w->x, NULL, w->z, 3 * STEPS);
}

/* From low to high in one feature, the others in the middle. */
static void walk_along(Walk *w, Decoder *d, int which, long feature) {
  double *z = w->z + which * STEPS * d->latent;
  for (int s = 0; s < STEPS; s++) {
    memcpy(z + s * d->latent, d->middle, (size_t)d->latent * sizeof *z);
    z[s * d->latent + feature] =
        between(d->low[feature], d->high[feature], (double)s / (STEPS - 1));
  }
  w->feature[which] = feature;
  decode(d, w->x + which * STEPS * d->dim, NULL, z, STEPS);
}

static double change(const Walk *w, const Decoder *d, int which) {
  const double *from = w->x + which * STEPS * d->dim, *to = from + (STEPS - 1) * d->dim;
  double square = 0;
  for (long i = 0; i < d->dim; i++) square += (to[i] - from[i]) * (to[i] - from[i]);
  return square;
}

/* Along the features that change a sample most, the strongest first: in many a VAE the others have
 * died. */
static void walk_features(Walk *w, Decoder *d) {
  double strength[LATENT];
  bool taken[LATENT] = {false};
  for (long f = 0; f < d->latent; f++) {
    walk_along(w, d, 0, f);
    strength[f] = change(w, d, 0);
  }
  for (; w->n < WALKS && w->n < d->latent; w->n++) {
    long best = -1;
    for (long f = 0; f < d->latent; f++)
      if (!taken[f] && (best < 0 || strength[f] > strength[best])) best = f;
    taken[best] = true;
    walk_along(w, d, w->n, best);
  }
}

static void name_walk(char name[64], const Decoder *d, const Walk *w, int which) {
  if (d->sphere)
    snprintf(name, 64, "z%d to z%d", which + 1, (which + 1) % 3 + 1);
  else
    snprintf(name, 64, "z%ld: %.2g to %.2g", w->feature[which] + 1, d->low[w->feature[which]],
             d->high[w->feature[which]]);
}

static void show_walks(Page *page, const Decoder *d, const Walk *w, Frame frame) {
  char name[WALKS][64];
  const char *left[WALKS];
  Mosaic m = mosaic_new(w->n, STEPS, frame);
  for (int k = 0; k < w->n; k++) {
    name_walk(name[k], d, w, k);
    left[k] = name[k];
    for (int s = 0; s < STEPS; s++) mosaic_put(&m, k, s, w->x + (k * STEPS + s) * d->dim, NULL);
  }
  Picture picture = mosaic_picture(&m, "walk", "Latent walk");
  picture.labels_y = w->n, picture.text_y = left;
  picture.caption = d->sphere
                        ? "Decoded codes along three great circles of the sphere, once around."
                        : "Decoded codes: one feature of the code goes from its low to its high "
                          "end, the others stay; those that change a sample most.";
  page_picture(page, &picture);
  mem_free(&m.value);
}

/* Samples that are no pictures: what the strongest feature of the code does to them. */
static void show_walk_curves(Page *page, const Decoder *d, const Walk *w, const char *axis) {
  double *x = MEM_NEW(double, "features", d->dim), *y = MEM_NEW(double, "features", 3 * d->dim);
  Plot plot = {.name = "walk",
               .title = "Latent walk",
               .caption = "Decoded codes while the feature of the code that changes a sample "
                          "most goes from its low to its high end.",
               .x_label = "feature of the sample",
               .y_label = "change from the middle / largest change",
               .x_name = "feature",
               .y_name = "change",
               .more = axis};
  for (long i = 0; i < d->dim; i++) {
    x[i] = (double)i + 1;
    const double *from = w->x + i;
    double most = 0, middle = from[STEPS / 2 * d->dim];
    for (int s = 0; s < STEPS; s++) most = fmax(most, fabs(from[s * d->dim] - middle));
    for (int k = 0; k < 3; k++)
      y[k * d->dim + i] = most > 0 ? (from[k * (STEPS / 2) * d->dim] - middle) / most : 0;
  }
  for (int k = 0; k < 3; k++) {
    Curve curve = {
        .colour = report_colour(k), .dash = k, .n = d->dim, .x = x, .y = y + k * d->dim};
    snprintf(curve.name, sizeof curve.name, "z%ld = %.2g", w->feature[0] + 1,
             between(d->low[w->feature[0]], d->high[w->feature[0]], k / 2.0));
    plot_add(&plot, curve);
  }
  page_plot(page, &plot);
  mem_free(&x), mem_free(&y);
}

static void show_walk(Page *page, Decoder *d, const ReportRun *run) {
  Frame frame = {d->model.input.h, d->model.input.w};
  Walk w = {.z = MEM_NEW(double, "walk", WALKS *STEPS * d->latent),
            .x = MEM_NEW(double, "walk", WALKS *STEPS * d->dim)};
  if (d->sphere)
    walk_circles(&w, d);
  else
    walk_features(&w, d);
  if (frame_is_image(frame))
    show_walks(page, d, &w, frame);
  else if (!d->sphere && d->dim > 1) {
    char *axis = report_feature_axis(run, d->dim);
    show_walk_curves(page, d, &w, axis);
    free(axis);
  }
  mem_free(&w.z), mem_free(&w.x);
}

/* A globe ends by itself; elsewhere it must be known how far codes go. */
static bool show_model(Page *page, Decoder *d, const ReportRun *run) {
  if (d->sphere && d->latent == 3) {
    show_map(page, d);
    show_walk(page, d, run);
    return true;
  }
  if (!(d->low[0] < d->high[0])) return false;
  if (d->latent == 2) show_map(page, d);
  if (d->sphere) return d->latent == 2;
  if (d->latent == 1) show_curve(page, d);
  show_walk(page, d, run);
  return true;
}

bool report_model(Page *page, const ReportRun *run) {
  Decoder *d = MEM_NEW(Decoder, "model of a report", 1);
  bool shown = decoder_open(d, page, run) && show_model(page, d, run);
  decoder_close(d);
  mem_free(&d);
  return shown;
}
