/* How a kernel finishes a row: see Finish in net/layer.h. For isa_sources only. A kernel is written
 * once as an INLINE function with the kind as a constant argument and instantiated for the three. */
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

#endif
