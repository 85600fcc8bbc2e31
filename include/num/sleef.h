/* SLEEF with its FMA variants: they are declared only where the compiler says that FMA is fast,
 * and clang does not say so. Include this, not <sleef.h>. */
#ifndef NUM_SLEEF_H
#define NUM_SLEEF_H

#include <math.h>
#ifndef FP_FAST_FMA
#define FP_FAST_FMA 1
#endif
#ifndef FP_FAST_FMAF
#define FP_FAST_FMAF 1
#endif
#include <sleef.h>

#endif
