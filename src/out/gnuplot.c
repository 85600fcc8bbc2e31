#include "gnuplot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const colour[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                     "#E69F00", "#56B4E9", "#000000", "#888888"};
_Static_assert(sizeof colour / sizeof *colour == COLOURS, "a colour for each name");

/* ---- numbers ---- */

static void put_number(FILE *csv, double x) {
  if (isnan(x))
    fputc(',', csv);
  else
    fprintf(csv, ",%.9g", x);
}

static bool has_range(const Curve *curve) { return curve->low && curve->high; }

/* Names hold no quotes: plot_text has seen to it. */
static void put_curve(FILE *csv, const Curve *curve, bool ranges) {
  for (long i = 0; i < curve->n; i++) {
    if (!isfinite(curve->x[i]) || !isfinite(curve->y[i])) continue;
    fprintf(csv, "\"%s\"", curve->name);
    put_number(csv, curve->x[i]);
    put_number(csv, curve->y[i]);
    if (ranges) put_number(csv, has_range(curve) ? curve->low[i] : NAN);
    if (ranges) put_number(csv, has_range(curve) ? curve->high[i] : NAN);
    fputc('\n', csv);
  }
}

void plot_numbers(FILE *csv, const Plot *plot) {
  bool ranges = false;
  for (int i = 0; i < plot->n; i++) ranges = ranges || has_range(&plot->curve[i]);
  fprintf(csv, "curve,%s,%s%s\n", plot->x_name, plot->y_name, ranges ? ",low,high" : "");
  for (int i = 0; i < plot->n; i++) {
    if (i) fputs("\n\n", csv);
    put_curve(csv, &plot->curve[i], ranges);
  }
}

void picture_numbers(FILE *csv, const Picture *picture) {
  fputs("column,row,value\n", csv);
  for (int r = 0; r < picture->rows; r++)
    for (int c = 0; c < picture->columns; c++) {
      double value = picture->value[r * picture->columns + c];
      /* gnuplot takes an empty cell for no cell at all, and every other for one too far left */
      fprintf(csv, isnan(value) ? "%d,%d,NaN\n" : "%d,%d,%.9g\n", c, r, value);
    }
}

/* ---- commands ---- */

/* In gnuplot's double quotes, where \ begins what stands for something else. */
static void put_quoted(FILE *script, const char *text) {
  fputc('"', script);
  for (; *text; text++)
    if (*text == '\n')
      fputs("\\n", script);
    else
      fprintf(script, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
  fputc('"', script);
}

static void put_set(FILE *script, const char *what, const char *text) {
  fprintf(script, "set %s ", what);
  put_quoted(script, text ? text : "");
  fputc('\n', script);
}

void gnuplot_begin(FILE *script) {
  fputs("# Drawn by: gnuplot plots.gp\nset encoding utf8\n", script);
}

/* What the last plot set is forgotten. The title stands in the page's caption: plots in talks
 * and papers have none. */
static void put_head(FILE *script, const char *name, const char *title) {
  fprintf(script, "\n# %s: %s\nreset\nset datafile separator comma\n", name, title);
  fputs("set border lc rgb '#444444'\n"
        "set grid lc rgb '#dddddd' lt 1 lw 0.6\n"
        "set format '%g'\n"
        "set key noenhanced samplen 2\n",
        script);
}

/* A logarithmic axis pays when the numbers span more than a factor of ten. */
static bool wide(const Plot *plot, bool of_x) {
  double low = INFINITY, high = -INFINITY;
  for (int i = 0; i < plot->n; i++)
    for (long k = 0; k < plot->curve[i].n; k++) {
      double value = of_x ? plot->curve[i].x[k] : plot->curve[i].y[k];
      if (isfinite(value)) low = fmin(low, value), high = fmax(high, value);
    }
  return low > 0 && high > 10 * low;
}

static void put_axes(FILE *script, const Plot *plot) {
  put_set(script, "xlabel", plot->x_label);
  put_set(script, "ylabel", plot->y_label);
  if (plot->log_x && wide(plot, true)) fputs("set logscale x\nset format x '10^{%T}'\n", script);
  if (plot->log_y && wide(plot, false)) fputs("set logscale y\nset format y '10^{%T}'\n", script);
  fputs(plot->key_inside ? "" : "set key tmargin center horizontal\n", script);
  if (plot->more) fprintf(script, "%s\n", plot->more);
}

static void put_mark(FILE *script, const Mark *mark) {
  const char *line = "nohead dashtype 3 lw 1 lc rgb '#666666'";
  if (mark->across)
    fprintf(script, "set arrow from graph 0, first %.9g to graph 1, first %.9g %s\n", mark->at,
            mark->at, line);
  else
    fprintf(script, "set arrow from first %.9g, graph 0 to first %.9g, graph 1 %s\n", mark->at,
            mark->at, line);
  if (!mark->text) return;
  fputs("set label ", script);
  put_quoted(script, mark->text);
  fprintf(script,
          mark->across ? " at graph 0.01, first %.9g offset 0,0.5"
                       : " at first %.9g, graph 0.04 offset 0.5,0",
          mark->at);
  fputs(" font ',11' textcolor rgb '#666666'\n", script);
}

static void put_style(FILE *script, const Curve *curve) {
  const char *rgb = colour[curve->colour];
  int dash = curve->dash + 1;
  if (curve->style == CURVE_BAND)
    fprintf(script,
            "using 2:4:5 with filledcurves fc rgb '%s' fs transparent solid 0.25 noborder", rgb);
  else if (curve->style == CURVE_STEPS)
    fprintf(script, "using 2:3 with histeps lw 1.5 dashtype %d lc rgb '%s'", dash, rgb);
  else if (curve->style == CURVE_POINTS && has_range(curve))
    fprintf(script, "using 2:3:4:5 with yerrorbars pt 7 ps 0.5 lc rgb '%s'", rgb);
  else if (curve->style == CURVE_POINTS)
    fprintf(script, "using 2:3 with points pt 7 ps 0.3 lc rgb '%s'", rgb);
  else
    fprintf(script, "using 2:3 with lines lw 1.5 dashtype %d lc rgb '%s'", dash, rgb);
}

enum { WIDTH = 560 }; /* pixels: what a page shows as it is */

static void put_curves(FILE *script, const Plot *plot) {
  fputs("plot ", script);
  for (int i = 0; i < plot->n; i++) {
    fprintf(script, "%s'%s.csv' index %d ", i ? ", \\\n  " : "", plot->name, i);
    put_style(script, &plot->curve[i]);
    fputs(" title ", script);
    put_quoted(script, plot->curve[i].name);
  }
  fputc('\n', script);
}

/* The page's picture, then the same on paper. */
static void put_twice(FILE *script, const char *name, int width, int height) {
  fprintf(script,
          "set terminal pdfcairo size %.1fcm,%.1fcm font 'sans,10'\nset output '%s.pdf'\n"
          "replot\nunset output\n",
          width / 40.0, height / 40.0, name);
}

/* gnuplot takes letters, digits and _ for what it calls the parts of an SVG by. */
static void put_first(FILE *script, const char *name, int width, int height) {
  fprintf(script, "set terminal svg size %d,%d name '", width, height);
  for (const char *c = name; *c; c++) fputc(*c == '-' ? '_' : *c, script);
  fprintf(script, "' font 'sans-serif,13' background '#ffffff'\nset output '%s.svg'\n", name);
}

void gnuplot_plot(FILE *script, const Plot *plot) {
  put_head(script, plot->name, plot->title);
  put_axes(script, plot);
  for (int i = 0; i < plot->marks; i++) put_mark(script, &plot->mark[i]);
  put_first(script, plot->name, WIDTH, 380);
  put_curves(script, plot);
  put_twice(script, plot->name, WIDTH, 380);
}

static void put_labels(FILE *script, const char *axis, const char *const *text, int n,
                       int cells) {
  fprintf(script, n ? "set %stics scale 0 (" : "unset %stics\n", axis);
  if (n == 0) return;
  for (int i = 0; i < n; i++) {
    if (i) fputs(", ", script);
    put_quoted(script, text[i]);
    fprintf(script, " %.9g", (i + 0.5) * cells / n - 0.5);
  }
  fputs(") noenhanced\n", script);
}

/* Light to dark, even in grey; or blue over white to red. */
static void put_palette(FILE *script, bool both_signs) {
  if (both_signs)
    fputs("set palette defined (-1 '#0072B2', 0 '#ffffff', 1 '#D55E00')\n", script);
  else
    fputs("set palette defined (0 '#ffffff', 0.25 '#fde3a7', 0.5 '#E69F00', 0.75 '#a83c09', 1 "
          "'#2b0a3d')\n",
          script);
}

static void put_scale(FILE *script, const Picture *picture) {
  double least = INFINITY, most = -INFINITY;
  for (long i = 0; i < (long)picture->rows * picture->columns; i++)
    if (isfinite(picture->value[i]))
      least = fmin(least, picture->value[i]), most = fmax(most, picture->value[i]);
  if (picture->both_signs) most = fmax(fabs(least), fabs(most));
  if (!isfinite(most) || most == 0) most = 1;
  double low = picture->both_signs ? -most : picture->from_least && least < most ? least : 0;
  if (picture->log) {
    fprintf(script, "set logscale cb\nset format cb '10^{%%T}'\nset cbrange [%.9g:%.9g]\n",
            most * 1e-4, most);
    return;
  }
  fprintf(script, "set cbtics %.9g, %.9g\nset format cb '%%.2g'\nset cbrange [%.9g:%.9g]\n", low,
          (most - low) / 2, low, most);
}

/* White on what is dark. */
static void put_cells(FILE *script, const Picture *picture) {
  for (int r = 0; r < picture->rows; r++)
    for (int c = 0; c < picture->columns; c++) {
      double value = picture->value[r * picture->columns + c];
      if (isfinite(value))
        fprintf(script, "set label '%.3f' at %d,%d center front textcolor rgb '%s'\n", value, c,
                r, value > 0.6 ? "#ffffff" : "#222222");
    }
}

void gnuplot_picture(FILE *script, const Picture *picture) {
  double shape = (double)picture->rows / picture->columns;
  const int left = 105, right = 115, top = 10, bottom = 55; /* pixels around the picture */
  int height = top + bottom + (int)((WIDTH - left - right) * fmin(shape, 1.2));
  put_head(script, picture->name, picture->title);
  put_labels(script, "x", picture->text_x, picture->labels_x, picture->columns);
  put_labels(script, "y", picture->text_y, picture->labels_y, picture->rows);
  put_set(script, "cblabel", picture->scale);
  put_palette(script, picture->both_signs);
  fprintf(script, "unset grid\nset xrange [-0.5:%d-0.5]\nset yrange [%d-0.5:-0.5]\n",
          picture->columns, picture->rows);
  put_scale(script, picture);
  fputs("set object 1 rectangle from graph 0,0 to graph 1,1 behind fillcolor rgb '#e4e4e4' "
        "fillstyle solid noborder\n",
        script);
  if (picture->numbers) put_cells(script, picture);
  fprintf(script,
          "set size ratio %.9g\nset lmargin at screen %.4f\nset rmargin at screen %.4f\n"
          "set tmargin at screen %.4f\nset bmargin at screen %.4f\n",
          shape, (double)left / WIDTH, 1 - (double)right / WIDTH, 1 - (double)top / height,
          (double)bottom / height);
  put_first(script, picture->name, WIDTH, height);
  fprintf(script, "plot '%s.csv' using 1:2:3 with image notitle\n", picture->name);
  put_twice(script, picture->name, WIDTH, height);
}

/* ---- the process ---- */

/* In the child: only what is safe there. */
static _Noreturn void become_gnuplot(const char *folder, const char *script, int to) {
  char *const argv[] = {"gnuplot", (char *)script, NULL};
  if (chdir(folder)) _exit(126);
  dup2(to, STDERR_FILENO);
  dup2(to, STDOUT_FILENO);
  execvp("gnuplot", argv);
  _exit(127);
}

/* What it says, of which the beginning is kept. */
static void listen(char *said, size_t size, int from) {
  char rest[512];
  size_t used = 0;
  for (ssize_t n; used + 1 < size && (n = read(from, said + used, size - 1 - used)) > 0;)
    used += (size_t)n;
  said[used] = 0;
  while (read(from, rest, sizeof rest) > 0) continue;
}

static Err judge(int status, const char *said, const char *folder, const char *script) {
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == 127)
    return err_user("report: found no gnuplot, which draws the plots; want it on the PATH "
                    "(Debian: apt-get install gnuplot-nox, Spack: gnuplot)");
  if (code == 0) return OK;
  said += strspn(said, "\n \t");
  return err_user("%s/%s: gnuplot says: %s", folder, script, *said ? said : "nothing");
}

Err gnuplot_run(const char *folder, const char *script) {
  int pipe_of[2], status = 0;
  char said[1024];
  if (pipe(pipe_of)) return err_user("report: cannot start gnuplot: no pipe");
  pid_t child = fork();
  if (child == 0) become_gnuplot(folder, script, pipe_of[1]);
  close(pipe_of[1]);
  if (child > 0) listen(said, sizeof said, pipe_of[0]);
  close(pipe_of[0]);
  if (child < 0 || waitpid(child, &status, 0) < 0)
    return err_user("report: cannot start gnuplot");
  return judge(status, said, folder, script);
}
