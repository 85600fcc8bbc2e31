#include "eval/rowfile.h"

#include <string.h>

#include "base/mem.h"

/* Room for what HDF5 writes itself, and rows that are packed at once. */
enum { DESCRIPTION = 1 << 16, PACKED_ROWS = 4096 };

static size_t size_of(RowType type) {
  static const size_t size[] = {[ROW_FLOAT] = 4, [ROW_DOUBLE] = 8, [ROW_INT8] = 1};
  return size[type];
}

static hid_t type_of(RowType type) {
  return type == ROW_FLOAT    ? H5T_NATIVE_FLOAT
         : type == ROW_DOUBLE ? H5T_NATIVE_DOUBLE
                              : H5T_NATIVE_INT8;
}

/* Bytes of one row. */
static size_t width_of(const RowColumn *column) {
  size_t width = size_of(column->type);
  for (int i = 0; i < column->rank; i++) width *= (size_t)column->dims[i];
  return width;
}

RowFile rowfile_new(const Comm *comm, const char *path, const char *format, long rows) {
  RowFile file = {.format = format, .rows = rows};
  outfile_init(&file.out, comm, path);
  return file;
}

RowColumn rowfile_sample(const char *name, Shape shape, const char *about) {
  static const char *const axis[] = {"channel", "height", "width"};
  const long dims[] = {shape.c, shape.h, shape.w};
  bool flat = shape.h == 1 && shape.w == 1;
  int skip = !flat && shape.c == 1;
  RowColumn column = {.name = name, .rank = flat ? 1 : 3 - skip, .unit = "1", .about = about};
  for (int i = 0; i < column.rank; i++)
    column.dims[i] = dims[i + skip], column.axis[i] = axis[i + skip];
  return column;
}

size_t rowfile_add(RowFile *file, RowColumn column) {
  CHECK(file->n < ROW_COLUMNS, "more than %d columns", ROW_COLUMNS);
  column.at = file->size;
  file->size += (width_of(&column) + 7) / 8 * 8;
  file->column[file->n++] = column;
  return column.at;
}

static void make_column(hid_t to, const RowColumn *column, long rows, int64_t *address) {
  long dims[1 + ROW_RANK] = {rows};
  const char *axis[1 + ROW_RANK] = {"row"};
  memcpy(dims + 1, column->dims, sizeof column->dims);
  memcpy(axis + 1, column->axis, sizeof column->axis);
  hid_t array =
      h5_put_room(to, column->name, type_of(column->type), 1 + column->rank, dims, axis, address);
  h5_put_text(array, "units", column->unit);
  h5_put_text(array, "long_name", column->about);
  h5_close(array);
}

static int64_t bytes_of(const RowFile *file) {
  int64_t bytes = 0;
  for (int c = 0; c < file->n; c++) bytes += file->rows * (int64_t)width_of(&file->column[c]);
  return bytes;
}

/* On rank 0. The room again, because HDF5 begins with an empty file. */
static Err lay_out(RowFile *file, const Fact *facts, void (*note)(void *self, hid_t file),
                   void *self) {
  int64_t length = DESCRIPTION + bytes_of(file);
  TRY(outfile_reserve(&file->out, DESCRIPTION, length));
  hid_t to = h5_new_at(file->out.temporary, DESCRIPTION);
  if (to < 0) return outfile_error(&file->out);
  Err e = outfile_reserve(&file->out, DESCRIPTION, length);
  if (!e) {
    h5_put_text(to, "format", file->format);
    h5_put_int(to, "format_version", 1);
    if (note) note(self, to);
    for (int c = 0; c < file->n; c++)
      make_column(to, &file->column[c], file->rows, &file->address[c]);
    h5_put_facts(to, facts);
  }
  h5_close(to);
  return e;
}

Err rowfile_begin(RowFile *file, const Fact *facts, void (*note)(void *self, hid_t file),
                  void *self) {
  const Comm *comm = file->out.comm;
  Err e = comm_agree(comm, comm_rank(comm) ? OK : lay_out(file, facts, note, self));
  if (e) return outfile_finish(&file->out, e);
  comm_broadcast(comm, file->address, sizeof file->address, 0);
  e = comm_agree(comm, outfile_open(&file->out));
  if (e) return outfile_finish(&file->out, e);
  file->packed = MEM_NEW(char, "rows to write", PACKED_ROWS * file->size);
  return OK;
}

/* At most PACKED_ROWS of them. */
static Err put(RowFile *file, int c, const char *record, Range rows) {
  const RowColumn *column = &file->column[c];
  size_t width = width_of(column), n = (size_t)(rows.to - rows.from);
  for (size_t i = 0; i < n; i++)
    memcpy(file->packed + i * width, record + i * file->size + column->at, width);
  return outfile_put(&file->out, file->packed, n * width,
                     file->address[c] + rows.from * (int64_t)width);
}

Err rowfile_take(void *self, const void *record, Range rows) {
  RowFile *file = self;
  const char *at = record;
  for (long from = rows.from, to; from < rows.to; from = to) {
    to = from + PACKED_ROWS < rows.to ? from + PACKED_ROWS : rows.to;
    for (int c = 0; c < file->n; c++) TRY(put(file, c, at, (Range){from, to}));
    at += (size_t)(to - from) * file->size;
  }
  return OK;
}

Err rowfile_end(RowFile *file, Err e) {
  mem_free(&file->packed);
  return outfile_finish(&file->out, e);
}
