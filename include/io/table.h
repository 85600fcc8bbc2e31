/* Tables as pandas writes them through PyTables: one compound record per row, whose columns are
 * gathered in array members `values_block_*` by type (the public top-tagging files are such).
 * Members are found by name and kind, columns by the names that pandas notes beside them; reading
 * is by chunk (io/chunks.h) and leaves everything but the columns asked for behind. */
#ifndef IO_TABLE_H
#define IO_TABLE_H

#include <hdf5.h>

#include "base/err.h"
#include "io/chunks.h"
#include "io/number.h"

typedef struct TableMember {
  char name[64];
  Number number;
  size_t offset; /* bytes into the record */
  int width;     /* numbers */
  char *names;   /* of its columns, one per line; NULL: not known */
} TableMember;

typedef struct Table {
  Chunks chunks;
  long rows;
  TableMember real, whole; /* the first values_block of floats, of integers; width 0: none */
  char members[512];       /* all members, for messages */
} Table;

/* Local. Owns: the caller, table_close; `file` may be closed before. Errors: no table, or
 * several; no block of floats; there is nothing to close then. */
Err table_open(Table *table, hid_t file, const char *path);
void table_close(Table *table);
/* Which column has this name; -1: none, or the names are not known. */
int table_column(const TableMember *member, const char *name);

/* Some columns of a member, to out (rows, count). */
typedef struct TablePart {
  const TableMember *member;
  int first, count;
  float *out;
} TablePart;
/* Local. Rows from .. to - 1. Thread-safe. Errors: damaged. */
Err table_read(const Table *table, const TablePart *part, int parts, long from, long to);

#endif
