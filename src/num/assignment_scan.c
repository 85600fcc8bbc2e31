#include "num/assignment_scan.h"

#include "num/vec.h"

INLINE int32_t min(int32_t a, int32_t b) { return a < b ? a : b; }
INLINE int32_t max(int32_t a, int32_t b) { return a > b ? a : b; }

/* The same in each lane; a_where_less: a where x < y, else b. */
#if VL == 16
INLINE ivec i_set(int32_t a) { return (ivec)_mm512_set1_epi32(a); }
INLINE ivec i_min(ivec a, ivec b) { return (ivec)_mm512_min_epi32((__m512i)a, (__m512i)b); }
INLINE ivec i_max(ivec a, ivec b) { return (ivec)_mm512_max_epi32((__m512i)a, (__m512i)b); }
INLINE ivec a_where_less(ivec x, ivec y, ivec a, ivec b) {
  __mmask16 less = _mm512_cmplt_epi32_mask((__m512i)x, (__m512i)y);
  return (ivec)_mm512_mask_blend_epi32(less, (__m512i)b, (__m512i)a);
}
#elif VL == 8
INLINE ivec i_set(int32_t a) { return (ivec)_mm256_set1_epi32(a); }
INLINE ivec i_min(ivec a, ivec b) { return (ivec)_mm256_min_epi32((__m256i)a, (__m256i)b); }
INLINE ivec i_max(ivec a, ivec b) { return (ivec)_mm256_max_epi32((__m256i)a, (__m256i)b); }
INLINE ivec a_where_less(ivec x, ivec y, ivec a, ivec b) {
  return (ivec)_mm256_blendv_epi8((__m256i)b, (__m256i)a, (__m256i)(x < y));
}
#else
INLINE ivec i_set(int32_t a) { return a; }
INLINE ivec i_min(ivec a, ivec b) { return min(a, b); }
INLINE ivec i_max(ivec a, ivec b) { return max(a, b); }
INLINE ivec a_where_less(ivec x, ivec y, ivec a, ivec b) { return x < y ? a : b; }
#endif

INLINE ivec i_load(const int32_t *p) {
  ivec v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE void i_store(int32_t *p, ivec v) { memcpy(p, &v, sizeof v); }

/* Each lane looks at every VL-th column; then the lanes are compared, and what columns are left. */
typedef struct Lanes {
  ivec least, second, from; /* column = from + lane */
} Lanes;

INLINE Lanes no_columns(void) { return (Lanes){i_set(INT32_MAX), i_set(INT32_MAX), i_set(0)}; }

INLINE void look(Lanes *a, ivec value, long from) {
  a->second = i_min(a->second, i_max(a->least, value));
  a->from = a_where_less(value, a->least, i_set((int32_t)from), a->from);
  a->least = i_min(a->least, value);
}

INLINE void see(Offer *o, int32_t value, long at) {
  o->second = min(o->second, max(o->best, value));
  o->at = value < o->best || (value == o->best && at < o->at) ? at : o->at;
  o->best = min(o->best, value);
}

INLINE Offer compare(const Lanes *a) {
  Offer o = {INT32_MAX, INT32_MAX, INT32_MAX};
  int32_t least[VL], second[VL], from[VL];
  i_store(least, a->least), i_store(second, a->second), i_store(from, a->from);
  for (int l = 0; l < VL; l++) see(&o, least[l], from[l] + l);
  for (int l = 0; l < VL; l++) o.second = min(o.second, second[l]);
  return o;
}

static Offer offer(const int32_t *restrict cost, const int32_t *restrict price, long n) {
  Lanes lanes = no_columns();
  long j = 0;
  for (; j + VL <= n; j += VL) look(&lanes, i_load(cost + j) - i_load(price + j), j);
  Offer o = compare(&lanes);
  for (; j < n; j++) see(&o, cost[j] - price[j], j);
  return o;
}

static long relax(int32_t *restrict distance, int32_t *restrict before,
                  const int32_t *restrict closed, const int32_t *restrict cost,
                  const int32_t *restrict price, int32_t base, int32_t row, long n) {
  Lanes lanes = no_columns();
  long j = 0;
  for (; j + VL <= n; j += VL) {
    ivec d = i_set(base) + (i_load(cost + j) - i_load(price + j)), old = i_load(distance + j);
    i_store(before + j, a_where_less(d, old, i_set(row), i_load(before + j)));
    d = i_min(d, old);
    i_store(distance + j, d);
    look(&lanes, d + d + i_load(closed + j), j);
  }
  Offer o = compare(&lanes);
  for (; j < n; j++) {
    int32_t d = base + (cost[j] - price[j]);
    if (d < distance[j]) distance[j] = d, before[j] = row;
    see(&o, 2 * distance[j] + closed[j], j);
  }
  return o.at;
}

const AssignmentScan PER_ISA(assignment_scan) = {offer, relax};
