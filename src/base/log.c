#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static int my_rank;
static bool silent;
static bool on_line; /* a progress line stands on the terminal */

static struct {
  bool active;
  char what[64];
  double total, interval_s, started, last;
} now;

void log_init(int rank, bool quiet) {
  my_rank = rank;
  silent = quiet;
}

bool log_speaks(void) { return my_rank == 0 && !silent; }

static void speak(const char *prefix, const char *format, va_list args) {
  if (on_line) fputs("\r\033[K", stderr);
  on_line = false;
  fputs(prefix, stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
}

void log_note(const char *format, ...) {
  if (!log_speaks()) return;
  va_list args;
  va_start(args, format);
  speak("", format, args);
  va_end(args);
}

void log_warn(const char *format, ...) {
  if (my_rank != 0) return;
  va_list args;
  va_start(args, format);
  speak("warning: ", format, args);
  va_end(args);
}

void progress_begin(const char *what, double total, double interval_s) {
  snprintf(now.what, sizeof now.what, "%s", what);
  now.active = true;
  now.total = total;
  now.interval_s = interval_s;
  now.started = clock_now();
  now.last = now.started;
}

static void describe_time(char *text, size_t size, double s) {
  if (s < 0 || s > 1e8)
    snprintf(text, size, "?");
  else if (s < 100)
    snprintf(text, size, "%.0f s", s);
  else if (s < 6000)
    snprintf(text, size, "%.0f min", s / 60);
  else
    snprintf(text, size, "%.1f h", s / 3600);
}

void progress_at(double done, const char *format, ...) {
  if (!now.active || !log_speaks()) return;
  bool terminal = isatty(STDERR_FILENO);
  double t = clock_now(), interval_s = terminal ? 0.2 : now.interval_s;
  if (t - now.last < interval_s) return;
  now.last = t;
  char eta[32], detail[512];
  describe_time(eta, sizeof eta, done > 0 ? (t - now.started) * (now.total - done) / done : -1);
  va_list args;
  va_start(args, format);
  vsnprintf(detail, sizeof detail, format, args);
  va_end(args);
  fprintf(stderr, "%s%s %3.0f %%  %s  ETA %s%s", terminal ? "\r\033[K" : "", now.what,
          now.total > 0 ? 100 * done / now.total : 0, detail, eta, terminal ? "" : "\n");
  fflush(stderr);
  on_line = terminal;
}

void progress_end(const char *format, ...) {
  if (!now.active) return;
  now.active = false;
  if (!log_speaks()) return;
  char prefix[128], took[32];
  describe_time(took, sizeof took, clock_now() - now.started);
  snprintf(prefix, sizeof prefix, "%s done in %s  ", now.what, took);
  va_list args;
  va_start(args, format);
  speak(prefix, format, args);
  va_end(args);
}
