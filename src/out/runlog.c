#include "out/runlog.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Rows as they are read; columns come last. */
typedef struct Growing {
  double *value; /* (rows, columns) */
  long rows, room;
} Growing;

/* The next cell of a line, ended; NULL: there is none. */
static char *next_cell(char **rest) {
  char *cell = *rest;
  if (!cell) return NULL;
  *rest = strchr(cell, ',');
  if (*rest) *(*rest)++ = 0;
  return cell;
}

static bool end_line(char *line) {
  size_t n = strlen(line);
  if (n == 0 || line[n - 1] != '\n') return false;
  line[n - 1] = 0;
  return true;
}

static bool parse_cell(double *value, const char *cell) {
  char *end;
  *value = NAN;
  if (!*cell) return true;
  if (!strcmp(cell, "ae") || !strcmp(cell, "nae")) return *value = *cell == 'n', true;
  *value = strtod(cell, &end);
  return end != cell && !*end;
}

static bool parse_row(double *value, char *line, int columns) {
  int n = 0;
  if (!end_line(line)) return false;
  for (char *rest = line, *cell; (cell = next_cell(&rest)); n++)
    if (n == columns || !parse_cell(&value[n], cell)) return false;
  return n == columns;
}

static Err read_names(RunLog *log, FILE *file, const char *path) {
  char *line = NULL;
  size_t size = 0;
  bool whole = getline(&line, &size, file) > 0 && end_line(line) && !strncmp(line, "step,", 5);
  int n = 1;
  for (const char *c = line; whole && *c; c++) n += *c == ',';
  if (whole) log->name = MEM_NEW(char *, "names of columns", n);
  for (char *rest = line, *cell; whole && (cell = next_cell(&rest));)
    log->name[log->columns++] = strdup(cell);
  free(line);
  if (whole) return OK;
  return err_user("%s: found no log of a run, want a first line that begins with step,", path);
}

static double *new_row(Growing *rows, int columns) {
  if (rows->rows == rows->room) {
    rows->room = rows->room ? 2 * rows->room : 256;
    size_t bytes = (size_t)rows->room * (size_t)columns * sizeof(double);
    rows->value = realloc(rows->value, bytes);
    CHECK(rows->value, "no memory for the log");
  }
  return rows->value + rows->rows * columns;
}

static void read_rows(RunLog *log, Growing *rows, FILE *file) {
  char *line = NULL;
  size_t size = 0;
  while (getline(&line, &size, file) > 0) {
    log->cut = !parse_row(new_row(rows, log->columns), line, log->columns);
    log->damaged += log->cut;
    rows->rows += !log->cut;
  }
  free(line);
}

static void turn(RunLog *log, const Growing *rows) {
  log->rows = rows->rows;
  log->value = MEM_NEW(double, "log of a run", log->columns * log->rows + 1);
  for (long r = 0; r < log->rows; r++)
    for (int c = 0; c < log->columns; c++)
      log->value[c * log->rows + r] = rows->value[r * log->columns + c];
}

Err runlog_read(RunLog *log, const char *path) {
  Growing rows = {0};
  FILE *file = fopen(path, "r");
  *log = (RunLog){0};
  if (!file) return err_user("%s: cannot be read: %s", path, strerror(errno));
  Err e = read_names(log, file, path);
  if (!e) {
    read_rows(log, &rows, file);
    turn(log, &rows);
  }
  fclose(file);
  free(rows.value);
  const double *phase = runlog_column(log, "phase");
  while (phase && log->nae < log->rows && phase[log->nae] != 1) log->nae++;
  return e;
}

void runlog_free(RunLog *log) {
  for (int c = 0; c < log->columns; c++) free(log->name[c]);
  mem_free(&log->name);
  mem_free(&log->value);
  *log = (RunLog){0};
}

const double *runlog_column(const RunLog *log, const char *name) {
  for (int c = 0; c < log->columns; c++)
    if (!strcmp(log->name[c], name)) return log->value + c * log->rows;
  return NULL;
}

double runlog_at(const RunLog *log, const char *name, long row) {
  const double *column = runlog_column(log, name);
  return column && row >= 0 && row < log->rows ? column[row] : NAN;
}
