/* Data sets in the plane, whose density can be written down and looked at (class 0), in the box of
 * [-4, 4] x [-4, 4] that is filled with anomalies (class 1, half of the rows by a hashed coin):
 *
 *   gaussians  eight, of deviation 0.2, evenly on a circle of radius 2
 *   s_curve    1.5 (sin t, sign(t) (cos t - 1)) with t uniform in [-3 pi/2, 3 pi/2], smeared by a
 *              Gaussian of deviation 0.15
 *
 * Point i is a pure function of (data.toy_seed, i). */
#include "base/mem.h"
#include "data/source.h"
#include "num/elem.h"
#include "num/rng.h"

extern const Reader reader_gaussians, reader_s_curve;

enum { DIM = 2, MODES = 8 };
static const double half_box = 4, radius = 2, radius_width = 0.2, curve_scale = 1.5,
                    curve_width = 0.15;
/* Numbers of a point: noise; label, place on the data's line, place in the box. */
enum { NOISE, PLACE };
enum { OF_LABEL, OF_LINE, OF_BOX };

static Err open_plane(Source *source, const SourceOpts *opts) {
  RngKey *key = MEM_NEW(RngKey, "seed of points", 1);
  *key = rng_key(opts->seed, RNG_TOY);
  source->file = key;
  source->kind = SOURCE_DENSE;
  source->rows = opts->toy_jets;
  source->shape = (Shape){DIM, 1, 1};
  source->has_label = true;
  return OK;
}

/* `at`: uniform in (0, 1), the place on the data's line; noise (2) standard normal. */
typedef void MakePoint(double x[DIM], double at, const double noise[DIM]);

static void gaussians(double x[DIM], double at, const double noise[DIM]) {
  double turn = 2.0 * (int)(at * MODES) / MODES;
  x[0] = radius * elem_cospi(turn) + radius_width * noise[0];
  x[1] = radius * elem_sinpi(turn) + radius_width * noise[1];
}

static void s_curve(double x[DIM], double at, const double noise[DIM]) {
  double turn = 3 * (at - 0.5), rise = elem_cospi(turn) - 1;
  x[0] = curve_scale * elem_sinpi(turn) + curve_width * noise[0];
  x[1] = curve_scale * (turn < 0 ? -rise : rise) + curve_width * noise[1];
}

static void make_point(float out[DIM], int8_t *label, MakePoint *make, RngKey key,
                       uint64_t point) {
  double x[DIM], noise[DIM];
  *label = rng_uniform(key, point, PLACE, OF_LABEL) < 0.5;
  rng_normal2(noise, key, point, NOISE, 0);
  make(x, rng_uniform(key, point, PLACE, OF_LINE), noise);
  for (uint32_t i = 0; i < DIM; i++) {
    double box = half_box * (2 * rng_uniform(key, point, PLACE, OF_BOX + i) - 1);
    out[i] = (float)(*label ? box : x[i]);
  }
}

static void make_points(const Source *source, Block *block, long from, long to, MakePoint *make) {
  const RngKey *key = source->file;
  for (long i = 0; i < to - from; i++)
    make_point(block->x + i * DIM, &block->label[i], make, *key, (uint64_t)(from + i));
}

static Err read_gaussians(const Source *source, Block *block, long from, long to) {
  make_points(source, block, from, to, gaussians);
  return OK;
}

static Err read_s_curve(const Source *source, Block *block, long from, long to) {
  make_points(source, block, from, to, s_curve);
  return OK;
}

static void close_plane(Source *source) { mem_free(&source->file); }

const Reader reader_gaussians = {.name = "gaussians",
                                 .help = "eight Gaussians on a circle, made in the program "
                                         "(data.toy_jets, data.toy_seed)",
                                 .makes_rows = true,
                                 .open = open_plane,
                                 .read = read_gaussians,
                                 .close = close_plane};

const Reader reader_s_curve = {.name = "s_curve",
                               .help = "an S in the plane, made in the program "
                                       "(data.toy_jets, data.toy_seed)",
                               .makes_rows = true,
                               .open = open_plane,
                               .read = read_s_curve,
                               .close = close_plane};
