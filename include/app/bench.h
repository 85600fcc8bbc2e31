/* What `jetnae bench` is made of: a clock that takes the best of several short repetitions, and
 * one printer of results. Speeds of arithmetic are given as effective GFLOP/s, that is counted as
 * direct convolution whatever was done instead, and as a fraction of the FMA peak of this core.
 */
#ifndef APP_BENCH_H
#define APP_BENCH_H

#include <stdbool.h>

#include "app/config.h"
#include "num/isa.h"
#include "par/comm.h"

typedef struct Bench {
  double peak; /* FLOP/s of one core with the ISA in use */
  bool csv, speaks;
  const char *cases; /* run those whose names hold this */
} Bench;

/* Whether a case is wanted. */
bool bench_wants(const Bench *bench, const char *name);

/* Least seconds that one call of work(arg) takes, over about `seconds` of repetitions. */
double bench_seconds(void (*work)(void *arg), void *arg, double seconds);
/* One line: the case, its value, and flops (effective FLOP/s; 0: none to speak of) over the peak.
 */
void bench_print(const Bench *bench, const char *name, double value, const char *unit,
                 double flops);

/* Chains of FMAs in registers: runs n rounds and returns the FLOPs done. src/app/bench_peak.c,
 * once per ISA. */
typedef struct Peak {
  double (*run)(long n);
} Peak;
ISA_DECLARE(Peak, peak);

/* Multiplications and additions of a linear layer for one sample, forward, padding included: each
 * weight at each pixel of the coarse side (the output; of a transposed convolution or a recurrent
 * layer the input). */
double bench_layer_flops(const Node *node);

/* The parts. */
void bench_kernels(const Bench *bench);
/* Collective. Training steps and scores of the reference jet network. Errors: no room. */
Err bench_steps(const Bench *bench, const Comm *comm);
/* Rows per second of a file; path NULL: nothing. Errors: those of the source. */
Err bench_read(const Bench *bench, const char *path);

#endif
