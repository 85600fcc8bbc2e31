/* The log of a run (train/logfile.h writes it), read while somebody may still write it: a line
 * that is cut or damaged is left out and counted, whatever its place. Columns are found by name, so
 * that logs of other versions are read, too. */
#ifndef OUT_RUNLOG_H
#define OUT_RUNLOG_H

#include <stdbool.h>

#include "base/err.h"

typedef struct RunLog {
  long rows;
  int columns;
  char **name;   /* (columns) */
  double *value; /* (columns, rows); NaN: empty; the column `phase` is 0 for ae, 1 for nae */
  long damaged;  /* lines left out */
  bool cut;      /* the last line of the file was one of them */
  long nae;      /* the first row of the NAE phase; rows: there is none */
} RunLog;

/* Local. Owns: the caller, runlog_free. Errors: no such file, no log of a run. */
Err runlog_read(RunLog *log, const char *path);
void runlog_free(RunLog *log);
/* (rows). NULL: there is no such column. Borrows: of the log. */
const double *runlog_column(const RunLog *log, const char *name);
/* NaN: there is no such column or row. */
double runlog_at(const RunLog *log, const char *name, long row);

#endif
