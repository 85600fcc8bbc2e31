/* The row of sixteen lanes in double: sums that decide something (energies, norms) and steps
 * where float cancels. For isa_sources only; the same rules as num/vec.h. A `dvec` holds DL lanes
 * (8 with AVX-512, 4 with AVX2, 1 in the plain build):
 *
 *   D_LANES(l) for (i = 0; i < n; i++) sum = d_fma(d_load(a + l, i), d_load(b + l, i), sum);
 *
 * Rows in memory are float (d_load, d_store convert) or double (dd_load, dd_store); a single row
 * of sixteen, such as an energy, is row 0 of its array. No alignment is asked for. */
#ifndef NUM_DVEC_H
#define NUM_DVEC_H

#include "num/vec.h"

#define D_LANES(l) for (int l = 0; l < L; l += DL)

#if VL == 16
#define DL 8
typedef double dvec __attribute__((vector_size(64), may_alias));
INLINE dvec d_load(const float *p, long i) {
  return (dvec)_mm512_cvtps_pd(_mm256_loadu_ps(p + L * i));
}
INLINE void d_store(float *p, long i, dvec v) {
  _mm256_storeu_ps(p + L * i, _mm512_cvtpd_ps((__m512d)v));
}
INLINE dvec dd_load(const double *p, long i) { return (dvec)_mm512_loadu_pd(p + L * i); }
INLINE void dd_store(double *p, long i, dvec v) { _mm512_storeu_pd(p + L * i, (__m512d)v); }
INLINE dvec d_set(double a) { return (dvec)_mm512_set1_pd(a); }
INLINE dvec d_fma(dvec a, dvec b, dvec c) {
  return (dvec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
INLINE dvec d_sqrt(dvec a) { return (dvec)_mm512_sqrt_pd((__m512d)a); }
#elif VL == 8
#define DL 4
typedef double dvec __attribute__((vector_size(32), may_alias));
INLINE dvec d_load(const float *p, long i) {
  return (dvec)_mm256_cvtps_pd(_mm_loadu_ps(p + L * i));
}
INLINE void d_store(float *p, long i, dvec v) {
  _mm_storeu_ps(p + L * i, _mm256_cvtpd_ps((__m256d)v));
}
INLINE dvec dd_load(const double *p, long i) { return (dvec)_mm256_loadu_pd(p + L * i); }
INLINE void dd_store(double *p, long i, dvec v) { _mm256_storeu_pd(p + L * i, (__m256d)v); }
INLINE dvec d_set(double a) { return (dvec)_mm256_set1_pd(a); }
INLINE dvec d_fma(dvec a, dvec b, dvec c) {
  return (dvec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
INLINE dvec d_sqrt(dvec a) { return (dvec)_mm256_sqrt_pd((__m256d)a); }
#else
#define DL 1
typedef double dvec;
INLINE dvec d_load(const float *p, long i) { return p[L * i]; }
INLINE void d_store(float *p, long i, dvec v) { p[L * i] = (float)v; }
INLINE dvec dd_load(const double *p, long i) { return p[L * i]; }
INLINE void dd_store(double *p, long i, dvec v) { p[L * i] = v; }
INLINE dvec d_set(double a) { return a; }
INLINE dvec d_fma(dvec a, dvec b, dvec c) { return fma(a, b, c); }
INLINE dvec d_sqrt(dvec a) { return sqrt(a); }
#endif

#endif
