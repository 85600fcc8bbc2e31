/* Tables that commands leave: what principal components explain, the curve of a scan. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report_parts.h"

enum { COLUMNS = 8, ROWS = 4096, NAME = 64 };

/* A small CSV of numbers; NaN where there is none. */
typedef struct Table {
  int columns;
  long rows;
  char name[COLUMNS][NAME];
  double *value[COLUMNS]; /* (rows) each */
} Table;

static char *next_cell(char **rest) {
  char *cell = *rest;
  if (!cell) return NULL;
  *rest = strchr(cell, ',');
  if (*rest) *(*rest)++ = 0;
  return cell;
}

static void read_line(Table *table, char *line, bool head) {
  int c = 0;
  for (char *rest = line, *cell; c < COLUMNS && (cell = next_cell(&rest)); c++) {
    char *end;
    if (head) {
      snprintf(table->name[c], NAME, "%s", cell);
      table->value[c] = MEM_NEW(double, "table of a report", ROWS);
      continue;
    }
    if (c >= table->columns) break;
    double value = strtod(cell, &end);
    table->value[c][table->rows] = end == cell ? NAN : value;
  }
  if (head)
    table->columns = c;
  else
    while (c < table->columns) table->value[c++][table->rows] = NAN;
}

static bool table_read(Table *table, const ReportRun *run, const char *file) {
  char path[REPORT_PATH], line[2048];
  *table = (Table){0};
  report_path(path, run, file);
  FILE *from = fopen(path, "r");
  if (!from) return false;
  for (bool head = true; table->rows < ROWS && fgets(line, sizeof line, from); head = false) {
    size_t n = strlen(line);
    if (n == 0 || line[n - 1] != '\n') break; /* cut */
    line[n - 1] = 0;
    read_line(table, line, head);
    table->rows += !head;
  }
  fclose(from);
  return table->rows > 0;
}

static void table_free(Table *table) {
  for (int c = 0; c < table->columns; c++) mem_free(&table->value[c]);
}

static const double *column_of(const Table *table, const char *name) {
  for (int c = 0; c < table->columns; c++)
    if (!strcmp(table->name[c], name)) return table->value[c];
  return NULL;
}

/* ---- principal components ---- */

bool report_explained(Page *page, const ReportRun *run, int n) {
  Table table[REPORT_RUNS];
  int found = 0;
  Plot plot = {.name = "explained",
               .title = "Variance that the first components explain",
               .x_label = "components",
               .y_label = "share of the variance",
               .x_name = "components",
               .y_name = "share",
               .more = "set yrange [0:1.02]"};
  for (int i = 0; i < n; i++) {
    if (!table_read(&table[found], &run[i], "explained.csv")) continue;
    Table *t = &table[found++];
    Curve curve = {.colour = report_colour(i),
                   .n = t->rows,
                   .x = column_of(t, "component"),
                   .y = column_of(t, "together")};
    report_legend(curve.name, &run[i], n, "together");
    if (curve.x && curve.y) plot_add(&plot, curve);
  }
  page_plot(page, &plot);
  for (int i = 0; i < found; i++) table_free(&table[i]);
  return plot.n > 0;
}

/* ---- scans ---- */

/* Spread over seeds where there is one, else the error of the AUC. */
static void scan_range(double *low, double *high, const Table *table) {
  const double *auc = column_of(table, "auc"), *spread = column_of(table, "auc_spread");
  const double *error = column_of(table, "auc_error");
  for (long i = 0; i < table->rows; i++) {
    double width = spread && !isnan(spread[i]) ? spread[i] : error ? error[i] : 0;
    low[i] = auc[i] - width;
    high[i] = auc[i] + width;
  }
}

bool report_scan(Page *page, const ReportRun *run) {
  Table table;
  bool good = table_read(&table, run, "scan.csv") && column_of(&table, "auc");
  if (good) {
    double *low = MEM_NEW(double, "scan", table.rows),
           *high = MEM_NEW(double, "scan", table.rows);
    char label[NAME + 24];
    bool share = !strcmp(table.name[0], "data.contamination");
    snprintf(label, sizeof label, "%s%s", table.name[0], share ? " (share of anomalies)" : "");
    for (char *c = label; *c; c++)
      if (*c == '_') *c = ' ';
    Plot plot = {.name = "scan",
                 .title = "Scan",
                 .x_label = label,
                 .y_label = "AUC",
                 .x_name = table.name[0],
                 .y_name = "auc",
                 .caption = "Errors: spread over seeds, or the AUC's own with one seed. 0.5 is "
                            "guessing.",
                 .more = "set yrange [*<0.48:*]"};
    scan_range(low, high, &table);
    Curve curve = {.n = table.rows, .x = table.value[0], .y = column_of(&table, "auc")};
    plot_add(&plot, curve);
    strcpy(curve.name, "mean over seeds");
    curve.style = CURVE_POINTS, curve.low = low, curve.high = high;
    plot_add(&plot, curve);
    plot_mark(&plot, 0.5, true, NULL);
    page_plot(page, &plot);
    mem_free(&low), mem_free(&high);
  }
  table_free(&table);
  return good;
}
