/* Philox4x32-10 on sixteen lanes, bit for bit rng_bits. Source: Salmon et al., SC 2011.
 *
 * Each 32-bit word lives in the low half of a 64-bit lane: the full product of two words is then
 * one instruction, whose upper half is shifted down and whose lower half is used where it lies;
 * what is left in the upper halves is never looked at. */
#ifndef NUM_PHILOX_H
#define NUM_PHILOX_H

#include "num/dvec.h"
#include "num/rng.h"

#if VL == 16
typedef __m512i wide;
INLINE wide w_set(uint32_t a) { return _mm512_set1_epi64(a); }
INLINE wide w_load(const uint64_t *p) { return _mm512_loadu_si512(p); }
INLINE wide w_high(wide a) { return _mm512_srli_epi64(a, 32); }
INLINE wide w_mul(wide a, wide b) { return _mm512_mul_epu32(a, b); }
INLINE wide w_xor3(wide a, wide b, wide c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
INLINE void w_store(uint32_t *p, wide a) {
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi64_epi32(a));
}
#elif VL == 8
typedef __m256i wide;
INLINE wide w_set(uint32_t a) { return _mm256_set1_epi64x(a); }
INLINE wide w_load(const uint64_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE wide w_high(wide a) { return _mm256_srli_epi64(a, 32); }
INLINE wide w_mul(wide a, wide b) { return _mm256_mul_epu32(a, b); }
INLINE wide w_xor3(wide a, wide b, wide c) { return _mm256_xor_si256(a, _mm256_xor_si256(b, c)); }
INLINE void w_store(uint32_t *p, wide a) {
  const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
  _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(a, even)));
}
#else
typedef uint64_t wide;
INLINE wide w_set(uint32_t a) { return a; }
INLINE wide w_load(const uint64_t *p) { return *p; }
INLINE wide w_high(wide a) { return a >> 32; }
INLINE wide w_mul(wide a, wide b) { return (uint64_t)(uint32_t)a * (uint32_t)b; }
INLINE wide w_xor3(wide a, wide b, wide c) { return a ^ b ^ c; }
INLINE void w_store(uint32_t *p, wide a) { *p = (uint32_t)a; }
#endif

/* words[k][l]: word k of rng_bits(key, id[l], step, draw) */
INLINE void philox_row(uint32_t words[4][L], RngKey key, const uint64_t id[L], uint32_t step,
                       uint32_t draw) {
  D_LANES(l) {
    wide a = w_load(id + l), b = w_high(a), c = w_set(step), d = w_set(draw);
    uint32_t k0 = key.k[0], k1 = key.k[1];
    UNROLL(10) for (int round = 0; round < 10; round++) {
      wide p = w_mul(a, w_set(0xD2511F53)), q = w_mul(c, w_set(0xCD9E8D57));
      a = w_xor3(w_high(q), b, w_set(k0));
      c = w_xor3(w_high(p), d, w_set(k1));
      b = q;
      d = p;
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    w_store(words[0] + l, a);
    w_store(words[1] + l, b);
    w_store(words[2] + l, c);
    w_store(words[3] + l, d);
  }
}

#endif
