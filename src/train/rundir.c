#include "train/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/provenance.h"
#include "io/outfile.h"

enum { KEPT = 2 }; /* checkpoints */

void rundir_path(const Rundir *dir, char path[RUNDIR_PATH], const char *name) {
  int n = snprintf(path, RUNDIR_PATH, "%s/%s", dir->out, name);
  CHECK(n < RUNDIR_PATH, "path too long: %s/%s", dir->out, name);
}

void rundir_checkpoint(const Rundir *dir, char path[RUNDIR_PATH], int64_t step) {
  char name[64];
  snprintf(name, sizeof name, "checkpoints/step-%012" PRId64 ".h5", step);
  rundir_path(dir, path, name);
}

/* Small files, whole. */

/* Owns: the caller, free(). NULL: there is none. */
static char *read_text(const char *path) {
  FILE *file = fopen(path, "r");
  char *text = NULL;
  size_t size = 0;
  if (!file) return NULL;
  if (getdelim(&text, &size, '\0', file) < 0) {
    free(text);
    text = strdup("");
  }
  fclose(file);
  return text;
}

/* A write that a full disk cuts short says why only when it goes on. */
static bool write_all(int fd, const char *text, size_t n) {
  ssize_t done = 0;
  for (; n && (done = write(fd, text, n)) > 0; n -= (size_t)done) text += done;
  return n == 0;
}

/* Replace a file: temporary name, sync, rename. */
static Err write_text(const char *path, const char *text) {
  char temporary[RUNDIR_PATH + 8];
  snprintf(temporary, sizeof temporary, "%s.part", path);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return err_user("%s: cannot write: %s", temporary, strerror(errno));
  bool good = write_all(fd, text, strlen(text)) && !fsync(fd);
  good = !close(fd) && good;
  if (good && !rename(temporary, path)) return OK;
  Err e = err_user("%s: cannot write: %s", path, strerror(errno));
  unlink(temporary);
  return e;
}

Err rundir_text(const Rundir *dir, const char *name, const char *text) {
  char path[RUNDIR_PATH];
  rundir_path(dir, path, name);
  return write_text(path, text);
}

/* mkdir -p */
static Err make_folder(const char *path) {
  char part[RUNDIR_PATH];
  snprintf(part, sizeof part, "%s", path);
  for (char *slash = part + 1; *slash; slash++) {
    if (*slash != '/') continue;
    *slash = '\0';
    mkdir(part, 0777);
    *slash = '/';
  }
  if (mkdir(part, 0777) && errno != EEXIST)
    return err_user("%s: cannot make the run directory: %s", path, strerror(errno));
  return OK;
}

/* The list of checkpoints. */

static int newest_first(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x < y) - (x > y);
}

/* Steps of the checkpoints there, newest first; returns how many. */
static int list_checkpoints(const Rundir *dir, int64_t step[RUNDIR_CHECKPOINTS]) {
  char path[RUNDIR_PATH];
  int n = 0, used;
  rundir_path(dir, path, "checkpoints");
  DIR *folder = opendir(path);
  if (!folder) return 0;
  for (struct dirent *entry; n < RUNDIR_CHECKPOINTS && (entry = readdir(folder));) {
    used = 0;
    if (sscanf(entry->d_name, "step-%" SCNd64 ".h5%n", &step[n], &used) == 1 && used > 0 &&
        !entry->d_name[used])
      n++;
  }
  closedir(folder);
  qsort(step, (size_t)n, sizeof *step, newest_first);
  return n;
}

void rundir_discard(const Rundir *dir, int64_t step) {
  char path[RUNDIR_PATH], aside[RUNDIR_PATH + 8];
  rundir_checkpoint(dir, path, step);
  snprintf(aside, sizeof aside, "%s.bad", path);
  rename(path, aside);
}

void rundir_prune(const Rundir *dir, int64_t newest) {
  int64_t step[RUNDIR_CHECKPOINTS];
  char path[RUNDIR_PATH];
  int n = list_checkpoints(dir, step), older = 0;
  for (int i = 0; i < n; i++) {
    if (step[i] > newest || ++older <= KEPT) continue;
    rundir_checkpoint(dir, path, step[i]);
    unlink(path);
  }
}

/* Take away what writers that were killed have left. */
static void sweep(const Rundir *dir) {
  char folder[RUNDIR_PATH], path[2 * RUNDIR_PATH];
  rundir_path(dir, folder, "checkpoints");
  DIR *list = opendir(folder);
  if (!list) return;
  for (struct dirent *entry; (entry = readdir(list));) {
    size_t n = strlen(entry->d_name);
    if (n < 5 || strcmp(entry->d_name + n - 5, ".part")) continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    unlink(path);
  }
  closedir(list);
}

/* Comparing configurations. */

/* One line of *text into line; false at the end. */
static bool next_line(const char **text, char *line, size_t size) {
  if (!**text) return false;
  size_t n = strcspn(*text, "\n");
  snprintf(line, size, "%.*s", (int)n, *text);
  *text += n + ((*text)[n] == '\n');
  return true;
}

static bool has_line(const char *text, const char *wanted) {
  char line[1024];
  while (next_line(&text, line, sizeof line))
    if (!strcmp(line, wanted)) return true;
  return false;
}

/* Append the lines of a that b lacks, a few of them. */
static void list_missing(char *out, size_t size, const char *a, const char *b, char sign) {
  enum { MOST = 12 };
  char line[1024];
  int shown = 0;
  while (next_line(&a, line, sizeof line)) {
    size_t used = strlen(out);
    if (has_line(b, line)) continue;
    if (++shown > MOST) {
      snprintf(out + used, size - used, "\n  %c ...", sign);
      return;
    }
    snprintf(out + used, size - used, "\n  %c %s", sign, line);
  }
}

static Err compare(const Rundir *dir, const char *result) {
  char path[RUNDIR_PATH], difference[4096] = "";
  rundir_path(dir, path, "checkpoints/result.yaml");
  char *there = read_text(path);
  if (!there || !strcmp(there, result)) {
    free(there);
    return OK;
  }
  list_missing(difference, sizeof difference, there, result, '-');
  list_missing(difference, sizeof difference, result, there, '+');
  free(there);
  return err_user("%s: found a run with another configuration (- there, + now):%s\n"
                  "want the same options to continue it, another out=, or fresh=true to throw it "
                  "away",
                  dir->out, difference);
}

/* The fence. */

static void holder_path(const Rundir *dir, char path[RUNDIR_PATH]) {
  rundir_path(dir, path, "checkpoints/run");
}

static Err publish(Rundir *dir) {
  char path[RUNDIR_PATH], host[64] = "";
  struct timespec now;
  holder_path(dir, path);
  char *there = read_text(path);
  dir->run_epoch = 1 + (there ? strtoll(there, NULL, 10) : 0);
  free(there);
  gethostname(host, sizeof host - 1);
  clock_gettime(CLOCK_REALTIME, &now);
  snprintf(dir->holder, sizeof dir->holder, "%" PRId64 " %s %ld %lld.%09ld\n", dir->run_epoch,
           host, (long)getpid(), (long long)now.tv_sec, now.tv_nsec);
  provenance_ended(false); /* this process may have made another run before */
  provenance_set("run_epoch", "%" PRId64, dir->run_epoch);
  return write_text(path, dir->holder);
}

Err rundir_mine(const Rundir *dir) {
  char path[RUNDIR_PATH], there[sizeof dir->holder] = "";
  holder_path(dir, path);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, there, sizeof there - 1);
  if (fd >= 0) close(fd);
  if (n >= 0 && !strcmp(there, dir->holder)) return OK;
  return err_user(
      "%s: another run has taken over this directory (found \"%.*s\", want \"%.*s\"); "
      "this one stops without writing",
      dir->out, (int)strcspn(there, "\n"), there, (int)strcspn(dir->holder, "\n"), dir->holder);
}

static Err pass_fence(void *self) { return rundir_mine(self); }

Fence rundir_fence(const Rundir *dir) { return (Fence){pass_fence, (void *)dir, dir->run_epoch}; }

/* What the directory says of itself. */

static Err put_provenance(const Rundir *dir) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  CHECK(out, "no memory for provenance");
  provenance_json(out, "");
  fputc('\n', out);
  fclose(out);
  Err e = rundir_text(dir, "provenance.json", text);
  free(text);
  return e;
}

Err rundir_end(const Rundir *dir) {
  TRY(rundir_mine(dir));
  provenance_ended(true);
  return put_provenance(dir);
}

static void throw_away(const Rundir *dir) {
  static const char *const names[] = {"log.csv", "model.h5", "energies.h5",
                                      "checkpoints/result.yaml"};
  int64_t step[RUNDIR_CHECKPOINTS];
  char path[RUNDIR_PATH];
  for (int n = list_checkpoints(dir, step); n > 0; n = list_checkpoints(dir, step))
    for (int i = 0; i < n; i++) {
      rundir_checkpoint(dir, path, step[i]);
      if (unlink(path)) return;
    }
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    rundir_path(dir, path, names[i]);
    unlink(path);
  }
}

void rundir_clear(const char *out) {
  Rundir dir = {0};
  snprintf(dir.out, sizeof dir.out, "%s", out);
  throw_away(&dir);
}

bool rundir_begun(const char *out) {
  Rundir dir = {0};
  char path[RUNDIR_PATH];
  snprintf(dir.out, sizeof dir.out, "%s", out);
  rundir_path(&dir, path, "checkpoints/result.yaml");
  return !access(path, F_OK);
}

static Err open_local(Rundir *dir, const char *result, bool fresh) {
  char path[RUNDIR_PATH];
  if (!fresh) TRY(compare(dir, result));
  rundir_path(dir, path, "checkpoints");
  TRY(make_folder(path));
  TRY(publish(dir));
  sweep(dir);
  if (fresh) throw_away(dir);
  TRY(rundir_text(dir, "checkpoints/result.yaml", result));
  dir->n = list_checkpoints(dir, dir->step);
  return OK;
}

Err rundir_open(Rundir *dir, const Comm *comm, const char *out, const char *result, bool fresh) {
  Err e = OK;
  *dir = (Rundir){0};
  if (strlen(out) + 64 > sizeof dir->out)
    return err_user("out: found a path of %zu characters, want fewer", strlen(out));
  snprintf(dir->out, sizeof dir->out, "%s", out);
  if (comm_rank(comm) == 0) e = open_local(dir, result, fresh);
  TRY(comm_agree(comm, e));
  comm_broadcast(comm, dir, sizeof *dir, 0);
  return OK;
}

static Err say_local(const Rundir *dir, const char *full) {
  TRY(rundir_text(dir, "config.yaml", full));
  return put_provenance(dir);
}

Err rundir_say(const Rundir *dir, const Comm *comm, const char *full) {
  return comm_agree(comm, comm_rank(comm) == 0 ? say_local(dir, full) : OK);
}

/* Under a name of this run's own until it is known that the directory is still its own. */
Err rundir_publish(const Rundir *dir, const Model *model) {
  char path[RUNDIR_PATH], temporary[RUNDIR_PATH], name[64];
  snprintf(name, sizeof name, "model.h5.%" PRId64 ".part", dir->run_epoch);
  rundir_path(dir, temporary, name);
  rundir_path(dir, path, "model.h5");
  Err e = model_save(temporary, model, provenance_facts());
  if (!e) e = rundir_mine(dir);
  if (!e) e = outfile_rename(temporary, path);
  if (e) unlink(temporary);
  return e;
}

bool rundir_stop_file(const char *out) {
  char path[RUNDIR_PATH];
  snprintf(path, sizeof path, "%s/stop", out);
  return !unlink(path);
}
