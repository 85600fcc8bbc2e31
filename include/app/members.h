/* Several runs of one command, side by side: the ranks split into groups, and group g does members
 * g, g + groups, ... one after the other. What a member leaves does not depend on its group. */
#ifndef APP_MEMBERS_H
#define APP_MEMBERS_H

#include "par/comm.h"

/* Collective. groups 0: one for each rank, at most n. Errors: the first of each group ends it. */
Err members_run(const Comm *comm, int groups, int n,
                Err (*run)(const Comm *comm, void *self, int member), void *self);

/* Local. How many members the directory of an ensemble says it has, in DIR/members; 0: it is
 * none. */
int members_recorded(const char *dir);
/* Local. Errors: `run` is the directory of an ensemble, of a scan, of mpdr's first phase alone, for
 * a command that takes one model. */
Err members_want_one(const char *run);
/* Local. Make the directory of an ensemble, or find it as it was left. Errors: another number of
 * members; a plain run; cannot write. */
Err members_record(const char *dir, int n);

#endif
