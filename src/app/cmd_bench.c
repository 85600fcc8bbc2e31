#include <stdio.h>
#include <string.h>

#include "app/bench.h"
#include "app/command.h"
#include "base/clock.h"

enum { PEAK_ROUNDS = 20 };

double bench_seconds(void (*work)(void *arg), void *arg, double seconds) {
  double start = clock_now(), best = 1e30, spent = 0;
  work(arg);
  double once = clock_now() - start;
  long calls = once < 50e-6 ? (long)(50e-6 / (once + 1e-9)) + 1 : 1;
  for (int i = 0; i < 3 || spent < seconds; i++) {
    start = clock_now();
    for (long k = 0; k < calls; k++) work(arg);
    double took = clock_now() - start;
    if (took / (double)calls < best) best = took / (double)calls;
    spent += took;
  }
  return best;
}

bool bench_wants(const Bench *bench, const char *name) {
  return strstr(name, bench->cases) != NULL;
}

static double measure_peak(void) {
  double best = 0;
  for (int i = 0; i < PEAK_ROUNDS; i++) {
    double start = clock_now(), flops = ISA_PICK(peak)->run(1000000);
    double rate = flops / (clock_now() - start);
    if (rate > best) best = rate;
  }
  return best;
}

void bench_print(const Bench *bench, const char *name, double value, const char *unit,
                 double flops) {
  if (!bench->speaks) return;
  double share = flops / bench->peak;
  if (bench->csv && flops > 0)
    printf("%s,%.6g,%s,%.4f\n", name, value, unit, share);
  else if (bench->csv)
    printf("%s,%.6g,%s,\n", name, value, unit);
  else if (flops > 0)
    printf("%-40s %12.5g %-10s %6.2f\n", name, value, unit, share);
  else
    printf("%-40s %12.5g %-10s\n", name, value, unit);
  fflush(stdout);
}

static void print_head(const Bench *bench) {
  if (!bench->speaks) return;
  if (bench->csv)
    printf("case,value,unit,of_peak\n");
  else
    printf("%-40s %12s %-10s %6s\n", "case", "value", "unit", "of peak");
}

static Err run(const Comm *comm, Config *config) {
  Bench bench = {.csv = config->csv, .speaks = comm_rank(comm) == 0, .cases = config->cases};
  bench.peak = measure_peak();
  print_head(&bench);
  bench_print(&bench, "peak", bench.peak / 1e9, "GFLOP/s", bench.peak);
  bench_kernels(&bench);
  TRY(comm_agree(comm, bench_steps(&bench, comm)));
  return comm_agree(comm, bench_read(&bench, config->data.source.path));
}

const Command cmd_bench = {
    .name = "bench",
    .usage = "[data.input=FILE] [csv=true] [cases=TEXT] [isa=avx2] [key=value ...]",
    .summary = "measure this machine: FMA peak, kernels, steps, scoring, reading",
    .help =
        "First the FMA peak of this core, then the layers of the reference networks, whole steps "
        "of\n"
        "the reference jet network, scoring and reading, in under two minutes. Speeds of "
        "arithmetic\n"
        "are effective: counted as direct convolution, whatever was done instead, so Winograd can\n"
        "exceed the peak. `of peak` is their share of the FMA peak of one core with the ISA in "
        "use.\n"
        "Steps are in samples per second of one core. Of a wnae step, `assignment` is the part in\n"
        "which all ranks and threads wait for the same optimal transport.\n"
        "csv=true prints case,value,unit,of_peak for scripts. data.input names a file to read,\n"
        "say of the top-tagging layout; without it the reading is left out. score1.jets and\n"
        "score16.jets score one jet and sixteen at a time, as event loops do: one over the speed\n"
        "is the time for a jet. cases=weights runs the cases whose names hold that.\n"
        "\n"
        "  jetnae bench csv=true data.input=test.h5\n",
    .run = run,
};
