#include "out/page.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gnuplot.h"

enum { PLOTS = 256, NAME = 64 };

/* The text goes on until a plot interrupts it. */
struct Page {
  char html[PATH_MAX], folder[PATH_MAX], title[256];
  char *text; /* of the stream */
  size_t size;
  FILE *to;
  FILE *script;
  const char *section; /* its heading, until something stands below it; NULL: it stands there */
  bool grid;           /* plots are being put side by side */
  int run;             /* what follows is of this one, from 1; 0: of all */
  const char *run_name;
  int n;
  struct {
    char name[NAME];
    size_t at; /* behind so much text */
  } plot[PLOTS];
  bool failed; /* a file could not be written */
};

/* ---- text ---- */

static void put_text(FILE *to, const char *text) {
  for (; *text; text++) {
    const char *name = *text == '<'   ? "&lt;"
                       : *text == '>' ? "&gt;"
                       : *text == '&' ? "&amp;"
                       : *text == '"' ? "&quot;"
                                      : NULL;
    if (name)
      fputs(name, to);
    else
      fputc(*text, to);
  }
}

/* Something is to stand in the section: plots side by side, text below each other. */
static void settle(Page *page, bool plot) {
  if (page->section) fprintf(page->to, "<h2>%s</h2>\n", page->section);
  page->section = NULL;
  if (plot != page->grid) fputs(plot ? "<div class=\"plots\">\n" : "</div>\n", page->to);
  page->grid = plot;
}

void page_section(Page *page, const char *title) {
  if (page->grid) settle(page, false);
  page->section = title;
}

void page_run(Page *page, int run, const char *name) {
  page->run = run;
  page->run_name = name;
}

void page_html(Page *page, const char *format, ...) {
  va_list args;
  settle(page, false);
  va_start(args, format);
  vfprintf(page->to, format, args);
  va_end(args);
}

void page_text(Page *page, const char *text) { put_text(page->to, text); }

/* ---- begin and end ---- */

static FILE *open_beside(Page *page, const char *name, const char *end) {
  char path[PATH_MAX + NAME + 8];
  snprintf(path, sizeof path, "%s/%s%s", page->folder, name, end);
  FILE *file = fopen(path, "w");
  page->failed = page->failed || !file;
  return file;
}

static void close_beside(Page *page, FILE *file) {
  if (file && (ferror(file) | fclose(file))) page->failed = true;
}

Err page_new(Page **page, const char *html, const char *folder, const char *title) {
  Page *p = calloc(1, sizeof *p);
  CHECK(p, "no memory for the report");
  *page = p;
  snprintf(p->html, sizeof p->html, "%s", html);
  snprintf(p->folder, sizeof p->folder, "%s", folder);
  snprintf(p->title, sizeof p->title, "%s", title);
  p->to = open_memstream(&p->text, &p->size);
  CHECK(p->to, "no memory for the report");
  if (mkdir(folder, 0777) && errno != EEXIST)
    return err_user("%s: cannot be made: %s", folder, strerror(errno));
  p->script = open_beside(p, "plots", ".gp");
  if (!p->script) return err_user("%s/plots.gp: cannot be written: %s", folder, strerror(errno));
  gnuplot_begin(p->script);
  return OK;
}

void page_free(Page **page) {
  Page *p = *page;
  if (!p) return;
  if (p->to) fclose(p->to);
  if (p->script) fclose(p->script);
  free(p->text);
  free(p);
  *page = NULL;
}

/* ---- plots ---- */

bool plot_add(Plot *plot, Curve curve) {
  long n = 0;
  for (long i = 0; i < curve.n && curve.x; i++) n += isfinite(curve.x[i]) && isfinite(curve.y[i]);
  if (n == 0 || plot->n == PLOT_CURVES) return false;
  plot->curve[plot->n++] = curve;
  return true;
}

void plot_mark(Plot *plot, double at, bool across, const char *text) {
  if (isfinite(at) && plot->marks < PLOT_MARKS)
    plot->mark[plot->marks++] = (Mark){at, across, text};
}

/* Of a run by itself: "codes-2". */
static void own_name(char name[NAME], const Page *page, const char *plot) {
  if (page->run)
    snprintf(name, NAME, "%.50s-%d", plot, page->run);
  else
    snprintf(name, NAME, "%.60s", plot);
}

/* The caption belongs to the figure: HTML goes on behind it. */
static void place(Page *page, const char *name, const char *title, const char *caption) {
  CHECK(page->n < PLOTS, "more than %d plots", PLOTS);
  settle(page, true);
  fputs("<figure>\n", page->to);
  fflush(page->to);
  snprintf(page->plot[page->n].name, NAME, "%s", name);
  page->plot[page->n++].at = page->size;
  fputs("<figcaption><b>", page->to);
  if (page->run) put_text(page->to, page->run_name), fputs(": ", page->to);
  fprintf(page->to, "%s.</b> %s <span class=\"files\">%s.svg, .pdf, .csv</span></figcaption>\n",
          title, caption ? caption : "", name);
  fputs("</figure>\n", page->to);
}

void page_plot(Page *page, const Plot *plot) {
  char name[NAME];
  if (plot->n == 0) return;
  Plot own = *plot;
  own_name(name, page, plot->name);
  own.name = name;
  FILE *csv = open_beside(page, name, ".csv");
  if (csv) plot_numbers(csv, &own);
  close_beside(page, csv);
  gnuplot_plot(page->script, &own);
  place(page, name, plot->title, plot->caption);
}

void page_picture(Page *page, const Picture *picture) {
  char name[NAME];
  Picture own = *picture;
  own_name(name, page, picture->name);
  own.name = name;
  FILE *csv = open_beside(page, name, ".csv");
  if (csv) picture_numbers(csv, &own);
  close_beside(page, csv);
  gnuplot_picture(page->script, &own);
  place(page, name, picture->title, picture->caption);
}

/* ---- the page ---- */

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;color:#222;max-width:1160px;margin:2em auto;"
    "padding:0 1em}"
    "h1{font-size:1.6em}h2{font-size:1.25em;margin-top:2em;border-bottom:1px solid #bbb}"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));"
    "gap:1em}"
    "figure{margin:0;break-inside:avoid}figure svg{width:100%;height:auto;max-width:640px}"
    "figure image{image-rendering:pixelated}"
    "figcaption{font-size:.88em;color:#444;max-width:620px}.files{color:#888;font-size:.9em}"
    "table{border-collapse:collapse;font-size:.92em;margin:.6em 0}"
    "th,td{text-align:left;padding:.2em .9em .2em 0;border-bottom:1px solid #ddd;"
    "vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".verdict{padding:.6em 1em;border-left:.5em solid;margin:.6em 0;background:#f6f6f6}"
    ".g0{border-color:#009E73}.g1{border-color:#E69F00}.g2{border-color:#D55E00}"
    "pre{font-size:.82em;background:#f6f6f6;padding:.8em;overflow-x:auto}"
    "@media print{body{font-size:11px;max-width:none;margin:0}h2{break-after:avoid}"
    "details{display:none}.plots{grid-template-columns:1fr 1fr}}";

/* Without the head that only a file of its own has. Errors: gnuplot has not made it. */
static Err put_svg(FILE *to, const Page *page, const char *name) {
  char path[PATH_MAX + NAME + 8], part[4096];
  snprintf(path, sizeof path, "%s/%s.svg", page->folder, name);
  FILE *svg = fopen(path, "r");
  if (!svg) return err_user("%s: gnuplot has not made this plot", path);
  size_t n = fread(part, 1, sizeof part - 1, svg);
  part[n] = 0;
  char *start = strstr(part, "<svg");
  for (char *from = start ? start : part; n > 0; from = part) {
    fwrite(from, 1, (size_t)(part + n - from), to);
    n = fread(part, 1, sizeof part, svg);
  }
  fclose(svg);
  return start ? OK : err_user("%s: gnuplot has not finished this plot", path);
}

static void put_top(FILE *to, const Page *page) {
  fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
        to);
  put_text(to, page->title);
  fprintf(to, "</title><style>%s</style></head><body>\n<h1>", style);
  put_text(to, page->title);
  fputs("</h1>\n", to);
}

static Err put_page(FILE *to, const Page *page) {
  size_t at = 0;
  put_top(to, page);
  for (int i = 0; i < page->n; i++) {
    fwrite(page->text + at, 1, page->plot[i].at - at, to);
    at = page->plot[i].at;
    TRY(put_svg(to, page, page->plot[i].name));
  }
  fwrite(page->text + at, 1, page->size - at, to);
  fputs("</body></html>\n", to);
  return OK;
}

static Err write_html(const Page *page) {
  char part[PATH_MAX + 8];
  snprintf(part, sizeof part, "%s.part", page->html);
  FILE *to = fopen(part, "w");
  if (!to) return err_user("%s: cannot be written: %s", page->html, strerror(errno));
  Err e = put_page(to, page);
  if ((ferror(to) | fclose(to)) && !e)
    e = err_user("%s: cannot be written: %s", page->html, strerror(errno));
  if (!e && rename(part, page->html))
    e = err_user("%s: cannot be written: %s", page->html, strerror(errno));
  if (e) remove(part);
  return e;
}

Err page_write(Page *page) {
  fflush(page->to);
  close_beside(page, page->script);
  page->script = NULL;
  if (page->failed) return err_user("%s: cannot be written: disk full?", page->folder);
  if (page->n) TRY(gnuplot_run(page->folder, "plots.gp"));
  return write_html(page);
}
