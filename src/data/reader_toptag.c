/* The top-tagging reference files (Zenodo 2603256), as published: a pandas table with the
 * four-momenta of 200 constituents and the truth record in one block of floats, ttv and
 * is_signal_new in one of integers. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/source.h"
#include "io/hdf.h"
#include "io/table.h"
#include "labels.h"

typedef struct TopTag {
  Table table;
  int truth; /* column of truthE, -1: none */
  int label; /* column of is_signal_new, -1: none */
} TopTag;

/* The published form, taken for granted where pandas left no names of columns. */
enum { WIDTH = 804, TRUTH = 800, LABEL_WIDTH = 2, LABEL = 1 };

static Err wrong_members(const Table *table) {
  return err_user(
      "%s: found members %s, want values_block_0 float32[804] (E, PX, PY, PZ of 200 "
      "constituents and of the truth) and values_block_1 int64[2] (ttv, is_signal_new)",
      table->chunks.where, table->members);
}

static Err find_momenta(TopTag *top) {
  const TableMember *real = &top->table.real;
  if (!real->names) {
    top->truth = TRUTH;
    return real->width == WIDTH ? OK : wrong_members(&top->table);
  }
  top->truth = table_column(real, "truthE");
  int end = top->truth < 0 ? real->width : top->truth;
  if (end < 4 || end % 4 || (top->truth >= 0 && top->truth + 4 > real->width))
    return wrong_members(&top->table);
  static const char *const want[4] = {"E_0", "PX_0", "PY_0", "PZ_0"};
  for (int i = 0; i < 4; i++)
    if (table_column(real, want[i]) != i)
      return err_user("%s: found columns %.60s..., want E_0, PX_0, PY_0, PZ_0, E_1, ... in this "
                      "order",
                      top->table.chunks.where, real->names);
  return OK;
}

static Err find_label(TopTag *top) {
  const TableMember *whole = &top->table.whole;
  top->label = whole->names ? table_column(whole, "is_signal_new") : LABEL;
  if (!whole->width)
    top->label = -1;
  else if (!whole->names && whole->width != LABEL_WIDTH)
    return wrong_members(&top->table);
  return OK;
}

static void close_toptag(Source *source) {
  TopTag *top = source->file;
  if (top) table_close(&top->table);
  mem_free(&source->file);
}

static Err open_toptag(Source *source, const SourceOpts *opts) {
  TopTag *top = MEM_NEW(TopTag, "open table", 1);
  hid_t file;
  top->table.chunks.fd = -1;
  source->file = top;
  TRY(hdf_open(&file, opts->path));
  Err e = table_open(&top->table, file, opts->path);
  if (!e) e = find_momenta(top);
  if (!e) e = find_label(top);
  H5Fclose(file);
  if (e) return e;
  source->kind = SOURCE_JETS;
  source->rows = top->table.rows;
  source->slots = (top->truth < 0 ? top->table.real.width : top->truth) / 4;
  source->has_truth = top->truth >= 0;
  source->has_label = top->label >= 0;
  return OK;
}

static Err read_toptag(const Source *source, Block *block, long from, long to) {
  const TopTag *top = source->file;
  const TableMember *real = &top->table.real;
  float *label = NULL; /* (rows) */
  TablePart part[3] = {{real, 0, 4 * source->slots, block->p4}};
  int parts = 1;
  if (source->has_truth) part[parts++] = (TablePart){real, top->truth, 4, block->truth};
  if (source->has_label) {
    label = malloc((size_t)(to - from + 1) * sizeof *label);
    CHECK(label, "no memory for %ld labels", to - from);
    part[parts++] = (TablePart){&top->table.whole, top->label, 1, label};
  }
  Err e = table_read(&top->table, part, parts, from, to);
  if (!e && label) e = labels_from_floats(block->label, label, to - from, from, source->path);
  free(label);
  return e;
}

static long grain_toptag(const Source *source) {
  const TopTag *top = source->file;
  return top->table.chunks.chunk[0];
}

const Reader reader_toptag = {
    .name = "toptag",
    .help = "top-tagging reference files: a pandas table of four-momenta",
    .knows = hdf_signature,
    .open = open_toptag,
    .read = read_toptag,
    .close = close_toptag,
    .grain = grain_toptag,
};
