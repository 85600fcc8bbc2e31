/* Toy jets as a source: they are made when they are read. */
#include "base/mem.h"
#include "data/source.h"
#include "data/toy.h"

extern const Reader reader_toy;

static Err open_toy(Source *source, const SourceOpts *opts) {
  if (opts->toy_jets <= 0)
    return err_user("data.toy_jets: found %ld, want how many toy jets to make", opts->toy_jets);
  uint64_t *seed = MEM_NEW(uint64_t, "seed of toy jets", 1);
  *seed = opts->seed;
  source->file = seed;
  source->kind = SOURCE_JETS;
  source->rows = opts->toy_jets;
  source->slots = TOY_SLOTS;
  source->has_label = source->has_truth = true;
  return OK;
}

static Err read_toy(const Source *source, Block *block, long from, long to) {
  const uint64_t *seed = source->file;
  float truth[4];
  for (long i = 0; i < to - from; i++)
    toy_jet(block->p4 + i * 4 * TOY_SLOTS, &block->label[i],
            block->truth ? block->truth + 4 * i : truth, *seed, (uint64_t)(from + i));
  return OK;
}

static void close_toy(Source *source) { mem_free(&source->file); }

const Reader reader_toy = {.name = "toy",
                           .help = "toy jets, made in the program (data.toy_jets, data.toy_seed)",
                           .makes_rows = true,
                           .open = open_toy,
                           .read = read_toy,
                           .close = close_toy};
