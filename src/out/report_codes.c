/* The latent space: codes of two features in their plane, of three on the unit sphere as its two
 * halves, each seen from its pole so that areas stay what they are, others by their first two. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "num/elem.h"
#include "report_parts.h"

enum { POINTS = 3000 };

static const char discs[] = "set size ratio -1\nset xrange [-1.5:4.5]\nset yrange [-1.5:1.5]\n"
                            "unset xtics\nunset ytics\nunset grid";

typedef struct Codes {
  Data code, label;
  bool sphere;
} Codes;

static bool on_sphere(const Data *code) {
  for (long i = 0; i < code->rows && code->row == 3; i++) {
    const double *z = code->value + 3 * i;
    double square = z[0] * z[0] + z[1] * z[1] + z[2] * z[2];
    if (isfinite(square) && fabs(square - 1) > 1e-3) return false;
  }
  return code->row == 3;
}

/* Lambert's azimuthal projection: a half is a disc of radius sqrt 2; the one with z_3 < 0 lies
 * beside. */
static void place_sphere(double *x, double *y, const double *z) {
  double stretch = sqrt(2 / (1 + fabs(z[2])));
  *x = stretch * z[0] + (z[2] < 0 ? 3 : 0);
  *y = stretch * z[1];
}

static void place(double *x, double *y, const Codes *codes, long row) {
  const double *z = codes->code.value + row * codes->code.row;
  *x = z[0], *y = z[1];
  if (codes->sphere) place_sphere(x, y, z);
}

static bool belongs(const Codes *codes, const ReportRun *run, int which, long row) {
  if (!codes->label.value) return which == 0;
  int label = (int)codes->label.value[row];
  return label >= 0 && label < REPORT_CLASSES && run->is_normal[label] == (which == 0);
}

/* So many rows, evenly spread over the file. */
static long collect(double *x, double *y, const Codes *codes, const ReportRun *run, int which) {
  long rows = codes->code.rows, every = rows / POINTS + 1, n = 0;
  for (long i = 0; i < rows; i += every)
    if (belongs(codes, run, which, i)) place(&x[n], &y[n], codes, i), n++;
  return n;
}

/* The rims of the two halves. */
enum { RIM = 73 };
static void add_rims(Plot *plot, double x[2][RIM], double y[RIM]) {
  for (int half = 0; half < 2; half++) {
    for (int i = 0; i < RIM; i++) {
      double turn = 2.0 * i / (RIM - 1);
      x[half][i] = 3 * half + M_SQRT2 * elem_cospi(turn);
      y[i] = M_SQRT2 * elem_sinpi(turn);
    }
    plot_add(plot, (Curve){.colour = GREY, .n = RIM, .x = x[half], .y = y});
  }
}

static void show(Page *page, const Codes *codes, const ReportRun *run) {
  static const char *const name[] = {"normal", "anomalous"};
  double *x[2], *y[2], rim_x[2][RIM], rim_y[RIM];
  Plot plot = {
      .name = "codes",
      .title = "Codes",
      .x_label = codes->sphere ? "z_1, stretched; left half z_3 ≥ 0, right half z_3 < 0" : "z_1",
      .y_label = codes->sphere ? "z_2, stretched" : "z_2",
      .x_name = "z1",
      .y_name = "z2",
      .more = codes->sphere ? discs : NULL,
      .caption =
          codes->sphere
              ? "The unit sphere of the code, each half seen from its pole; areas are true."
              : "The first two features of the code."};
  for (int which = 0; which < 2; which++) {
    x[which] = MEM_NEW(double, "codes", POINTS + 1);
    y[which] = MEM_NEW(double, "codes", POINTS + 1);
    Curve curve = {
        .style = CURVE_POINTS, .colour = report_colour(which), .x = x[which], .y = y[which]};
    curve.n = collect(x[which], y[which], codes, run, which);
    strcpy(curve.name, codes->label.value ? name[which] : "all rows");
    plot_add(&plot, curve);
  }
  if (codes->sphere) add_rims(&plot, rim_x, rim_y);
  page_plot(page, &plot);
  for (int which = 0; which < 2; which++) mem_free(&x[which]), mem_free(&y[which]);
}

bool report_codes(Page *page, const ReportRun *run) {
  char path[REPORT_PATH];
  Codes codes = {0};
  report_path(path, run, "codes.h5");
  bool good =
      report_has(run, "codes.h5") && data_read(&codes.code, path, "code") && codes.code.row >= 2;
  if (good && data_read(&codes.label, path, "label") && codes.label.rows != codes.code.rows)
    data_free(&codes.label);
  codes.sphere = good && on_sphere(&codes.code);
  if (good) show(page, &codes, run);
  data_free(&codes.code), data_free(&codes.label);
  return good;
}
