/* Several runs of one command, side by side: the ranks split into groups, and group g does members
 * g, g + groups, ... one after the other. What a member leaves does not depend on its group. */
#ifndef APP_MEMBERS_H
#define APP_MEMBERS_H

#include "par/comm.h"

/* Collective. groups 0: one for each rank, at most n. Errors: the first of each group ends it. */
Err members_run(const Comm *comm, int groups, int n,
                Err (*run)(const Comm *comm, void *self, int member), void *self);

#endif
