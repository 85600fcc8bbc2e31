/* What the model makes of samples: the best and the worst reconstructed, mean images, and what it
 * draws itself. Samples that are no images are shown as curves over their features. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report.h"
#include "stats.h"

enum { SHOWN = 6, GAP = 1, LABEL = 48 };

/* Samples as pictures: a file may hold (rows, C, H, W), (rows, H, W) or (rows, features). */
typedef struct Shown {
  int h, w; /* of the first channel */
} Shown;

static Shown shape_of(const Data *data) {
  if (data->rank < 3) return (Shown){1, (int)data->row};
  return (Shown){(int)data->dims[data->rank - 2], (int)data->dims[data->rank - 1]};
}

static bool is_image(const Data *data) {
  Shown s = shape_of(data);
  return s.h > 1 && s.w > 1 && s.h <= 512 && s.w <= 512;
}

/* A grid of pictures with gaps between them, blank at first. */
typedef struct Mosaic {
  int down, across; /* pictures */
  int rows, columns;
  Shown shown;
  double *value; /* (rows, columns) */
} Mosaic;

static Mosaic mosaic_new(int down, int across, Shown shown) {
  Mosaic m = {.down = down, .across = across, .shown = shown};
  m.rows = down * (shown.h + GAP) - GAP;
  m.columns = across * (shown.w + GAP) - GAP;
  m.value = MEM_NEW(double, "pictures", m.rows *m.columns);
  for (int i = 0; i < m.rows * m.columns; i++) m.value[i] = NAN;
  return m;
}

/* One picture: a, or a - b. The first channel. */
static void mosaic_put(Mosaic *m, int down, int across, const double *a, const double *b) {
  for (int y = 0; y < m->shown.h; y++)
    for (int x = 0; x < m->shown.w; x++) {
      int from = y * m->shown.w + x;
      int row = down * (m->shown.h + GAP) + y, column = across * (m->shown.w + GAP) + x;
      m->value[row * m->columns + column] = b ? a[from] - b[from] : a[from];
    }
}

static Picture picture_of(const Mosaic *m, const char *name, const char *title) {
  return (Picture){.name = name,
                   .title = title,
                   .scale = "pixel",
                   .rows = m->rows,
                   .columns = m->columns,
                   .value = m->value};
}

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

typedef struct Pairs {
  Data input, reconstruction, energy;
} Pairs;

static bool pairs_read(Pairs *pairs, const ReportRun *run) {
  char path[REPORT_PATH];
  *pairs = (Pairs){0};
  report_path(path, run, "reconstructions.h5");
  return report_has(run, "reconstructions.h5") && data_read(&pairs->input, path, "input") &&
         data_read(&pairs->reconstruction, path, "reconstruction") &&
         data_read(&pairs->energy, path, "energy") &&
         pairs->input.row == pairs->reconstruction.row &&
         pairs->input.rows == pairs->reconstruction.rows &&
         pairs->input.rows == pairs->energy.rows;
}

static void pairs_free(Pairs *pairs) {
  data_free(&pairs->input), data_free(&pairs->reconstruction), data_free(&pairs->energy);
}

/* n columns: input over reconstruction; and below, with a scale of its own, the difference. */
static void show_pairs(Page *page, const Pairs *pairs, const Scored *item, int n,
                       const char *name, const char *title) {
  static const char *const left[] = {"input", "reconstruction"}, *const difference[] = {
                                                                     "difference"};
  char label[SHOWN][LABEL], other[64];
  const char *below[SHOWN];
  Mosaic both = mosaic_new(2, n, shape_of(&pairs->input));
  Mosaic apart = mosaic_new(1, n, shape_of(&pairs->input));
  for (int i = 0; i < n; i++) {
    const double *x = pairs->input.value + item[i].row * pairs->input.row;
    const double *y = pairs->reconstruction.value + item[i].row * pairs->input.row;
    mosaic_put(&both, 0, i, x, NULL);
    mosaic_put(&both, 1, i, y, NULL);
    mosaic_put(&apart, 0, i, y, x);
    snprintf(label[i], LABEL, "%.2g", item[i].energy);
    below[i] = label[i];
  }
  Picture picture = picture_of(&both, name, title);
  picture.labels_x = n, picture.text_x = below;
  picture.labels_y = 2, picture.text_y = left;
  picture.caption = "Below each its energy.";
  page_picture(page, &picture);
  snprintf(other, sizeof other, "%s-difference", name);
  picture = picture_of(&apart, other, "Reconstruction less input");
  picture.both_signs = true;
  picture.labels_x = n, picture.text_x = below;
  picture.labels_y = 1, picture.text_y = difference;
  page_picture(page, &picture);
  mem_free(&both.value), mem_free(&apart.value);
}

/* Samples that are no images: features of one row, as they go in and come out. */
static void show_features(Page *page, const Pairs *pairs, long row, const char *name,
                          const char *title) {
  long n = pairs->input.row;
  double *x = MEM_NEW(double, "features", n);
  for (long i = 0; i < n; i++) x[i] = (double)i;
  Plot plot = {.name = name,
               .title = title,
               .x_label = "feature",
               .y_label = "value",
               .x_name = "feature",
               .y_name = "value"};
  Curve in = {.name = "input", .n = n, .x = x, .y = pairs->input.value + row * n};
  Curve out = {.name = "reconstruction",
               .colour = VERMILLION,
               .dash = 1,
               .n = n,
               .x = x,
               .y = pairs->reconstruction.value + row * n};
  plot_add(&plot, in);
  plot_add(&plot, out);
  page_plot(page, &plot);
  mem_free(&x);
}

static bool show_gallery(Page *page, const ReportRun *run) {
  Pairs pairs;
  long n = 0;
  bool good = pairs_read(&pairs, run);
  Scored *item = good ? sorted_rows(&pairs.energy, &n) : NULL;
  int shown = n < SHOWN ? (int)n : SHOWN;
  if (n) page_html(page, "<h2>Reconstructions</h2>\n<div class=\"plots\">\n");
  if (n && is_image(&pairs.input)) {
    show_pairs(page, &pairs, item, shown, "gallery-best", "Best reconstructed");
    show_pairs(page, &pairs, item + n - shown, shown, "gallery-worst", "Worst reconstructed");
  } else if (n) {
    show_features(page, &pairs, item[0].row, "gallery-best", "Best reconstructed");
    show_features(page, &pairs, item[n - 1].row, "gallery-worst", "Worst reconstructed");
  }
  if (n) page_html(page, "</div>\n");
  if (item) mem_free(&item);
  pairs_free(&pairs);
  return n > 0;
}

/* ---- samples ---- */

/* The first samples of each set, one set per row. */
static bool show_samples(Page *page, const ReportRun *run) {
  static const char *const set[] = {"x_latent", "x"};
  static const char *const text[] = {"latent chain", "visible chain"};
  char path[REPORT_PATH];
  Data data[2];
  const char *left[2];
  int sets = 0;
  report_path(path, run, "samples.h5");
  for (int s = 0; s < 2 && report_has(run, "samples.h5"); s++)
    if (data_read(&data[sets], path, set[s])) {
      left[sets] = text[s];
      sets += is_image(&data[sets]) ? 1 : (data_free(&data[sets]), 0);
    }
  if (sets == 0) return false;
  if (sets == 1) left[0] = "samples";
  int n = data[0].rows < SHOWN ? (int)data[0].rows : SHOWN;
  Mosaic m = mosaic_new(sets, n, shape_of(&data[0]));
  for (int s = 0; s < sets; s++)
    for (int i = 0; i < n; i++) mosaic_put(&m, s, i, data[s].value + i * data[s].row, NULL);
  Picture picture = picture_of(&m, "samples", "Samples of the model");
  picture.labels_y = sets, picture.text_y = left;
  picture.caption = "An NAE: what its chains end with. A VAE: from the prior.";
  page_html(page, "<h2>Samples</h2>\n<div class=\"plots\">\n");
  page_picture(page, &picture);
  page_html(page, "</div>\n");
  mem_free(&m.value);
  for (int s = 0; s < sets; s++) data_free(&data[s]);
  return true;
}

bool report_images(Page *page, const ReportRun *run, int n) {
  if (n > 1) return false;
  bool gallery = show_gallery(page, run), samples = show_samples(page, run);
  return gallery || samples;
}
