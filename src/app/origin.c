#include "app/origin.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/provenance.h"
#include "model/h5.h"
#include "num/isa.h"

/* Noting. */

static void note_libraries(void) {
  unsigned major, minor, release;
  char mpi[1024];
  H5get_libversion(&major, &minor, &release);
  comm_library(mpi, sizeof mpi);
  provenance_set("mpi", "%s", mpi);
  provenance_set("hdf5", "%u.%u.%u", major, minor, release);
}

void origin_note_run(const Comm *comm, const char *command, const Config *config) {
  char hosts[4096];
  char *text = config_text(config, false);
  comm_hosts(comm, hosts, sizeof hosts);
  note_libraries();
  provenance_set("task", "%s", command);
  provenance_set("isa", "%s", isa_name(isa_current()));
  provenance_set("ranks", "%d", comm_size(comm));
  provenance_set("threads", "%d", config->train.threads);
  provenance_set("hosts", "%s", hosts);
  provenance_set("config", "%s", text);
  free(text);
}

void origin_note_data(const char *what, const char *path, const char *otherwise,
                      uint64_t checksum) {
  char name[64];
  struct stat info;
  provenance_set(what, "%s", path ? path : otherwise);
  if (path && !stat(path, &info)) {
    snprintf(name, sizeof name, "%s_bytes", what);
    provenance_set(name, "%lld", (long long)info.st_size);
  }
  snprintf(name, sizeof name, "%s_checksum", what);
  provenance_set(name, "%016llx", (unsigned long long)checksum);
}

/* Finding. */

static bool trains(hid_t facts) {
  char task[32] = "";
  h5_get_text(facts, "task", task, sizeof task);
  return !strcmp(task, "train") || !strcmp(task, "scan");
}

/* What an HDF5 file says of the training behind it. Owns: the caller, mem_free. NULL: nothing. */
static char *config_in(const char *path) {
  hid_t file;
  if (h5_open(&file, path, "an HDF5 file")) return err_clear(), NULL;
  hid_t facts = h5_find(file, "provenance");
  char *text = facts < 0 ? NULL : h5_get_long_text(facts, "model_config");
  if (!text && facts >= 0 && trains(facts)) text = h5_get_long_text(facts, "config");
  h5_close(facts);
  h5_close(file);
  return text;
}

void origin_note_model(const char *path) {
  char *text = config_in(path);
  provenance_set("model", "%s", path);
  if (text) provenance_set("model_config", "%s", text);
  mem_free(&text);
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && !strcmp(text + n - m, end);
}

/* The config.yaml of a run directory, of that in which a file lies, or the file itself. */
static Err config_beside(char **text, const char *path) {
  char folder[PATH_MAX], beside[PATH_MAX + 16];
  struct stat info;
  if (stat(path, &info)) return err_user("from: %s: no such file or directory", path);
  if (ends_with(path, ".yaml") || ends_with(path, ".yml")) return config_file(text, path);
  snprintf(folder, sizeof folder, "%s", path);
  snprintf(beside, sizeof beside, "%s/config.yaml",
           S_ISDIR(info.st_mode) ? folder : dirname(folder));
  if (!access(beside, R_OK)) return config_file(text, beside);
  return err_user("from: %s holds no configuration of a training, nor is %s there; want a run "
                  "directory, a file in it, a model, a checkpoint or scores",
                  path, beside);
}

Err origin_config(char **text, const char *path) {
  char *found = config_in(path);
  if (!found) return config_beside(text, path);
  *text = strdup(found);
  mem_free(&found);
  CHECK(*text, "no memory");
  return OK;
}
