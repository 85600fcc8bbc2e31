#include "num/isa.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static const char *const NAMES[] = {[ISA_C] = "c", [ISA_AVX2] = "avx2", [ISA_AVX512] = "avx512"};
_Static_assert(sizeof NAMES / sizeof *NAMES == ISA_COUNT, "every ISA has a name");

static Isa current;

#if defined(__x86_64__)
static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

int isa_supported(Isa isa) {
  __builtin_cpu_init();
  switch (isa) {
  case ISA_C:
    return !!__builtin_cpu_supports("fma");
  case ISA_AVX2:
    return has_avx2();
  case ISA_AVX512:
    return has_avx512();
  default:
    return 0;
  }
}
#else
int isa_supported(Isa isa) { return isa == ISA_C; }
#endif

Isa isa_best(void) {
  for (int isa = ISA_COUNT - 1; isa > ISA_C; isa--)
    if (isa_supported((Isa)isa)) return (Isa)isa;
  return ISA_C;
}

/* Before main, so that a program that never chooses has the best too. */
__attribute__((constructor)) static void choose(void) { current = isa_best(); }

const char *isa_name(Isa isa) { return NAMES[isa]; }

void isa_set(Isa isa) { current = isa; }

Isa isa_current(void) { return current; }

/* "auto, c, avx2": what may be asked for here. */
static const char *supported_names(char *text, size_t size) {
  size_t n = (size_t)snprintf(text, size, "auto");
  for (int isa = ISA_C; isa < ISA_COUNT; isa++)
    if (isa_supported((Isa)isa)) n += (size_t)snprintf(text + n, size - n, ", %s", NAMES[isa]);
  return text;
}

Err isa_use(const char *name) {
  char names[64];
  if (!isa_supported(ISA_C))
    return err_user("isa: this processor has no fused multiply-add (FMA3), want one that has it "
                    "(any x86-64 server since 2013)");
  if (!strcmp(name, "auto")) return isa_set(isa_best()), OK;
  for (int isa = ISA_C; isa < ISA_COUNT; isa++) {
    if (strcmp(name, NAMES[isa])) continue;
    if (!isa_supported((Isa)isa))
      return err_user("isa: found %s, which this processor or build has not; want one of: %s",
                      name, supported_names(names, sizeof names));
    return isa_set((Isa)isa), OK;
  }
  return err_user("isa: found %s, want one of: %s", name, supported_names(names, sizeof names));
}

void isa_fp_control(void) {
#if defined(__x86_64__)
  enum { MXCSR_DEFAULT = 0x1f80 }; /* all exceptions masked, round to nearest, no FTZ, no DAZ */
  _mm_setcsr(MXCSR_DEFAULT);
#endif
}
