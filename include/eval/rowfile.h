/* A file with one row per item, in order: HDF5 arrays of the same length, written by all ranks
 * from the records of a sweep (par/sweep.h). Each array holds one part of the record. Memory does
 * not grow with the number of rows. */
#ifndef EVAL_ROWFILE_H
#define EVAL_ROWFILE_H

#include "io/outfile.h"
#include "model/h5.h"
#include "num/shape.h"
#include "par/sweep.h"

typedef enum RowType { ROW_FLOAT, ROW_DOUBLE, ROW_INT8 } RowType;

enum { ROW_RANK = 3, ROW_COLUMNS = 8 };
typedef struct RowColumn {
  const char *name;
  RowType type;
  int rank;                   /* axes behind the rows; 0: one number per row */
  long dims[ROW_RANK];        /* (rank) */
  const char *axis[ROW_RANK]; /* (rank) their names */
  const char *unit, *about;
  size_t at; /* bytes into a record; filled by rowfile_add */
} RowColumn;

typedef struct RowFile {
  OutFile out;
  const char *format; /* "jetnae codes" */
  long rows;
  size_t size; /* bytes of a record, a multiple of 8 */
  int n;
  RowColumn column[ROW_COLUMNS];
  int64_t address[ROW_COLUMNS];
  char *packed; /* a column's part of some records */
} RowFile;

RowFile rowfile_new(const Comm *comm, const char *path, const char *format, long rows);
/* A column of samples, with the axes that give the same shape when the file is read again. */
RowColumn rowfile_sample(const char *name, Shape shape, const char *about);
/* Add a column; returns where its part lies in a record. Before rowfile_begin. */
size_t rowfile_add(RowFile *file, RowColumn column);
/* Collective. Make the file under a temporary name. `note` writes attributes of the file's own on
 * rank 0; NULL: none. Errors: cannot be written. */
Err rowfile_begin(RowFile *file, const Fact *facts, void (*note)(void *self, hid_t file),
                  void *self);
/* Local. A SweepTake: the rows' records (n, size). Errors: disk full. */
Err rowfile_take(void *file, const void *record, Range rows);
/* Collective. Give the file its name, or remove it when there is an error. Errors: e; cannot be
 * written. */
Err rowfile_end(RowFile *file, Err e);

#endif
