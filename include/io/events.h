/* Event files as TensorBoard reads them: a folder with one file for each start of a run, in the
 * order of their names. A file holds records, each an event (src/io/event.proto) between its
 * length and masked CRCs of both. The first says the version, the second where the session begins:
 * what older files say of that step and later ones is dropped by the reader, so that a run that
 * was resumed from a checkpoint has each step once.
 *
 * Values are gathered, then written as one event with its step. */
#ifndef IO_EVENTS_H
#define IO_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct Events Events;

/* Local. Make the folder and a file in it. start: how often the run was started; first: the step
 * that comes next. Owns: the caller, events_close; NULL after an error. Errors: cannot write. */
Err events_open(Events **events, const char *folder, int64_t start, int64_t first);
/* "group/name"; a number that is none is left out. */
void events_number(Events *events, const char *group, const char *name, double number);
/* Grey values (rows, columns), 0 black. */
void events_image(Events *events, const char *group, const char *name, const uint8_t *grey,
                  int rows, int columns);
/* Write what was gathered. Errors: cannot write. */
Err events_step(Events *events, int64_t step);
void events_close(Events **events);

/* The check sum of records: CRC-32C (Castagnoli), not masked. Source: RFC 3720, appendix B.4. */
uint32_t events_crc(const void *bytes, size_t n);

#endif
