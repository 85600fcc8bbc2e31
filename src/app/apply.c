#include "app/apply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/members.h"
#include "app/origin.h"
#include "eval/input.h"
#include "io/outfile.h"

/* RUN is a run directory or a model file: where the model is, and where the result goes if not
 * said. */
static Err find_files(Apply *apply, const Config *config, const char *file) {
  struct stat info;
  const char *run = config->run;
  TRY(members_want_one(run));
  bool folder = !stat(run, &info) && S_ISDIR(info.st_mode);
  snprintf(apply->model_path, APPLY_PATH, folder ? "%s/model.h5" : "%s", run);
  if (folder && stat(apply->model_path, &info))
    return err_user("%s: no model.h5 in this directory; want a run directory in which `jetnae "
                    "train` has come to its first validation",
                    run);
  if (config->out)
    snprintf(apply->out, APPLY_PATH, "%s", config->out);
  else if (folder)
    snprintf(apply->out, APPLY_PATH, "%s/%s", run, file);
  else
    snprintf(apply->out, APPLY_PATH, "%s", file);
  return OK;
}

/* Said before the work, not after it. */
static Err check_writable(const char *out, const char *file) {
  char folder[APPLY_PATH];
  struct stat info;
  snprintf(folder, sizeof folder, "%s", out);
  char *slash = strrchr(folder, '/');
  if (slash) slash[slash == folder] = 0;
  if (!stat(out, &info) && S_ISDIR(info.st_mode))
    return err_user("out: found the directory %s, want a file, such as %s/%s", out, out, file);
  TRY(outfile_may_replace(out));
  if (access(slash ? folder : ".", W_OK | X_OK))
    return err_user("%s: cannot be written (%s); choose another out=, or make the directory", out,
                    strerror(errno));
  return OK;
}

/* What makes the result comes from the model; what the run needs is this run's. */
static Err take_config(const Apply *apply, Config *config) {
  const int threads = config->train.threads;
  TRY(config_read_text(config, apply->model_path, apply->model.config));
  config->train.threads = threads;
  if (config->rows_to) config->data.limit = config->rows_to;
  return OK;
}

/* The model that was found, and its configuration. */
static Err take_model(Apply *apply, const Comm *comm, Config *config) {
  TRY(comm_agree(comm, model_load(apply->model_path, &apply->model)));
  origin_note_model(apply->model_path);
  Err e = comm_agree(comm, take_config(apply, config));
  if (e) apply_close(apply);
  return e;
}

Err apply_open(Apply *apply, const Comm *comm, Config *config, const char *file) {
  *apply = (Apply){0};
  Err e = find_files(apply, config, file);
  if (!e && comm_rank(comm) == 0) e = check_writable(apply->out, file);
  TRY(comm_agree(comm, e));
  return take_model(apply, comm, config);
}

Err apply_open_model(Apply *apply, const Comm *comm, Config *config) {
  *apply = (Apply){0};
  TRY(comm_agree(comm, find_files(apply, config, "")));
  return take_model(apply, comm, config);
}

static Err take_rows(Apply *apply, const Config *config) {
  long rows = apply->data.rows;
  apply->rows = (Range){config->rows_from, config->rows_to ? config->rows_to : rows};
  if (apply->rows.to <= rows && apply->rows.from <= apply->rows.to) return OK;
  return err_user("rows.from, rows.to: found %ld to %ld, want rows among the %ld of the input",
                  apply->rows.from, apply->rows.to, rows);
}

Err apply_read(Apply *apply, const Comm *comm, Config *config, const char *what) {
  const char *path = config->data.source.path;
  TRY(input_load(&apply->data, comm, &config->data, &apply->model, config->train.threads,
                 what));
  TRY(take_rows(apply, config));
  origin_note_data("input", path, config->data.source.reader, apply->data.checksum);
  return OK;
}

Err apply_wants_decoder(const Apply *apply, const char *what) {
  if (!net_scalar(apply->model.net)) return OK;
  return err_user("%s: found a network without decoder (energy scalar), which has no %s; want an "
                  "autoencoder. score, evidence and export take this one",
                  apply->model_path, what);
}

void apply_close(Apply *apply) {
  if (apply->data.rows) dataset_free(&apply->data);
  model_free(&apply->model);
}

void apply_print_refused(const Dataset *data) {
  long all = data->refused_empty + data->refused_nan + data->refused_negative;
  printf("%ld rows read, %ld refused (%ld empty jets, %ld with NaN or Inf, %ld with negative "
         "energy)\n",
         data->rows, all, data->refused_empty, data->refused_nan, data->refused_negative);
}
