/* The instruction set, chosen once at start. Files in `isa_sources` (meson) are compiled once for
 * each ISA from the same source, with num/vec.h; each exports one const table named PER_ISA(x).
 * Blocking may differ between the builds, the bits of the results may not (contract C1). */
#ifndef NUM_ISA_H
#define NUM_ISA_H

#include "base/err.h"

typedef enum Isa { ISA_C, ISA_AVX2, ISA_AVX512, ISA_COUNT } Isa;

/* Best that this processor has and that this build holds. */
Isa isa_best(void);
int isa_supported(Isa isa);
const char *isa_name(Isa isa); /* "c", "avx2", "avx512" */
/* Use the named one ("auto": the best) from now on. Errors: unknown name, not supported here. */
Err isa_use(const char *name);
void isa_set(Isa isa);
Isa isa_current(void);

/* Set this thread's floating-point control word: round to nearest, no flush to zero. Call it at
 * the start of every parallel region's thread: libraries change it. */
void isa_fp_control(void);

/* ISA_DECLARE(Rows, rows) declares rows_c, rows_avx2, rows_avx512; ISA_PICK(rows) is the address
 * of the one in use. */
#if defined(__x86_64__)
#define ISA_DECLARE(type, name) extern const type name##_c, name##_avx2, name##_avx512
#define ISA_PICK(name)                                                                           \
  (isa_current() == ISA_AVX512 ? &name##_avx512                                                  \
   : isa_current() == ISA_AVX2 ? &name##_avx2                                                    \
                               : &name##_c)
#else
#define ISA_DECLARE(type, name) extern const type name##_c
#define ISA_PICK(name)          (&name##_c)
#endif

#endif
