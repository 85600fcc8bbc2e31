#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/command.h"
#include "app/members.h"
#include "base/mem.h"
#include "data/source.h"
#include "io/checkpoint.h"
#include "io/lean.h"
#include "model/h5.h"
#include "model/model.h"

enum { PATH_SIZE = 4096 };

static void print_shape(Shape s) {
  if (s.h * s.w == 1)
    printf("%d", s.c);
  else
    printf("%d x %d x %d", s.c, s.h, s.w);
}

static void print_attrs(const Node *node) {
  for (int i = 0; node->op->attrs && node->op->attrs[i].name; i++) {
    const Attr *attr = &node->op->attrs[i];
    if (node->attr[i] == attr->fallback && !attr->required) continue;
    if (attr->kind == ATTR_CHOICE)
      printf(" %s=%s", attr->name, attr->choices[(int)node->attr[i]]);
    else if (attr->kind == ATTR_BOOL)
      printf(" %s=%s", attr->name, node->attr[i] != 0 ? "true" : "false");
    else
      printf(" %s=%g", attr->name, node->attr[i]);
  }
}

static size_t node_params(const Node *node) {
  size_t n = 0;
  for (int t = 0; t < node->n_tensors; t++) n += node->tensor[t].size;
  return n;
}

static void print_model(const Model *model) {
  const Net *net = model->net;
  printf("model: objective %s, %zu parameters", model->objective, net->n_params);
  if (model->temperature > 0) printf(", temperature %.6g", model->temperature);
  printf("\ninput: ");
  print_shape(model->input);
  printf("\n");
  for (int i = 0; i < net->n_nodes; i++) {
    const Node *node = &net->node[i];
    if (i == 0) printf("encoder\n");
    if (i == net->n_encoder) printf("decoder\n");
    printf("  %-12s -> ", node->op->name);
    print_shape(node->out);
    if (node->n_tensors) printf("  (%zu parameters)", node_params(node));
    print_attrs(node);
    printf("\n");
  }
}

/* A text of several lines is indented below its name. */
static void print_value(const char *name, const char *value) {
  bool lines = strchr(value, '\n');
  printf(lines ? "  %s\n" : "  %-16s %s\n", name, value);
  for (size_t n; lines && *value; value += n + (value[n] == '\n')) {
    n = strcspn(value, "\n");
    printf("    %.*s\n", (int)n, value);
  }
}

static herr_t print_fact(hid_t group, const char *name, const H5A_info_t *info, void *to) {
  char *value = h5_get_long_text(group, name);
  if (value) print_value(name, value);
  mem_free(&value);
  return 0;
}

/* Errors: none; a file without it says nothing. */
static void print_provenance(const char *path) {
  hid_t file;
  if (h5_open(&file, path, "an HDF5 file")) {
    err_clear();
    return;
  }
  hid_t group = h5_find(file, "provenance");
  if (group >= 0) {
    printf("provenance\n");
    H5Aiterate2(group, H5_INDEX_NAME, H5_ITER_INC, NULL, print_fact, NULL);
  }
  h5_close(group);
  h5_close(file);
}

static Err describe_data(const Config *config, const char *path) {
  SourceOpts opts = config->data.source;
  Source source;
  opts.path = path;
  TRY(source_open(&source, &opts));
  printf("data (%s): %ld rows of ", source.reader->name, source.rows);
  if (source.kind == SOURCE_JETS)
    printf("jets with up to %d constituents", source.slots);
  else
    print_shape(source.shape);
  printf("%s%s%s\n", source.has_label ? ", labels" : "", source.has_weight ? ", weights" : "",
         source.has_truth ? ", truth" : "");
  source_close(&source);
  return OK;
}

/* What an HDF5 file says it is, if anything. */
static bool read_format(const char *path, char *format, size_t size) {
  hid_t file;
  if (h5_open(&file, path, "an HDF5 file")) return err_clear(), false;
  bool known = h5_get_text(file, "format", format, size);
  h5_close(file);
  return known;
}

static Err describe_model(const char *path) {
  Model model = {0};
  TRY(model_load(path, &model));
  print_model(&model);
  model_free(&model);
  return OK;
}

/* The state's step; -1: not there. */
static long checkpoint_step(const char *path) {
  hid_t file, data;
  long step = -1;
  if (h5_open(&file, path, CHECKPOINT_NAME)) return err_clear(), -1;
  data = h5_find(file, "state/step");
  if (data >= 0 && H5Dread(data, H5T_NATIVE_LONG, H5S_ALL, H5S_ALL, H5P_DEFAULT, &step) < 0)
    step = -1;
  h5_close(data);
  h5_close(file);
  return step;
}

/* provenance.json, as it is. */
static Err print_text(const char *path) {
  char *text;
  TRY(config_file(&text, path));
  fputs(text, stdout);
  free(text);
  return OK;
}

static bool is_text(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot && (!strcmp(dot, ".json") || !strcmp(dot, ".yaml"));
}

/* By the one reader that the file names: what it refuses is damaged, not another kind of file. */
static Err describe_file(const Config *config, const char *path) {
  char format[64] = "";
  if (!read_format(path, format, sizeof format)) *format = 0;
  if (is_text(path)) return print_text(path);
  if (!strcmp(format, "jetnae model"))
    TRY(describe_model(path));
  else if (!strcmp(format, CHECKPOINT_NAME))
    printf("%s of step %ld\n", format, checkpoint_step(path));
  else if (!strncmp(format, "jetnae ", 7) && !lean_knows(path))
    printf("%s\n", format);
  else
    TRY(describe_data(config, path));
  print_provenance(path);
  return OK;
}

static Err run(const Comm *comm, Config *config) {
  char path[PATH_SIZE];
  struct stat info;
  if (comm_rank(comm)) return OK;
  TRY(members_want_one(config->run));
  bool folder = !stat(config->run, &info) && S_ISDIR(info.st_mode);
  snprintf(path, sizeof path, folder ? "%s/model.h5" : "%s", config->run);
  if (folder && stat(path, &info)) snprintf(path, sizeof path, "%s/provenance.json", config->run);
  if (stat(path, &info))
    return err_user("%s: no such file%s", path, folder ? "; this directory holds no run" : "");
  printf("%s\n", path);
  TRY(describe_file(config, path));
  return fflush(stdout) ? err_user("standard output: cannot be written") : OK;
}

const Command cmd_info = {
    .name = "info",
    .usage = "FILE",
    .summary = "what a model, a run directory or a data file is",
    .help = "For a model or a run directory: layers with their shapes, number of parameters,\n"
            "temperature. For data: how it is read, rows, labels. For whatever jetnae wrote:\n"
            "version, command line, host, ranks and threads that made it, its configuration and\n"
            "data. `jetnae train from=FILE out=DIR` runs the training behind it again.\n"
            "\n"
            "  jetnae info runs/qcd\n"
            "  jetnae info test.h5\n",
    .takes_run = true,
    .run = run,
};
