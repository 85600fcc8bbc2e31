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

/* Finish rows v (n) and store them to y at sites site, site + step, ...; n is a constant. */
INLINE void finish_store(Finish f, float *y, const vec *v, int n, long site, long step, int l) {
#define FINISH_ROWS(kind)                                                                        \
  UNROLL(24)                                                                                     \
  for (int b = 0; b < n; b++)                                                                    \
  v_store(y + l, site + b * step, finish_row(kind, f, v[b], site + b * step, l))
  if (f.kind == FINISH_NONE) {
    FINISH_ROWS(FINISH_NONE);
  } else if (f.kind == FINISH_MASK) {
    FINISH_ROWS(FINISH_MASK);
  } else {
    FINISH_ROWS(FINISH_LEAK);
  }
#undef FINISH_ROWS
}

/* FINISH_MASK on n rows that are stored already. */
INLINE void finish_mask(Finish f, float *dx, long n) {
  for (long i = 0; i < n; i++)
    LANES(l) v_store(dx + l, i, finish_row(FINISH_MASK, f, v_load(dx + l, i), i, l));
}

#endif
