/* Uniform numbers of a small integer generator that scripts for expected values have too. */
#ifndef TESTS_WORDS_H
#define TESTS_WORDS_H

#include <stdint.h>

/* In (0, 1), 31 bits. */
static inline double words_uniform(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return ((double)(*state >> 33) + 0.5) / 2147483648.;
}

#endif
