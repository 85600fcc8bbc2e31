/* The row of sixteen lanes, as the compiler sees it. For isa_sources only.
 *
 * Everything that holds samples is stored batch-innermost, x[feature][16]; a kernel works on a
 * `vec` of VL lanes (16 with AVX-512, 8 with AVX2, 1 in the plain C build) and runs once for each
 * part of the row:
 *
 *   LANES(l) for (i = 0; i < n; i++) v_store(y + l, i, v_fma(v_load(x + l, i), a, b));
 *
 * Every lane does the same scalar operations in the same order in every build, so all builds give
 * the same bits. Rules that keep it so: a product that is added is v_fma, written out; no
 * reduction across lanes; no reciprocal or rsqrt instructions; max is a > b ? a : b; elementary
 * functions come from SLEEF's deterministic ("finz") variants. On AVX2 never use a vector wider
 * than the ISA's own: compilers put it on the stack. */
#ifndef NUM_VEC_H
#define NUM_VEC_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "num/sleef.h"
#include "num/tile.h"

#define CONCAT_(a, b) a##_##b
#define CONCAT(a, b)  CONCAT_(a, b)
#define PER_ISA(name) CONCAT(name, ISA_SUFFIX)
#define INLINE        static inline __attribute__((always_inline))
#define UNROLL(n)     _Pragma(UNROLL_TEXT(n))
#ifdef __clang__
#define UNROLL_TEXT(n) UNROLL_STR(clang loop unroll(full))
#else
#define UNROLL_TEXT(n) UNROLL_STR(GCC unroll n)
#endif
#define UNROLL_STR(x) #x

#if defined(__AVX512F__)
#define VL 16
#include <immintrin.h>
#elif defined(__AVX2__)
#define VL 8
#include <immintrin.h>
#else
#define VL 1
#endif

/* The parts of a row: l = 0, VL, ... */
#define LANES(l) for (int l = 0; l < L; l += VL)

#if VL > 1
typedef float vec __attribute__((vector_size(4 * VL), aligned(4 * VL), may_alias));
typedef int32_t ivec __attribute__((vector_size(4 * VL), aligned(4 * VL), may_alias));
#else
typedef float vec;
typedef int32_t ivec;
#endif

/* Row i of an array, at the lanes that p points to. */
INLINE vec v_load(const float *p, long i) { return *(const vec *)(p + L * i); }
INLINE void v_store(float *p, long i, vec v) { *(vec *)(p + L * i) = v; }
/* The same value, kept in a register: compilers would rather fetch it anew for each use. */
INLINE vec v_hold(vec v) {
#ifdef __x86_64__
  __asm__("" : "+v"(v));
#endif
  return v;
}

#if VL == 16
INLINE vec v_set(float a) { return (vec)_mm512_set1_ps(a); }
INLINE vec v_fma(vec a, vec b, vec c) {
  return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
INLINE vec v_sqrt(vec a) { return (vec)_mm512_sqrt_ps((__m512)a); }
INLINE vec v_max(vec a, vec b) { return (vec)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE vec v_min(vec a, vec b) { return (vec)_mm512_min_ps((__m512)a, (__m512)b); }
typedef __mmask16 mask; /* one bit per lane */
INLINE mask v_gt(vec a, vec b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ); }
INLINE vec v_select(mask m, vec a, vec b) {
  return (vec)_mm512_mask_blend_ps(m, (__m512)b, (__m512)a);
}
INLINE void m_store(uint16_t *p, int l, mask m) { (void)l, *p = m; }
INLINE mask m_load(const uint16_t *p, int l) { return (void)l, *p; }
#elif VL == 8
INLINE vec v_set(float a) { return (vec)_mm256_set1_ps(a); }
INLINE vec v_fma(vec a, vec b, vec c) {
  return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
INLINE vec v_sqrt(vec a) { return (vec)_mm256_sqrt_ps((__m256)a); }
INLINE vec v_max(vec a, vec b) { return (vec)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE vec v_min(vec a, vec b) { return (vec)_mm256_min_ps((__m256)a, (__m256)b); }
typedef ivec mask; /* all bits of a lane */
INLINE mask v_gt(vec a, vec b) { return (mask)(a > b); }
INLINE vec v_select(mask m, vec a, vec b) {
  return (vec)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)m);
}
INLINE void m_store(uint16_t *p, int l, mask m) {
  ((uint8_t *)p)[l >> 3] = (uint8_t)_mm256_movemask_ps((__m256)m);
}
INLINE mask m_load(const uint16_t *p, int l) {
  const ivec bit = {1, 2, 4, 8, 16, 32, 64, 128};
  return (((ivec){0} + ((const uint8_t *)p)[l >> 3]) & bit) == bit;
}
#else
INLINE vec v_set(float a) { return a; }
INLINE vec v_fma(vec a, vec b, vec c) { return fmaf(a, b, c); }
INLINE vec v_sqrt(vec a) { return sqrtf(a); }
INLINE vec v_max(vec a, vec b) { return a > b ? a : b; }
INLINE vec v_min(vec a, vec b) { return a < b ? a : b; }
typedef int mask; /* 0 or 1 */
INLINE mask v_gt(vec a, vec b) { return a > b; }
INLINE vec v_select(mask m, vec a, vec b) { return m ? a : b; }
INLINE void m_store(uint16_t *p, int l, mask m) {
  *p = (uint16_t)((*p & ~(1u << l)) | (unsigned)m << l);
}
INLINE mask m_load(const uint16_t *p, int l) { return *p >> l & 1; }
#endif

/* Elementary functions, each lane the same bits in every build (SLEEF, at most 1 ulp). */
#if VL == 16
#define V_SLEEF(f, ulp, x) ((vec)Sleef_finz_##f##f16_##ulp##avx512f((__m512)(x)))
#elif VL == 8
#define V_SLEEF(f, ulp, x) ((vec)Sleef_finz_##f##f8_##ulp##avx2((__m256)(x)))
#else
#define V_SLEEF(f, ulp, x) (Sleef_finz_##f##f1_##ulp##purecfma(x))
#endif
INLINE vec v_exp(vec x) { return V_SLEEF(exp, u10, x); }
INLINE vec v_log(vec x) { return V_SLEEF(log, u10, x); }
INLINE vec v_log1p(vec x) { return V_SLEEF(log1p, u10, x); }
INLINE vec v_expm1(vec x) { return V_SLEEF(expm1, u10, x); }
INLINE vec v_tanh(vec x) { return V_SLEEF(tanh, u10, x); }

#endif
