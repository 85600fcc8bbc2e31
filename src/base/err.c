#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char message[4096];
static void (*abort_hook)(int code);
static int my_rank;

Err err_user(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  return ERR_USER;
}

Err err_where(Err e, const char *format, ...) {
  char text[sizeof message], old[sizeof message];
  if (!e) return e;
  memcpy(old, message, sizeof old);
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  size_t n = strlen(text);
  memcpy(message, text, n);
  snprintf(message + n, sizeof message - n, "%s", old);
  return e;
}

const char *err_message(void) { return message; }
void err_set_message(const char *text) { snprintf(message, sizeof message, "%s", text); }
void err_clear(void) { message[0] = 0; }

void err_set_abort(void (*hook)(int code), int rank) {
  abort_hook = hook;
  my_rank = rank;
}

void err_die(const char *file, int line, const char *format, ...) {
  va_list args;
  fprintf(stderr, "jetnae: rank %d: %s:%d: ", my_rank, file, line);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  if (abort_hook) abort_hook(ERR_FAULT);
  abort();
}
