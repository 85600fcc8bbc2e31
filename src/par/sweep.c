#include "par/sweep.h"

#include <omp.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/whole.h"
#include "num/isa.h"
#include "num/tile.h"

enum { TILES_PER_WAVE = 64, REPORT_S = 10 };

long sweep_most(int threads) { return (long)TILES_PER_WAVE * threads * L; }

void sweep_tiles(const Sweep *sweep, void *record, Range tiles) {
#pragma omp parallel num_threads(sweep->threads)
  {
    isa_fp_control();
#pragma omp for schedule(dynamic, 1)
    for (long tile = tiles.from; tile < tiles.to; tile++) {
      size_t at = (size_t)((tile - tiles.from) * L) * sweep->size;
      int n = (int)whole_min(sweep->items - tile * L, L);
      sweep->tile(sweep->self, omp_get_thread_num(), (char *)record + at, tile * L, n);
    }
  }
}

static Range my_tiles(const Comm *comm, const Sweep *sweep) {
  return range_of(tile_count(sweep->items), comm_rank(comm), comm_size(comm));
}

/* The items of some tiles. */
static Range items_of(const Sweep *sweep, Range tiles) {
  return (Range){whole_min(tiles.from * L, sweep->items), whole_min(tiles.to * L, sweep->items)};
}

/* Waves of tiles, so that somebody hears how far they have come. take NULL: all records stay in
 * `record`; else a wave's records are there in turn. */
static Err waves(const Sweep *sweep, char *record, Range tiles, SweepTake *take, void *taker) {
  const long stride = (sweep->wave ? sweep->wave : TILES_PER_WAVE) * sweep->threads;
  const char *unit = sweep->unit ? sweep->unit : "rows";
  char mine[64];
  Err e = OK;
  snprintf(mine, sizeof mine, "this rank's %s", unit);
  progress_begin(sweep->what, (double)(tiles.to - tiles.from) * L, REPORT_S);
  for (long from = tiles.from; from < tiles.to && !e; from += stride) {
    Range wave = {from, whole_min(from + stride, tiles.to)}, items = items_of(sweep, wave);
    if (sweep->before) e = sweep->before(sweep->self, items);
    if (e) break;
    sweep_tiles(sweep, record, wave);
    if (take)
      e = take(taker, record, items);
    else
      record += (size_t)(items.to - items.from) * sweep->size;
    progress_at((double)(wave.to - tiles.from) * L, mine);
  }
  if (!e) progress_end("%ld %s", sweep->items, unit);
  return e;
}

Err sweep_gather(void **all, const Comm *comm, const Sweep *sweep) {
  Range tiles = my_tiles(comm, sweep), items = items_of(sweep, tiles);
  bool first = comm_rank(comm) == 0;
  void *mine = mem_new("records of a rank", (size_t)(tiles.to - tiles.from) * L, sweep->size);
  Err e = comm_agree(comm, waves(sweep, mine, tiles, NULL, NULL));
  *all = first && !e ? mem_new("records", (size_t)sweep->items, sweep->size) : NULL;
  if (!e) comm_gather(comm, *all, mine, items.to - items.from, sweep->size);
  mem_free(&mine);
  return e;
}

Err sweep_stream(const Comm *comm, const Sweep *sweep, SweepTake *take, void *taker) {
  Range tiles = my_tiles(comm, sweep);
  long most = whole_min(tiles.to - tiles.from, (long)TILES_PER_WAVE * sweep->threads);
  char *record = mem_new("records of a wave", (size_t)most * L, sweep->size);
  Err e = waves(sweep, record, tiles, take, taker);
  mem_free(&record);
  return comm_agree(comm, e);
}
