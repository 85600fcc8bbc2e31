/* The FMA peak: CHAINS independent chains hide the latency of any processor of the last decade.
 */
#include "app/bench.h"
#include "num/vec.h"

enum { CHAINS = 12 };

static double run(long n) {
  vec a[CHAINS], factor = v_set(0.9999f), term = v_set(1e-7f);
  float result[CHAINS * L] __attribute__((aligned(64)));
  UNROLL(12)
  for (int k = 0; k < CHAINS; k++) a[k] = v_set((float)k);
  for (long i = 0; i < n; i++) UNROLL(12)
  for (int k = 0; k < CHAINS; k++) a[k] = v_fma(a[k], factor, term);
  for (int k = 0; k < CHAINS; k++) v_store(result, k, a[k]);
  __asm__ volatile("" ::"r"(result) : "memory");
  return 2.0 * VL * CHAINS * (double)n;
}

const Peak PER_ISA(peak) = {run};
