/* The smallest data set with something to find: points near a line in four dimensions,
 * x = m + t u + 0.1 n with t and the elements of n standard normal (class 0), and points around m
 * with a deviation of 0.5 in every direction (class 1, half of them by a hashed coin). Point i is
 * a pure function of (data.toy_seed, i). */
#include "base/mem.h"
#include "data/source.h"
#include "num/rng.h"

extern const Reader reader_line;

enum { DIM = 4 };
static const double mean[DIM] = {1, 2, 3, 4};
static const double direction[DIM] = {0.8, 0.4, 0.4, 0.2}; /* length 1 */

static Err open_line(Source *source, const SourceOpts *opts) {
  RngKey *key = MEM_NEW(RngKey, "seed of points", 1);
  *key = rng_key(opts->seed, RNG_TOY);
  source->file = key;
  source->kind = SOURCE_DENSE;
  source->rows = opts->toy_jets;
  source->shape = (Shape){DIM, 1, 1};
  source->has_label = true;
  return OK;
}

static void make_point(float x[DIM], int8_t *label, RngKey key, uint64_t point) {
  double z[6]; /* the point's noise, its place on the line */
  for (uint32_t draw = 0; draw < 3; draw++) rng_normal2(z + 2 * draw, key, point, 0, draw);
  *label = rng_uniform(key, point, 1, 0) < 0.5;
  double along = *label ? 0 : z[DIM], across = *label ? 0.5 : 0.1;
  for (int i = 0; i < DIM; i++) x[i] = (float)(mean[i] + along * direction[i] + across * z[i]);
}

static Err read_line(const Source *source, Block *block, long from, long to) {
  const RngKey *key = source->file;
  for (long i = 0; i < to - from; i++)
    make_point(block->x + i * DIM, &block->label[i], *key, (uint64_t)(from + i));
  return OK;
}

static void close_line(Source *source) { mem_free(&source->file); }

const Reader reader_line = {.name = "line",
                            .help = "points near a line in 4 dimensions, made in the program "
                                    "(data.toy_jets, data.toy_seed)",
                            .makes_rows = true,
                            .open = open_line,
                            .read = read_line,
                            .close = close_line};
