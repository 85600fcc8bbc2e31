#include "num/rows.h"

#include <stdbool.h>

#include "num/dvec.h"
#include "num/philox.h"
#include "num/point.h"

INLINE vec load_any(const float *p) {
  vec v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store_any(float *p, vec v) { memcpy(p, &v, sizeof v); }

/* ---- fetch and store: blocks of sixteen features, so that both sides stay in the first cache
 * ---- */

static void gather(float *x, const float *const sample[L], long n) {
  for (long from = 0; from < n; from += 16) {
    long to = from + 16 < n ? from + 16 : n;
    for (int l = 0; l < L; l++)
      for (long i = from; i < to; i++) x[L * i + l] = sample[l][i];
  }
}

static void scatter(float *const sample[L], const float *x, long n) {
  for (long from = 0; from < n; from += 16) {
    long to = from + 16 < n ? from + 16 : n;
    for (int l = 0; l < L; l++)
      for (long i = from; i < to; i++) sample[l][i] = x[L * i + l];
  }
}

/* ---- sums in double, updates in float ---- */

/* r (n, L) and factor r, in one pass; the sum in the order of i. */
static void squares(double sum[L], float *scaled, const float *y, const float *x, float factor,
                    long n) {
  if (sum) D_LANES(l) {
      dvec s = d_set(0);
      for (long i = 0; i < n; i++) {
        dvec r = d_load(y + l, i) - d_load(x + l, i);
        s = d_fma(r, r, s);
      }
      dd_store(sum + l, 0, s);
    }
  vec f = v_set(factor);
  if (scaled) LANES(l)
  for (long i = 0; i < n; i++) v_store(scaled + l, i, (v_load(y + l, i) - v_load(x + l, i)) * f);
}

static void dot(double sum[L], const float *a, const float *b, long n) {
  D_LANES(l) {
    dvec s = d_set(0);
    for (long i = 0; i < n; i++) s = d_fma(d_load(a + l, i), d_load(b + l, i), s);
    dd_store(sum + l, 0, s);
  }
}

static void scale(float *y, const float a[L], long n) {
  LANES(l) {
    vec factor = load_any(a + l);
    for (long i = 0; i < n; i++) v_store(y + l, i, v_load(y + l, i) * factor);
  }
}

static void axpy(float *y, const float a[L], const float *x, long n) {
  LANES(l) {
    vec factor = load_any(a + l);
    for (long i = 0; i < n; i++)
      v_store(y + l, i, v_fma(factor, v_load(x + l, i), v_load(y + l, i)));
  }
}

static void clamp(float *y, float low, float high, long n) {
  vec bottom = v_set(low), top = v_set(high);
  for (long i = 0; i < n; i++) LANES(l) {
      vec v = v_load(y + l, i);
      v = v_select(v_gt(bottom, v), bottom, v);
      v_store(y + l, i, v_select(v_gt(v, top), top, v));
    }
}

static void clear_absent(float *y, const float *x, long features, long points) {
  const vec zero = v_set(0);
  for (long t = 0; t < points; t++) LANES(l) {
      mask there = point_there(x + t * L + l, features, points);
      for (long i = t; i < features * points; i += points)
        v_store(y + l, i, v_select(there, v_load(y + l, i), zero));
    }
}

static void unit(float *x, long n) {
  double sum[L];
  dot(sum, x, x, n);
  for (int l = 0; l < L; l++) sum[l] = sum[l] > 0 ? 1 / sqrt(sum[l]) : 1;
  D_LANES(l) {
    dvec factor = dd_load(sum + l, 0);
    for (long i = 0; i < n; i++) d_store(x + l, i, d_load(x + l, i) * factor);
  }
}

/* ---- random numbers ---- */

/* To float, rounded to nearest. */
INLINE vec from_unsigned(const uint32_t *word) {
#if VL == 16
  return (vec)_mm512_cvtepu32_ps(_mm512_loadu_si512(word));
#elif VL == 8
  __m256i w = _mm256_loadu_si256((const __m256i *)word);
  vec high = (vec)_mm256_cvtepi32_ps(_mm256_srli_epi32(w, 16));
  vec low = (vec)_mm256_cvtepi32_ps(_mm256_and_si256(w, _mm256_set1_epi32(0xffff)));
  return v_fma(high, v_set(0x1p16f), low);
#else
  return (float)*word;
#endif
}

INLINE vec from_signed(const uint32_t *word) {
#if VL == 16
  return (vec)_mm512_cvtepi32_ps(_mm512_loadu_si512(word));
#elif VL == 8
  return (vec)_mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)word));
#else
  return (float)(int32_t)*word;
#endif
}

INLINE void sincospi(vec *s, vec *c, vec x) {
#if VL == 16
  Sleef___m512_2 r = Sleef_finz_sincospif16_u35avx512f((__m512)x);
#elif VL == 8
  Sleef___m256_2 r = Sleef_finz_sincospif8_u35avx2((__m256)x);
#else
  Sleef_float_2 r = Sleef_finz_sincospif1_u35purecfma(x);
#endif
  *s = (vec)r.x;
  *c = (vec)r.y;
}

INLINE void box_muller(float *cosine, float *sine, const uint32_t *radius_word,
                       const uint32_t *angle_word) {
  vec s, c, u = v_fma(from_unsigned(radius_word), v_set(0x1p-32f), v_set(0x1p-33f));
  vec radius = v_sqrt(v_set(-2) * v_log(u));
  sincospi(&s, &c, from_signed(angle_word) * v_set(0x1p-31f));
  store_any(cosine, radius * c);
  store_any(sine, radius * s);
}

static void normals(float *y, RngKey key, const uint64_t id[L], uint32_t step, long n) {
  uint32_t words[4][L];
  float four[4][L];
  for (long i = 0; i < n; i += 4) {
    philox_row(words, key, id, step, (uint32_t)(i / 4));
    LANES(l) {
      box_muller(four[0] + l, four[1] + l, words[0] + l, words[1] + l);
      box_muller(four[2] + l, four[3] + l, words[2] + l, words[3] + l);
    }
    memcpy(y + L * i, four, sizeof *four * (size_t)(n - i < 4 ? n - i : 4));
  }
}

static void uniforms(float *y, RngKey key, const uint64_t id[L], uint32_t step, long n) {
  uint32_t words[4][L];
  for (long i = 0; i < n; i += 4) {
    philox_row(words, key, id, step, (uint32_t)(i / 4));
    for (long k = 0; k < 4 && i + k < n; k++)
      for (int l = 0; l < L; l++)
        y[L * (i + k) + l] = ((float)(int32_t)(words[k][l] >> 9) + 0.5f) * 0x1p-23f;
  }
}

/* ---- the optimizer's update ---- */

typedef struct Adam {
  vec rate, b1, b2, a1, a2, c1, c2, eps, shrink;
} Adam;

/* Which lanes have a root below eps. */
INLINE mask adam_step(float *w, float *m, float *v, const float *g, const Adam *k) {
  vec grad = load_any(g), weight = load_any(w);
  vec first = v_fma(k->b1, load_any(m), k->a1 * grad);
  vec second = v_fma(k->b2, load_any(v), k->a2 * grad * grad);
  vec root = v_sqrt(second / k->c2);
  vec move = first / k->c1 / (root + k->eps);
  store_any(m, first);
  store_any(v, second);
  store_any(w, v_fma(-k->rate, move, v_fma(-k->shrink, weight, weight)));
  return v_gt(k->eps, root);
}

static long adam_part(float *w, float *m, float *v, const float *g, const Adam *k, int lanes) {
  uint16_t below = 0;
  m_store(&below, 0, adam_step(w, m, v, g, k));
  return __builtin_popcount(below & ((1u << lanes) - 1));
}

static long adam(float *w, float *m, float *v, const float *g, long n, double rate, double b1,
                 double b2, double c1, double c2, double eps, double decay) {
  const Adam k = {v_set((float)rate),     v_set((float)b1),       v_set((float)b2),
                  v_set((float)(1 - b1)), v_set((float)(1 - b2)), v_set((float)c1),
                  v_set((float)c2),       v_set((float)eps),      v_set((float)(rate * decay))};
  float tail[4][VL] = {0};
  long i, below = 0;
  for (i = 0; i + VL <= n; i += VL) below += adam_part(w + i, m + i, v + i, g + i, &k, VL);
  size_t rest = (size_t)(n - i) * sizeof(float);
  if (!rest) return below;
  float *in[] = {w + i, m + i, v + i};
  for (int a = 0; a < 3; a++) memcpy(tail[a], in[a], rest);
  memcpy(tail[3], g + i, rest);
  below += adam_part(tail[0], tail[1], tail[2], tail[3], &k, (int)(n - i));
  for (int a = 0; a < 3; a++) memcpy(in[a], tail[a], rest);
  return below;
}

/* ---- exact sums ---- */

/* Scaled by a power of two in double a float stays exact; the rounding is to nearest even. */
static void exact_part(int64_t *sum, uint32_t *largest, const float *g, long n, double per_unit,
                       uint32_t limit) {
  uint32_t top = *largest;
  for (long i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, g + i, sizeof bits);
    bits &= 0x7fffffff;
    top = bits > top ? bits : top;
    sum[i] += (int64_t)rint(bits < limit ? g[i] * per_unit : 0);
  }
  *largest = top;
}

#if VL == 16
/* As exact_part, for eight at a time; how many were done. */
static long exact_eights(int64_t *sum, uint32_t *largest, const float *g, long n, double per_unit,
                         uint32_t limit) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  __m256i top = _mm256_set1_epi32((int)*largest);
  __m512d factor = _mm512_set1_pd(per_unit);
  long i;
  for (i = 0; i + 8 <= n; i += 8) {
    __m256 value = _mm256_loadu_ps(g + i);
    __m256i bits = _mm256_and_si256(_mm256_castps_si256(value), magnitude);
    __mmask8 fits = _mm256_cmplt_epu32_mask(bits, _mm256_set1_epi32((int)limit));
    __m512d scaled = _mm512_maskz_mul_pd(fits, _mm512_cvtps_pd(value), factor);
    __m512i old = _mm512_loadu_si512(sum + i);
    _mm512_storeu_si512(sum + i, _mm512_add_epi64(old, _mm512_cvtpd_epi64(scaled)));
    top = _mm256_max_epu32(top, bits);
  }
  uint32_t lane[8];
  _mm256_storeu_si256((__m256i *)lane, top);
  for (int k = 0; k < 8; k++) *largest = lane[k] > *largest ? lane[k] : *largest;
  return i;
}
#else
static long exact_eights(int64_t *sum, uint32_t *largest, const float *g, long n, double per_unit,
                         uint32_t limit) {
  return 0;
}
#endif

static void exact_add(int64_t *sum, uint32_t *largest, const float *g, long n, int grid_unit,
                      float limit) {
  const double per_unit = ldexp(1, -grid_unit);
  uint32_t limit_bits;
  memcpy(&limit_bits, &limit, sizeof limit);
  long done = exact_eights(sum, largest, g, n, per_unit, limit_bits);
  exact_part(sum + done, largest, g + done, n - done, per_unit, limit_bits);
}

/* sum * unit, rounded once: what does not fit a double leaves an odd last bit behind, so that the
 * rounding to float still sees it. */
static void exact_read(float *g, const int64_t *sum, long n, double unit) {
  enum { SHIFT = 10 };
  for (long i = 0; i < n; i++) {
    int64_t odd = sum[i] >> SHIFT | ((sum[i] & ((1 << SHIFT) - 1)) != 0);
    bool fits = sum[i] < 1ll << 53 && sum[i] > -(1ll << 53);
    g[i] = (float)(fits ? (double)sum[i] * unit : (double)odd * ((1 << SHIFT) * unit));
  }
}

const Rows PER_ISA(rows) = {.gather = gather,
                            .scatter = scatter,
                            .squares = squares,
                            .dot = dot,
                            .scale = scale,
                            .axpy = axpy,
                            .clamp = clamp,
                            .clear_absent = clear_absent,
                            .normals = normals,
                            .uniforms = uniforms,
                            .adam = adam,
                            .exact_add = exact_add,
                            .exact_read = exact_read,
                            .unit = unit};
