#include "base/provenance.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "jetnae_config.h"
#include "jetnae_version.h"

enum { FACTS = 64 };
static Fact fact[FACTS + 1];
static int facts;

static int find(const char *name) {
  int i = 0;
  while (i < facts && strcmp(fact[i].name, name)) i++;
  return i;
}

void provenance_set(const char *name, const char *format, ...) {
  char *value;
  va_list args;
  va_start(args, format);
  int length = vasprintf(&value, format, args);
  va_end(args);
  CHECK(length >= 0, "no memory");
  int i = find(name);
  CHECK(i < FACTS, "more than %d facts", FACTS);
  if (i == facts)
    fact[facts++].name = strdup(name);
  else
    free((char *)fact[i].value);
  fact[i].value = value;
}

static void set_time(const char *name) {
  char when[64];
  time_t t = time(NULL);
  strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime(&t));
  provenance_set(name, "%s", when);
}

void provenance_ended(bool over) {
  int i = find("ended");
  if (over) {
    set_time("ended");
  } else if (i < facts) {
    free((char *)fact[i].name);
    free((char *)fact[i].value);
    fact[i] = fact[--facts];
    fact[facts] = (Fact){0};
  }
}

const Fact *provenance_facts(void) { return fact; }

const char *provenance_version(void) {
  return strstr(JETNAE_VCS, "-dirty") ? JETNAE_VERSION "+dirty" : JETNAE_VERSION;
}

static void note_job(void) {
  const char *job = getenv("SLURM_JOB_ID"), *array = getenv("SLURM_ARRAY_JOB_ID");
  const char *task = getenv("SLURM_ARRAY_TASK_ID"), *restarts = getenv("SLURM_RESTART_COUNT");
  if (job) provenance_set("slurm_job", "%s", job);
  if (array && task) provenance_set("slurm_array", "%s_%s", array, task);
  if (restarts) provenance_set("slurm_restarts", "%s", restarts);
}

void provenance_init(int argc, char **argv) {
  char line[8192] = "", host[256] = "", folder[4096] = "";
  setlocale(LC_ALL, "C");
  for (int i = 0; i < argc; i++) {
    size_t used = strlen(line);
    snprintf(line + used, sizeof line - used, "%s%s", i ? " " : "", argv[i]);
  }
  gethostname(host, sizeof host - 1);
  provenance_set("version", "%s", provenance_version());
  provenance_set("revision", "%s", JETNAE_VCS);
  provenance_set("compiler", "%s", JETNAE_COMPILER);
  provenance_set("flags", "%s", JETNAE_FLAGS);
  provenance_set("command", "%s", line);
  if (getcwd(folder, sizeof folder)) provenance_set("directory", "%s", folder);
  provenance_set("host", "%s", host);
  set_time("started");
  provenance_set("libraries", "%s", JETNAE_LIBRARIES);
  note_job();
}

static void put_json_text(FILE *out, const char *text) {
  fputc('"', out);
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\')
      fprintf(out, "\\%c", c);
    else if (c < 0x20)
      fprintf(out, "\\u%04x", c);
    else
      fputc(c, out);
  }
  fputc('"', out);
}

void provenance_json(FILE *out, const char *indent) {
  fputc('{', out);
  for (const Fact *f = fact; f->name; f++) {
    fprintf(out, "%s\n%s  ", f == fact ? "" : ",", indent);
    put_json_text(out, f->name);
    fputs(": ", out);
    put_json_text(out, f->value);
  }
  fprintf(out, "\n%s}", indent);
}
