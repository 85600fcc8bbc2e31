/* Elementary functions of a double, the same bits on every processor (SLEEF's deterministic
 * scalar variants with FMA, at most 1 ulp). Anything that a result depends on uses these, never
 * libm: glibc picks its variants by processor. Correctly rounded operations (sqrt, fma, floor,
 * fabs, ldexp) are free to use from libm. */
#ifndef NUM_ELEM_H
#define NUM_ELEM_H

double elem_exp(double x);
double elem_log(double x);
double elem_log1p(double x);
double elem_pow(double x, double y);
double elem_tanh(double x);
double elem_atan2(double y, double x);
/* sin(pi x), cos(pi x) */
double elem_sinpi(double x);
double elem_cospi(double x);

#endif
