#include "app/members.h"

Err members_run(const Comm *comm, int groups, int n,
                Err (*run)(const Comm *comm, void *self, int member), void *self) {
  int most = comm_size(comm) < n ? comm_size(comm) : n, part;
  if (groups == 0 || groups > most) groups = most;
  Comm *group = comm_split(comm, groups, &part);
  Err e = OK;
  for (int m = part; m < n && !e; m += groups) e = run(group, self, m);
  comm_free(&group);
  return comm_agree(comm, e);
}
