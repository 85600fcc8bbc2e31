#include "data/passing.h"

#include "base/mem.h"
#include "base/whole.h"

/* Read at once: some chunks of a table. */
enum { BLOCK_ROWS = 512 };

static bool paired(const Dataset *data) { return data->away->source.has_target; }

void passing_init(Passing *rows, const Dataset *data, long most) {
  long dim = shape_size(data->shape);
  *rows = (Passing){.now = *data, .most = most};
  if (!data->away) return;
  rows->fetch = fetch_new(data, whole_min(most, BLOCK_ROWS));
  rows->now.x = rows->x = MEM_NEW(float, "samples that pass by", most *dim);
  if (paired(data)) rows->now.target = rows->target = MEM_NEW(float, "targets", most *dim);
}

void passing_free(Passing *rows) {
  fetch_free(&rows->fetch);
  mem_free(&rows->x);
  mem_free(&rows->target);
}

size_t passing_room(const Dataset *data, long most) {
  return data->away ? dataset_room(data, most) * (paired(data) ? 2 : 1) : 0;
}

Err passing_show(Passing *rows, Range range, int threads) {
  if (!rows->now.away) return OK;
  CHECK(range.to - range.from <= rows->most, "rows %ld to %ld at once", range.from, range.to);
  rows->now.first = range.from;
  return fetch_range(&rows->fetch, rows->x, rows->target, range, threads);
}
