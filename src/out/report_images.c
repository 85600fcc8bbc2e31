/* What the model makes of samples: the best and the worst reconstructed, mean images by class, and
 * what it draws itself. Samples that are no images are shown as curves over their features. Files
 * may be large: rows are read as they are needed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "mosaic.h"
#include "stats.h"

enum { SHOWN = 6, LABEL = 48, MEAN_ROWS = 20000, BLOCK = 1024 };

/* ---- best and worst ---- */

typedef struct Scored {
  double energy;
  long row;
} Scored;

static int by_energy(const void *a, const void *b) {
  const Scored *p = a, *q = b;
  if (p->energy != q->energy) return p->energy < q->energy ? -1 : 1;
  return (p->row > q->row) - (p->row < q->row);
}

/* Owns: the caller. The rows with a score by their energy. */
static Scored *sorted_rows(const Data *energy, long *n) {
  Scored *item = MEM_NEW(Scored, "energies to sort", energy->rows + 1);
  *n = 0;
  for (long i = 0; i < energy->rows; i++)
    if (isfinite(energy->value[i])) item[(*n)++] = (Scored){energy->value[i], i};
  qsort(item, (size_t)*n, sizeof *item, by_energy);
  return item;
}

/* Shapes of input and reconstruction, which are alike, and all energies. */
typedef struct Pairs {
  char path[REPORT_PATH];
  Data input, reconstruction, energy, label;
} Pairs;

static bool pairs_open(Pairs *pairs, const ReportRun *run) {
  *pairs = (Pairs){0};
  report_path(pairs->path, run, "reconstructions.h5");
  return report_has(run, "reconstructions.h5") &&
         data_shape(&pairs->input, pairs->path, "input") &&
         data_shape(&pairs->reconstruction, pairs->path, "reconstruction") &&
         data_read(&pairs->energy, pairs->path, "energy") &&
         pairs->input.row == pairs->reconstruction.row &&
         pairs->input.rows == pairs->reconstruction.rows &&
         pairs->input.rows == pairs->energy.rows;
}

static void pairs_close(Pairs *pairs) { data_free(&pairs->energy), data_free(&pairs->label); }

/* Rows from `from` on; false: they cannot be read. Owns: the caller, data_free both. */
static bool pairs_rows(const Pairs *pairs, Data *x, Data *y, long from, long n) {
  bool good = data_rows(x, pairs->path, "input", from, n);
  return data_rows(y, pairs->path, "reconstruction", from, n) && good;
}

/* ---- means ---- */

/* Of the first rows of the file: sums by class (0 normal, 1 anomalous) of input and
 * reconstruction, and of the input's squares. */
typedef struct Moments {
  long row, n[2];
  double *input[2], *reconstruction[2], *square; /* (row) each */
} Moments;

static int class_of(const Pairs *pairs, const ReportRun *run, long row) {
  if (!pairs->label.value) return 0;
  int label = (int)pairs->label.value[row];
  return label < 0 || label >= REPORT_CLASSES ? -1 : !run->is_normal[label];
}

static void moments_add(Moments *m, int which, const double *x, const double *y) {
  if (which < 0 || !isfinite(x[0]) || !isfinite(y[0])) return;
  m->n[which]++;
  for (long i = 0; i < m->row; i++) {
    m->input[which][i] += x[i];
    m->reconstruction[which][i] += y[i];
    m->square[i] += x[i] * x[i];
  }
}

static Moments moments_new(const Pairs *pairs, const ReportRun *run) {
  Moments m = {.row = pairs->input.row};
  long rows = pairs->input.rows < MEAN_ROWS ? pairs->input.rows : MEAN_ROWS;
  for (int which = 0; which < 2; which++) {
    m.input[which] = MEM_NEW(double, "mean images", m.row);
    m.reconstruction[which] = MEM_NEW(double, "mean images", m.row);
  }
  m.square = MEM_NEW(double, "mean images", m.row);
  for (long from = 0; from < rows; from += BLOCK) {
    Data x, y;
    long n = rows - from < BLOCK ? rows - from : BLOCK;
    bool good = pairs_rows(pairs, &x, &y, from, n);
    for (long i = 0; i < n && good; i++)
      moments_add(&m, class_of(pairs, run, from + i), x.value + i * m.row, y.value + i * m.row);
    data_free(&x), data_free(&y);
  }
  return m;
}

static void moments_free(Moments *m) {
  for (int which = 0; which < 2; which++)
    mem_free(&m->input[which]), mem_free(&m->reconstruction[which]);
  mem_free(&m->square);
}

/* A feature in units of its spread over all rows. */
static double moments_scaled(const Moments *m, long i, double value) {
  double n = (double)(m->n[0] + m->n[1]), mean = (m->input[0][i] + m->input[1][i]) / n;
  double variance = m->square[i] / n - mean * mean;
  return variance > 1e-12 * mean * mean ? (value - mean) / sqrt(variance) : 0;
}

/* Sums become means. */
static void take_means(Moments *m) {
  for (int which = 0; which < 2; which++)
    for (long i = 0; i < m->row && m->n[which]; i++) {
      m->input[which][i] /= (double)m->n[which];
      m->reconstruction[which][i] /= (double)m->n[which];
    }
}

static void show_means(Page *page, const Pairs *pairs, Moments *m) {
  static const char *const left[] = {"input", "reconstruction"};
  static const char *const below[] = {"normal", "anomalous"};
  static const char *const apart_below[] = {"normal", "anomalous", "anomalous\nless normal"};
  int classes = m->n[1] > 0 ? 2 : 1;
  char caption[160];
  Mosaic both = mosaic_new(2, classes, frame_of(&pairs->input));
  Mosaic apart = mosaic_new(1, classes == 2 ? 3 : 1, frame_of(&pairs->input));
  take_means(m);
  for (int which = 0; which < classes; which++) {
    mosaic_put(&both, 0, which, m->input[which], NULL);
    mosaic_put(&both, 1, which, m->reconstruction[which], NULL);
    mosaic_put(&apart, 0, which, m->reconstruction[which], m->input[which]);
  }
  if (classes == 2) mosaic_put(&apart, 0, 2, m->input[1], m->input[0]);
  Picture picture = mosaic_picture(&both, "means", "Mean images");
  snprintf(caption, sizeof caption, "Of the first %ld rows.", m->n[0] + m->n[1]);
  picture.caption = caption, picture.scale = "pixel, logarithmic", picture.log = true;
  picture.labels_x = classes, picture.text_x = below;
  picture.labels_y = 2, picture.text_y = left;
  page_picture(page, &picture);
  picture = mosaic_picture(&apart, "means-difference", "Differences of mean images");
  picture.both_signs = true;
  picture.caption = "Reconstruction less input, where the model adds (red) and takes away (blue) "
                    "on average; and what sets anomalies apart.";
  picture.labels_x = apart.across, picture.text_x = apart_below;
  page_picture(page, &picture);
  mem_free(&both.value), mem_free(&apart.value);
}

/* ---- galleries ---- */

/* n columns: input over reconstruction; and below, with a scale of its own, the difference. */
static void show_pairs(Page *page, const Pairs *pairs, const Scored *item, int n,
                       const char *name, const char *title) {
  static const char *const left[] = {"input", "reconstruction"}, *const difference[] = {
                                                                     "difference"};
  char label[SHOWN][LABEL], other[64];
  const char *below[SHOWN];
  Mosaic both = mosaic_new(2, n, frame_of(&pairs->input));
  Mosaic apart = mosaic_new(1, n, frame_of(&pairs->input));
  for (int i = 0; i < n; i++) {
    Data x, y;
    if (pairs_rows(pairs, &x, &y, item[i].row, 1)) {
      mosaic_put(&both, 0, i, x.value, NULL);
      mosaic_put(&both, 1, i, y.value, NULL);
      mosaic_put(&apart, 0, i, y.value, x.value);
    }
    data_free(&x), data_free(&y);
    snprintf(label[i], LABEL, "%.2g", item[i].energy);
    below[i] = label[i];
  }
  Picture picture = mosaic_picture(&both, name, title);
  picture.labels_x = n, picture.text_x = below;
  picture.labels_y = 2, picture.text_y = left;
  picture.caption = "Below each its energy.";
  page_picture(page, &picture);
  snprintf(other, sizeof other, "%s-difference", name);
  picture = mosaic_picture(&apart, other, "Reconstruction less input");
  picture.both_signs = true;
  picture.labels_x = n, picture.text_x = below;
  picture.labels_y = 1, picture.text_y = difference;
  page_picture(page, &picture);
  mem_free(&both.value), mem_free(&apart.value);
}

/* Samples that are no images: features as they go in and come out, in units of their spread. */
static void show_features(Page *page, const Pairs *pairs, const Moments *moments, long row,
                          const char *name, const char *title, const char *axis) {
  long n = pairs->input.row;
  Data in, out;
  double *x = MEM_NEW(double, "features", n);
  Plot plot = {.name = name,
               .title = title,
               .x_label = "feature",
               .y_label = "value, standard deviations from the mean",
               .x_name = "feature",
               .y_name = "value",
               .more = axis};
  if (pairs_rows(pairs, &in, &out, row, 1)) {
    for (long i = 0; i < n; i++) {
      x[i] = (double)i + 1;
      in.value[i] = moments_scaled(moments, i, in.value[i]);
      out.value[i] = moments_scaled(moments, i, out.value[i]);
    }
    plot_add(&plot, (Curve){.name = "input", .n = n, .x = x, .y = in.value});
    plot_add(&plot, (Curve){.name = "reconstruction",
                            .colour = VERMILLION,
                            .dash = 1,
                            .n = n,
                            .x = x,
                            .y = out.value});
  }
  page_plot(page, &plot);
  data_free(&in), data_free(&out);
  mem_free(&x);
}

static void show_image_rows(Page *page, const Pairs *pairs, const Scored *item, long n) {
  int shown = n < SHOWN ? (int)n : SHOWN;
  show_pairs(page, pairs, item, shown, "gallery-best", "Best reconstructed");
  show_pairs(page, pairs, item + n - shown, shown, "gallery-worst", "Worst reconstructed");
}

static bool show_gallery(Page *page, const ReportRun *run) {
  Pairs pairs;
  long n = 0;
  bool good = pairs_open(&pairs, run);
  if (good && data_read(&pairs.label, pairs.path, "label") &&
      pairs.label.rows != pairs.input.rows)
    data_free(&pairs.label);
  Scored *item = good ? sorted_rows(&pairs.energy, &n) : NULL;
  if (n) {
    Moments moments = moments_new(&pairs, run);
    if (frame_is_image(frame_of(&pairs.input))) {
      show_image_rows(page, &pairs, item, n);
      if (moments.n[0]) show_means(page, &pairs, &moments);
    } else if (moments.n[0] + moments.n[1]) {
      char *axis = report_feature_axis(run, pairs.input.row);
      show_features(page, &pairs, &moments, item[0].row, "gallery-best", "Best reconstructed",
                    axis);
      show_features(page, &pairs, &moments, item[n - 1].row, "gallery-worst",
                    "Worst reconstructed", axis);
      free(axis);
    }
    moments_free(&moments);
  }
  if (item) mem_free(&item);
  pairs_close(&pairs);
  return n > 0;
}

/* ---- samples ---- */

/* The first samples of each set, one set per row. */
static bool show_samples(Page *page, const ReportRun *run) {
  static const char *const set[] = {"x_latent", "x"};
  static const char *const text[] = {"after the\nlatent chain", "after the\nvisible chain"};
  char path[REPORT_PATH];
  Data data[2];
  const char *left[2];
  int sets = 0;
  report_path(path, run, "samples.h5");
  for (int s = 0; s < 2 && report_has(run, "samples.h5"); s++) {
    if (!data_rows(&data[sets], path, set[s], 0, SHOWN)) continue;
    if (frame_is_image(frame_of(&data[sets])))
      left[sets++] = text[s];
    else
      data_free(&data[sets]);
  }
  if (sets == 0) return false;
  if (sets == 1) left[0] = "samples";
  int n = data[0].rows < SHOWN ? (int)data[0].rows : SHOWN;
  Mosaic m = mosaic_new(sets, n, frame_of(&data[0]));
  for (int s = 0; s < sets; s++)
    for (int i = 0; i < n; i++) mosaic_put(&m, s, i, data[s].value + i * data[s].row, NULL);
  Picture picture = mosaic_picture(&m, "samples", "Samples of the model");
  picture.labels_y = sets, picture.text_y = left;
  picture.caption = sets == 2 ? "What chains of the NAE end with, from fresh starts: each column "
                                "is one of them."
                              : "Decoded draws of the prior.";
  page_picture(page, &picture);
  mem_free(&m.value);
  for (int s = 0; s < sets; s++) data_free(&data[s]);
  return true;
}

bool report_images(Page *page, const ReportRun *run) {
  bool gallery = show_gallery(page, run), samples = show_samples(page, run);
  return gallery || samples;
}
