/* What the user reads on the terminal: notes, warnings and one progress line with ETA. Only rank
 * 0 speaks. Lines go to stderr; results that a script may want (tables, AUC) go to stdout with
 * printf by the commands. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

void log_init(int rank, bool quiet);
bool log_speaks(void);
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Progress of long work: redrawn in place on a terminal, at most `interval_s` seconds apart, and
 * appended as a line in a batch log. `done` of `total` gives the percentage and the ETA. */
void progress_begin(const char *what, double total, double interval_s);
void progress_at(double done, const char *format, ...) __attribute__((format(printf, 2, 3)));
void progress_end(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
