/* A report while it is made: text and plots in order, one HTML page in the end that needs no
 * other file, and beside it, in a folder, each plot as SVG and PDF, its numbers as CSV, and the
 * gnuplot script that draws them all (`gnuplot plots.gp` there draws them again, after changes
 * for a talk).
 *
 * A CSV has one row per point, with the name of the curve first; two empty lines part curves,
 * which is how gnuplot tells them apart and what other readers skip. */
#ifndef OUT_PAGE_H
#define OUT_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

typedef enum CurveStyle {
  CURVE_LINE,
  CURVE_STEPS,  /* a histogram: x are the middles of bins */
  CURVE_POINTS, /* with an error from low to high, where those are given */
  CURVE_BAND,   /* filled from low to high */
} CurveStyle;

/* Colours that print and that colour-blind readers tell apart. Source: Okabe and Ito, Color
 * Universal Design (2008). */
typedef enum Colour { BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY, COLOURS } Colour;

typedef struct Curve {
  char name[96]; /* "": not in the legend */
  CurveStyle style;
  Colour colour;
  int dash; /* 0: solid */
  long n;
  const double *x, *y;      /* (n); points that are no numbers are left out */
  const double *low, *high; /* (n); NULL: none */
} Curve;

/* A value where a line is drawn across the plot; NaN: none. */
enum { PLOT_CURVES = 32, PLOT_MARKS = 8 };
typedef struct Mark {
  double at;
  bool across;      /* from left to right; else from bottom to top */
  const char *text; /* beside it; NULL: none */
} Mark;

typedef struct Plot {
  const char *name; /* of the files: "training-energy" */
  const char *title;
  const char *x_label, *y_label; /* with units, in gnuplot's enhanced text */
  const char *x_name, *y_name;   /* of the columns: "step", "e_plus" */
  const char *caption;           /* a sentence below; HTML */
  const char *more;              /* further commands of gnuplot; NULL: none */
  bool log_x, log_y;             /* where the numbers call for it */
  bool key_inside;               /* the legend; else above */
  int n, marks;
  Curve curve[PLOT_CURVES];
  Mark mark[PLOT_MARKS];
} Plot;

/* A matrix of numbers as colours: pictures side by side. NaN is left blank. */
typedef struct Picture {
  const char *name, *title, *caption;
  const char *scale; /* what the colours stand for, with its unit */
  bool both_signs;   /* 0 is white, blue below, red above */
  bool from_least;   /* colours begin at the smallest number, not at 0 */
  bool log;          /* over four powers of ten; what is smaller is as the smallest */
  bool numbers;      /* written into each cell: few cells */
  int rows, columns;
  const double *value;       /* (rows, columns), the first row on top */
  int labels_x, labels_y;    /* (below, left) */
  const char *const *text_x; /* (labels_x) evenly spread */
  const char *const *text_y; /* (labels_y) */
} Picture;

typedef struct Page Page;

/* Make the folder. `html`: path of the page. Owns: the caller, page_free. Errors: cannot be
 * made. */
Err page_new(Page **page, const char *html, const char *folder, const char *title);
void page_free(Page **page);
/* What follows belongs below this heading, which is left out when nothing follows. */
void page_section(Page *page, const char *title);
/* Plots that follow are of run number `run`, from 1, by itself, and say so; 0: of all runs.
 * Borrows: the name. */
void page_run(Page *page, int run, const char *name);
/* HTML as it is. */
void page_html(Page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text, with what HTML would take for tags made harmless. */
void page_text(Page *page, const char *text);
/* The numbers are written at once. Curves and marks without a point are left out, and so is a
 * plot without a curve. */
void page_plot(Page *page, const Plot *plot);
void page_picture(Page *page, const Picture *picture);
/* Add a curve; false: there is no point in it, or no room for it. */
bool plot_add(Plot *plot, Curve curve);
void plot_mark(Plot *plot, double at, bool across, const char *text);
/* Run gnuplot and write the page. Errors: no gnuplot, what it says, disk full. */
Err page_write(Page *page);

#endif
