/* Samples of two features: the density exp(-E/T) of the model over their plane, and beside it
 * where data and negatives lie. Its window is that of the rows in reconstructions.h5
 * (reconstruct.input=true); within it the density is normalised, by a sum over a grid. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "eval/crew.h"
#include "num/elem.h"
#include "report_parts.h"
#include "train/temperature.h"

enum { GRID = 200, TICKS = 4, TICK_TEXT = 16, POINTS = 2000 };

typedef struct Window {
  double low[2], high[2];
} Window;

typedef struct Plane {
  const ReportRun *run;
  Model model;
  double temperature;
  Data input, energy, label; /* of rows; labels may be missing */
  Data negatives;            /* may be missing */
  Window window;
  double *density;  /* (GRID, GRID), the highest second feature first */
  double log_omega; /* of the window */
} Plane;

/* ---- files ---- */

static bool rows_read(Plane *plane) {
  char path[REPORT_PATH];
  report_path(path, plane->run, "reconstructions.h5");
  if (!report_has(plane->run, "reconstructions.h5")) return false;
  bool good =
      data_read(&plane->input, path, "input") && data_read(&plane->energy, path, "energy");
  if (good && data_read(&plane->label, path, "label") && plane->label.rows != plane->input.rows)
    data_free(&plane->label);
  report_path(path, plane->run, "samples.h5");
  if (good && report_has(plane->run, "samples.h5")) data_read(&plane->negatives, path, "x");
  if (plane->negatives.row != 2) data_free(&plane->negatives);
  return good && plane->input.row == 2 && plane->energy.rows == plane->input.rows;
}

static bool model_read(Plane *plane) {
  char path[REPORT_PATH];
  report_path(path, plane->run, "model.h5");
  if (model_load(path, &plane->model) == OK) return true;
  err_clear();
  return false;
}

static bool is_normal(const Plane *plane, long row) {
  if (!isfinite(plane->energy.value[row])) return false;
  if (!plane->label.value) return true;
  int label = (int)plane->label.value[row];
  return label >= 0 && label < REPORT_CLASSES && plane->run->is_normal[label];
}

static double mean_energy(const Plane *plane) {
  double sum = 0;
  long n = 0;
  for (long i = 0; i < plane->energy.rows; i++)
    if (is_normal(plane, i)) sum += plane->energy.value[i], n++;
  return n ? sum / (double)n : 0;
}

/* That of training; of a plain autoencoder what `auto` makes of its error. */
static double temperature_of(const Plane *plane) {
  long k = net_manifold(plane->model.net);
  if (plane->model.temperature > 0) return plane->model.temperature;
  return k < 2 ? temperature_auto(mean_energy(plane), 2, k) : 0;
}

static Window window_of(const Data *input) {
  Window w = {{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};
  for (long i = 0; i < 2 * input->rows; i++) {
    if (!isfinite(input->value[i])) continue;
    w.low[i % 2] = fmin(w.low[i % 2], input->value[i]);
    w.high[i % 2] = fmax(w.high[i % 2], input->value[i]);
  }
  return w;
}

/* ---- the density ---- */

static double cell(const Window *w, int axis) { return (w->high[axis] - w->low[axis]) / GRID; }

/* The middles of cells first .. first + 15, as the model sees them. */
static void fill_tile(const Plane *plane, float *x, long first) {
  const Window *w = &plane->window;
  const Model *model = &plane->model;
  for (long l = 0; l < L; l++) {
    long i = first + l;
    double at[2] = {w->low[0] + ((double)(i % GRID) + 0.5) * cell(w, 0),
                    w->high[1] - ((double)(i / GRID) + 0.5) * cell(w, 1)};
    for (int axis = 0; axis < 2; axis++) {
      double mean = model->mean ? (double)model->mean[axis] : 0;
      double scale = model->mean ? (double)model->scale[axis] : 1;
      x[L * axis + l] = (float)((at[axis] - mean) / scale);
    }
  }
}

/* Log of the density first, from its largest on, so that nothing is lost where T is small. */
static void measure(Plane *plane) {
  Crew crew;
  double e[L], most = -INFINITY, sum = 0;
  double area = cell(&plane->window, 0) * cell(&plane->window, 1);
  enum { CELLS = GRID * GRID };
  _Static_assert(CELLS % L == 0, "whole tiles");
  plane->density = MEM_NEW(double, "density", CELLS);
  crew_init(&crew, &plane->model, 1);
  for (long first = 0; first < CELLS; first += L) {
    fill_tile(plane, crew.x[0], first);
    recon_energy(crew.recon[0], e, NULL, crew.x[0]);
    for (int l = 0; l < L; l++) {
      plane->density[first + l] = -e[l] / plane->temperature;
      most = fmax(most, plane->density[first + l]);
    }
  }
  crew_free(&crew);
  for (long i = 0; i < CELLS; i++) sum += elem_exp(plane->density[i] - most) * area;
  plane->log_omega = most + elem_log(sum);
  for (long i = 0; i < CELLS; i++)
    plane->density[i] = elem_exp(plane->density[i] - plane->log_omega);
}

/* ---- plots ---- */

/* What stands in the middle of each of `TICKS` parts of an axis, from `from` to `to`. */
static void put_ticks(char text[TICKS][TICK_TEXT], const char *pointer[TICKS], double from,
                      double to) {
  for (int i = 0; i < TICKS; i++) {
    snprintf(text[i], TICK_TEXT, "%.2g", from + (to - from) * (i + 0.5) / TICKS);
    pointer[i] = text[i];
  }
}

static void describe(char *caption, size_t size, const Plane *plane) {
  double area = GRID * cell(&plane->window, 0) * GRID * cell(&plane->window, 1);
  double found = -mean_energy(plane) / plane->temperature - plane->log_omega;
  snprintf(caption, size,
           "exp(−E/T) at T = %.3g%s, normalised in this window: log Ω %.5g. Mean log-likelihood "
           "of the normal points: %.4g; of a uniform density: %.4g.",
           plane->temperature, plane->model.temperature > 0 ? "" : " (what auto would take)",
           plane->log_omega, found, -elem_log(area));
}

static void show_density(Page *page, const Plane *plane) {
  const Window *w = &plane->window;
  char caption[512], text_x[TICKS][TICK_TEXT], text_y[TICKS][TICK_TEXT];
  const char *below[TICKS], *left[TICKS];
  describe(caption, sizeof caption, plane);
  put_ticks(text_x, below, w->low[0], w->high[0]);
  put_ticks(text_y, left, w->high[1], w->low[1]);
  page_picture(page, &(Picture){.name = "plane-density",
                                .title = "Density of the model",
                                .caption = caption,
                                .scale = "density",
                                .rows = GRID,
                                .columns = GRID,
                                .value = plane->density,
                                .labels_x = TICKS,
                                .labels_y = TICKS,
                                .text_x = below,
                                .text_y = left});
}

/* Up to POINTS rows, evenly spread: normal ones, where `all` is false. */
static long collect(double *x, double *y, const Plane *plane, const Data *data, bool all) {
  long every = data->rows / POINTS + 1, n = 0;
  for (long i = 0; i < data->rows; i += every)
    if (all || is_normal(plane, i)) x[n] = data->value[2 * i], y[n++] = data->value[2 * i + 1];
  return n;
}

static void show_points(Page *page, const Plane *plane) {
  const Window *w = &plane->window;
  const Data *data[] = {&plane->input, &plane->negatives};
  double *x[2], *y[2];
  char more[256];
  snprintf(more, sizeof more, "set size ratio 1\nset xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]",
           w->low[0], w->high[0], w->low[1], w->high[1]);
  Plot plot = {.name = "plane-points",
               .title = "Data and samples",
               .x_label = "x_1",
               .y_label = "x_2",
               .x_name = "x1",
               .y_name = "x2",
               .more = more,
               .caption = "Normal rows, and what the model's chains end with (jetnae sample)."};
  for (int i = 0; i < 2; i++) {
    x[i] = MEM_NEW(double, "points", POINTS + 1);
    y[i] = MEM_NEW(double, "points", POINTS + 1);
    Curve curve = {.style = CURVE_POINTS, .colour = report_colour(i), .x = x[i], .y = y[i]};
    curve.n = collect(x[i], y[i], plane, data[i], i == 1);
    strcpy(curve.name, i ? "samples of the model" : "data");
    plot_add(&plot, curve);
  }
  page_plot(page, &plot);
  for (int i = 0; i < 2; i++) mem_free(&x[i]), mem_free(&y[i]);
}

bool report_plane(Page *page, const ReportRun *run) {
  Plane plane = {.run = run};
  bool good = rows_read(&plane) && model_read(&plane) && shape_size(plane.model.input) == 2;
  if (good) plane.temperature = temperature_of(&plane), plane.window = window_of(&plane.input);
  good =
      good && plane.temperature > 0 && cell(&plane.window, 0) > 0 && cell(&plane.window, 1) > 0;
  if (good) {
    measure(&plane);
    show_density(page, &plane);
    show_points(page, &plane);
    mem_free(&plane.density);
  }
  if (plane.model.net) model_free(&plane.model);
  data_free(&plane.input), data_free(&plane.energy);
  data_free(&plane.label), data_free(&plane.negatives);
  return good;
}
