#include "base/clock.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t requested;

double clock_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double clock_job_end(void) {
  const char *text = getenv("SLURM_JOB_END_TIME");
  struct timespec t;
  char *rest;
  double end = text ? strtod(text, &rest) : 0;
  if (!(end > 0) || *rest) return INFINITY;
  clock_gettime(CLOCK_REALTIME, &t);
  return clock_now() + end - (double)t.tv_sec - 1e-9 * (double)t.tv_nsec;
}

static void on_signal(int number) {
  if (number == SIGINT && requested) signal(SIGINT, SIG_DFL), raise(SIGINT);
  requested = 1;
}

void stop_catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGINT, &action, NULL);
}

bool stop_requested(void) { return requested; }
