/* Chirps in coloured noise as a source of pairs: they are made when they are read. */
#include "base/mem.h"
#include "data/source.h"

extern const Reader reader_chirp;

static Err open_chirp(Source *source, const SourceOpts *opts) {
  if (opts->chirp.snr_low > opts->chirp.snr_high)
    return err_user("data.chirp_snr_low: found %g, want at most data.chirp_snr_high, which is %g",
                    opts->chirp.snr_low, opts->chirp.snr_high);
  Chirp *chirp = MEM_NEW(Chirp, "chirps", 1);
  *chirp = chirp_new(&opts->chirp, opts->seed);
  source->file = chirp;
  source->kind = SOURCE_DENSE;
  source->rows = opts->toy_jets;
  source->shape = (Shape){1, 1, opts->chirp.samples};
  source->has_target = true;
  return OK;
}

static Err read_chirp(const Source *source, Block *block, long from, long to) {
  long w = source->shape.w;
  for (long i = 0; i < to - from; i++)
    chirp_sample(source->file, block->x + i * w, block->target + i * w, (uint64_t)(from + i));
  return OK;
}

static void close_chirp(Source *source) {
  if (source->file) chirp_free(source->file);
  mem_free(&source->file);
}

const Reader reader_chirp = {.name = "chirp",
                             .help = "chirps in coloured noise with their clean signals, made in "
                                     "the program (data.toy_jets, data.toy_seed, data.chirp_...)",
                             .makes_rows = true,
                             .open = open_chirp,
                             .read = read_chirp,
                             .close = close_chirp};
