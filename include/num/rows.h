/* Work on whole rows that belongs to no layer: fetch and store of tiles, energies, noise,
 * updates. One table per ISA (compiled from src/num/rows.c); rows() is the one in use. Tiles (n,
 * L) start at a multiple of 64 bytes; single rows [L] and plain arrays need not. */
#ifndef NUM_ROWS_H
#define NUM_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "num/isa.h"
#include "num/rng.h"
#include "num/tile.h"

typedef struct Rows {
  /* x (n, L) from sixteen samples: x[i][l] = sample[l][i]; and back. */
  void (*gather)(float *x, const float *const sample[L], long n);
  void (*scatter)(float *const sample[L], const float *x, long n);

  /* sum[l] = sum over i of (y - x)^2, in double in the order of i, and scaled (n, L) =
   * factor (y - x), each unless NULL. scaled may be y. */
  void (*squares)(double sum[L], float *scaled, const float *y, const float *x, float factor,
                  long n);
  /* sum[l] = sum over i of a b, in double. */
  void (*dot)(double sum[L], const float *a, const float *b, long n);
  /* y[i][l] *= a[l];  y[i][l] += a[l] x[i][l] */
  void (*scale)(float *y, const float a[L], long n);
  void (*axpy)(float *y, const float a[L], const float *x, long n);
  void (*clamp)(float *y, float low, float high, long n);
  /* y (features, points, L) = 0 at the absent points of x (num/point.h). */
  void (*clear_absent)(float *y, const float *x, long features, long points);

  /* Standard normal noise: row i, lane l takes component i % 4 of draw (i / 4) for id[l]: a pure
   * function of (key, id, step, i). In float; Box-Muller: radius from words 0 and 2, angle 1
   * and 3. */
  void (*normals)(float *y, RngKey key, const uint64_t id[L], uint32_t step, long n);
  /* Uniform in (0, 1), 24 bits, component i % 4 of draw i / 4. */
  void (*uniforms)(float *y, RngKey key, const uint64_t id[L], uint32_t step, long n);

  /* Adam(W) on n parameters (n need be no multiple of L; plain arrays, no lanes):
   *   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
   *   w = w - rate (m / c1) / (sqrt(v / c2) + eps) - rate decay w
   * with the bias corrections c1 = 1 - b1^t, c2 = 1 - b2^t computed by the caller.
   * Returns how many sqrt(v / c2) are below eps. Source: arXiv 1412.6980, 1711.05101. */
  long (*adam)(float *w, float *m, float *v, const float *g, long n, double rate, double b1,
               double b2, double c1, double c2, double eps, double decay);

  /* Exact summation (num/exact.h): add g rounded once to the grid of unit 2^unit to sum, and keep
   * the largest |g| as a bit pattern. Values of limit and more, Inf and NaN are not cast. */
  void (*exact_add)(int64_t *sum, uint32_t *largest, const float *g, long n, int unit,
                    float limit);
  /* g = sum * unit, rounded once. */
  void (*exact_read)(float *g, const int64_t *sum, long n, double unit);

  /* x /= |x| in each lane, the norm in double; a lane of zeros stays. */
  void (*unit)(float *x, long n);
} Rows;

ISA_DECLARE(Rows, rows);
static inline const Rows *rows(void) { return ISA_PICK(rows); }

#endif
