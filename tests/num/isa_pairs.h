/* Every build of a kernel against the plain C build, bit for bit. A test hands over a function
 * that writes `n` floats; it runs once under each instruction set that this processor has, into
 * memory that is filled with NaN and guarded on both sides:
 *
 *   static void run(float *out, const void *input) { rows()->scale(...); }
 *   isa_pairs("scale", run, &input, n);
 *
 * What the kernel may read and what it must write are thus both seen. */
#ifndef TESTS_ISA_PAIRS_H
#define TESTS_ISA_PAIRS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "near.h"
#include "num/isa.h"

enum { GUARD = 64 }; /* floats on either side */

/* n floats, all NaN, at a multiple of 64 bytes, between guards. */
static inline float *guarded_new(size_t n) {
  size_t rest = (16 - n % 16) % 16, all = GUARD + n + rest + GUARD;
  uint32_t *words = aligned_alloc(64, all * sizeof *words);
  assert_non_null(words);
  for (size_t i = 0; i < all; i++)
    words[i] = i < GUARD || i >= GUARD + n ? 0xdeadbeef : 0x7fc00000;
  return (float *)(words + GUARD);
}

/* Nothing outside the n floats was written. Frees them. */
static inline void guarded_end(float *x, size_t n) {
  const uint32_t *words = (const uint32_t *)x - GUARD;
  for (size_t i = 0; i < GUARD; i++) {
    assert_int_equal(words[i], 0xdeadbeef);
    assert_int_equal(words[GUARD + n + i], 0xdeadbeef);
  }
  free(x - GUARD);
}

static inline void isa_pairs(const char *what, void (*run)(float *out, const void *input),
                             const void *input, size_t n) {
  Isa before = isa_current();
  float *plain = guarded_new(n);
  isa_set(ISA_C);
  run(plain, input);
  for (int isa = ISA_C + 1; isa < ISA_COUNT; isa++) {
    if (!isa_supported((Isa)isa)) continue;
    float *out = guarded_new(n);
    isa_set((Isa)isa);
    run(out, input);
    if (memcmp(out, plain, n * sizeof *out))
      fail_msg("%s: %s differs from c (n = %zu)", what, isa_name((Isa)isa), n);
    guarded_end(out, n);
  }
  guarded_end(plain, n);
  isa_set(before);
}

/* A plain generator for test inputs: splitmix64. */
static inline uint64_t test_bits(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

/* In [-1, 1). */
static inline float test_float(uint64_t *state) {
  return (float)(int32_t)test_bits(state) * 0x1p-31f;
}

/* n values in [-1, 1), among them zeros of both signs, subnormals and large ones. */
static inline void test_fill(float *x, size_t n, uint64_t *state) {
  for (size_t i = 0; i < n; i++) {
    static const float SPECIAL[] = {0, -0.0f, 0x1p-140f, -0x1.8p-130f, 0x1p40f, -0x1.4p30f};
    uint64_t bits = test_bits(state);
    x[i] = bits % 64 < 6 ? SPECIAL[bits % 64] : test_float(state);
  }
}

#endif
