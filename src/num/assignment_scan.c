#include "num/assignment_scan.h"

#include "num/vec.h"

/* Each of sixteen lanes looks at every sixteenth column, and the lanes are compared at the end:
 * loops of constant length over arrays on the stack, which compilers keep in registers. */
typedef struct Lanes {
  int32_t least[L], second[L], from[L]; /* column = from + lane */
} Lanes;

INLINE int32_t min(int32_t a, int32_t b) { return a < b ? a : b; }
INLINE int32_t max(int32_t a, int32_t b) { return a > b ? a : b; }

INLINE Lanes no_columns(void) {
  Lanes a;
  for (int l = 0; l < L; l++) a.least[l] = a.second[l] = INT32_MAX, a.from[l] = 0;
  return a;
}

INLINE void look(Lanes *a, int l, int32_t value, long from) {
  a->second[l] = min(a->second[l], max(a->least[l], value));
  a->from[l] = value < a->least[l] ? (int32_t)from : a->from[l];
  a->least[l] = min(a->least[l], value);
}

INLINE Offer compare(const Lanes *a) {
  Offer o = {a->least[0], a->second[0], a->from[0]};
  for (int l = 1; l < L; l++) {
    long at = a->from[l] + l;
    o.second = min(min(o.second, a->second[l]), max(o.best, a->least[l]));
    if (a->least[l] < o.best || (a->least[l] == o.best && at < o.at)) o.at = at;
    o.best = min(o.best, a->least[l]);
  }
  return o;
}

INLINE void offer_part(Lanes *a, const int32_t *cost, const int32_t *price, long from, int n) {
  for (int l = 0; l < n; l++) look(a, l, cost[from + l] - price[from + l], from);
}

static Offer offer(const int32_t *restrict cost, const int32_t *restrict price, long n) {
  Lanes a = no_columns();
  long from = 0;
  for (; from + L <= n; from += L) offer_part(&a, cost, price, from, L);
  offer_part(&a, cost, price, from, (int)(n - from));
  return compare(&a);
}

INLINE void relax_part(Lanes *a, int32_t *restrict distance, int32_t *restrict before,
                       const int32_t *restrict closed, const int32_t *restrict cost,
                       const int32_t *restrict price, int32_t base, int32_t row, long from,
                       int n) {
  for (int l = 0; l < n; l++) {
    long j = from + l;
    int32_t d = base + (cost[j] - price[j]), old = distance[j];
    before[j] = d < old ? row : before[j];
    distance[j] = min(d, old);
    look(a, l, 2 * distance[j] + closed[j], from);
  }
}

static long relax(int32_t *restrict distance, int32_t *restrict before,
                  const int32_t *restrict closed, const int32_t *restrict cost,
                  const int32_t *restrict price, int32_t base, int32_t row, long n) {
  Lanes a = no_columns();
  long from = 0;
  for (; from + L <= n; from += L)
    relax_part(&a, distance, before, closed, cost, price, base, row, from, L);
  relax_part(&a, distance, before, closed, cost, price, base, row, from, (int)(n - from));
  return compare(&a).at;
}

const AssignmentScan PER_ISA(assignment_scan) = {offer, relax};
