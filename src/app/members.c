#include "app/members.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 4096 };

int members_recorded(const char *dir) {
  char path[PATH];
  int n = 0;
  snprintf(path, sizeof path, "%s/members", dir);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  if (fscanf(file, "%d", &n) != 1 || n < 0) n = 0;
  fclose(file);
  return n;
}

static bool holds(const char *run, const char *name) {
  char path[PATH];
  snprintf(path, sizeof path, "%s/%s", run, name);
  return !access(path, F_OK);
}

/* The autoencoders that mpdr trains first, before DIR itself has begun: the last there is. */
static Err want_manifold(const char *run) {
  char name[32];
  int k = 0;
  do snprintf(name, sizeof name, "manifold-%d", ++k);
  while (holds(run, name));
  return err_user("%s: found the first phase of mpdr at work, want its autoencoder, %s/manifold-%d, "
                  "until the energy's training begins",
                  run, run, k - 1);
}

Err members_want_one(const char *run) {
  int n = members_recorded(run);
  bool begun = holds(run, "config.yaml") || holds(run, "model.h5");
  if (!n && !begun && holds(run, "manifold-0")) return want_manifold(run);
  if (!n && !begun && holds(run, "scan.csv"))
    return err_user("%s: found a scan, want one of its runs (VALUE-seedN); report takes the whole",
                    run);
  if (!n) return OK;
  return err_user("%s: found an ensemble of %d, want one of its members, %s/member-0 to "
                  "%s/member-%d; score and report take the whole",
                  run, n, run, run, n - 1);
}

static Err write_number(const char *path, int n) {
  FILE *file = fopen(path, "w");
  if (!file) return err_user("%s: cannot be written: %s", path, strerror(errno));
  fprintf(file, "%d\n", n);
  if (fclose(file)) return err_user("%s: cannot be written: %s", path, strerror(errno));
  return OK;
}

Err members_record(const char *dir, int n) {
  char path[PATH];
  int found = members_recorded(dir);
  if (found && found != n)
    return err_user("ensemble: found %d, want %d as in %s, or another out=DIR", n, found, dir);
  snprintf(path, sizeof path, "%s/config.yaml", dir);
  if (!access(path, F_OK))
    return err_user("out: found a run that is no ensemble in %s, want another out=DIR", dir);
  if (mkdir(dir, 0777) && errno != EEXIST)
    return err_user("%s: cannot make this directory: %s", dir, strerror(errno));
  snprintf(path, sizeof path, "%s/members", dir);
  return found ? OK : write_number(path, n);
}

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
