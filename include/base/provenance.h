/* Where a result comes from: program version and dirty flag, compiler and flags, libraries, command
 * line, host, job, time. Text for people and for /provenance; never an input to a computation. */
#ifndef BASE_PROVENANCE_H
#define BASE_PROVENANCE_H

#include <stdbool.h>
#include <stdio.h>

typedef struct Fact {
  const char *name, *value;
} Fact;

/* Remember the command line (and set the locale of numbers to C). */
void provenance_init(int argc, char **argv);
/* Add or replace a fact (ranks, threads, isa, data checksum). Copies both. */
void provenance_set(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Add the fact "ended", with the time, or take it away. */
void provenance_ended(bool over);
/* All facts, ended by {NULL, NULL}. Borrows: valid until the next provenance_set. */
const Fact *provenance_facts(void);
/* All facts as a JSON object; lines after the first begin with `indent`. */
void provenance_json(FILE *out, const char *indent);
/* "0.1.0" and, for a build from a work tree with changes, "0.1.0+dirty". */
const char *provenance_version(void);

#endif
