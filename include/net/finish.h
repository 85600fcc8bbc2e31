/* How a kernel finishes rows before it stores them: see Finish in net/layer.h. For isa_sources
 * only. The kind is looked at once per run of rows, so that a kernel needs no variant per kind.
 */
#ifndef NET_FINISH_H
#define NET_FINISH_H

#include "net/layer.h"
#include "num/vec.h"

/* v for site `site`, lanes l .. l + VL - 1 */
INLINE vec finish_row(int kind, Finish f, vec v, long site, int l) {
  if (kind == FINISH_LEAK) {
    mask above = v_gt(v, v_set(0));
    if (f.sign) m_store(f.sign + site, l, above);
    return v_select(above, v, v * v_set(f.slope));
  }
  if (kind == FINISH_MASK) return v_select(m_load(f.sign + site, l), v, v * v_set(f.slope));
  return v;
}

/* Finish and store v (m, n): v[k][b] goes to site + k * plane + b * step of y. m and n are
 * constants, `of` is the length of a row of v. */
INLINE void finish_store_as(int kind, Finish f, float *y, const vec *v, int of, int m, int n,
                            long site, long plane, long step, int l) {
  UNROLL(4)
  for (int k = 0; k < m; k++, site += plane) {
    UNROLL(10)
    for (int b = 0; b < n; b++)
      v_store(y + l, site + b * step, finish_row(kind, f, v[k * of + b], site + b * step, l));
  }
}

INLINE void finish_store(Finish f, float *y, const vec *v, int of, int m, int n, long site,
                         long plane, long step, int l) {
  if (f.kind == FINISH_NONE)
    finish_store_as(FINISH_NONE, f, y, v, of, m, n, site, plane, step, l);
  else if (f.kind == FINISH_MASK)
    finish_store_as(FINISH_MASK, f, y, v, of, m, n, site, plane, step, l);
  else
    finish_store_as(FINISH_LEAK, f, y, v, of, m, n, site, plane, step, l);
}

/* FINISH_MASK on n rows that are stored already. */
INLINE void finish_mask(Finish f, float *dx, long n) {
  for (long i = 0; i < n; i++)
    LANES(l) v_store(dx + l, i, finish_row(FINISH_MASK, f, v_load(dx + l, i), i, l));
}

#endif
