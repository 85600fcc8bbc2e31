/* Jets as a plain table of the published top-tagging layout: /table/table with the members index,
 * values_block_0 (E, px, py, pz of 200 constituents, then the truth) and values_block_1 (ttv,
 * is_signal_new), in one piece and without filter. For comparisons with other programs; a row
 * takes 3,240 bytes however few constituents it has. */
#ifndef IO_TABLE_WRITE_H
#define IO_TABLE_WRITE_H

#include "io/outfile.h"

enum { TABLE_SLOTS = 200 };

typedef struct TableWriter {
  OutFile out;
  int64_t address; /* of row 0 */
} TableWriter;

/* Collective. Errors: cannot be written, disk full. */
Err table_create(TableWriter *table, const Comm *comm, const char *path, long rows);
/* Local. Rows from .. from + n - 1: p4 (n, TABLE_SLOTS, 4), label (n), truth (n, 4). Errors: disk
 * full. */
Err table_put(const TableWriter *table, const float *p4, const int8_t *label, const float *truth,
              long from, long n);
/* Collective. As outfile_finish. */
Err table_finish(TableWriter *table, Err e);

#endif
