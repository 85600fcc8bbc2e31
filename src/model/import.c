#include "model/import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/spelling.h"

enum { NAME_SIZE = 512, TENSOR_NAME = 48, SHAPE_TEXT = 96, LEFT_OUT = -2, NOBODY = -1 };

/* Ours: the network's tensors, then input.mean, input.scale. */
enum { MEAN, SCALE, OTHERS };
static const char *const other_names[OTHERS] = {"input.mean", "input.scale"};

typedef struct Import {
  Model *model;
  const StateDict *dict;
  const char *dict_path, *map_path;
  int n;                     /* of ours */
  char (*ours)[TENSOR_NAME]; /* (n) their names */
  int *theirs;               /* (n) index into dict; NOBODY */
  int *taker;                /* (dict->n) which of ours takes it; NOBODY, LEFT_OUT */
} Import;

static void name_ours(Import *in) {
  int tensors = in->model->net->n_tensors;
  for (int i = 0; i < tensors; i++) net_tensor(in->model->net, i, in->ours[i], NULL);
  for (int i = 0; i < OTHERS; i++)
    snprintf(in->ours[tensors + i], sizeof *in->ours, "%s", other_names[i]);
}

static int find_ours(const Import *in, const char *name) {
  for (int i = 0; i < in->n; i++)
    if (!strcmp(in->ours[i], name)) return i;
  return NOBODY;
}

static const char *our_candidate(const void *of, int i) {
  const Import *in = of;
  return i < in->n ? in->ours[i] : NULL;
}

static const char *their_candidate(const void *of, int i) {
  const StateDict *dict = of;
  return i < dict->n ? dict->tensor[i].name : NULL;
}

/* ---- a map ---- */

static Err unknown_ours(const Import *in, const char *name) {
  return err_user("the network has no tensor %s; did you mean %s? (`ours theirs` on a line)",
                  name, spelling_nearest(name, our_candidate, in));
}

static Err missing_theirs(const Import *in, const char *name) {
  return err_user("%s has no tensor %s; did you mean %s?", in->dict_path, name,
                  spelling_nearest(name, their_candidate, in->dict));
}

static Err pair(Import *in, const char *ours, const char *theirs) {
  bool out = !strcmp(ours, "-");
  int i = out ? LEFT_OUT : find_ours(in, ours), k = state_dict_find(in->dict, theirs);
  if (i == NOBODY) return unknown_ours(in, ours);
  if (k < 0) return missing_theirs(in, theirs);
  if (!out && in->theirs[i] != NOBODY) return err_user("found %s twice, want it once", ours);
  if (in->taker[k] != NOBODY) return err_user("found %s twice, want it once", theirs);
  in->taker[k] = i;
  if (!out) in->theirs[i] = k;
  return OK;
}

static Err read_line(Import *in, const char *line) {
  char ours[NAME_SIZE], theirs[NAME_SIZE], more[2];
  int n = sscanf(line, "%511s %511s %1s", ours, theirs, more);
  if (n <= 0) return OK;
  if (n != 2) return err_user("found %d words, want two: ours theirs", n);
  return pair(in, ours, theirs);
}

static Err read_map(Import *in, const char *map) {
  int number = 1;
  for (const char *line = map; *line; number++) {
    size_t n = strcspn(line, "\n"), used = strcspn(line, "#\n");
    char *text = strndup(line, used);
    CHECK(text, "no memory");
    Err e = err_where(read_line(in, text), "%s:%d: ", in->map_path, number);
    free(text);
    TRY(e);
    line += n + (line[n] == '\n');
  }
  return OK;
}

/* ---- without a map ---- */

/* Letters of a name up to its last dot, with it: the layer. */
static size_t layer_length(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot ? (size_t)(dot - name) + 1 : 0;
}

static bool same_layer(const StateTensor *a, const StateTensor *b) {
  size_t n = layer_length(a->name);
  return n == layer_length(b->name) && !strncmp(a->name, b->name, n);
}

/* Index of their next layer of a part behind tensor k (-1: the first); dict->n: there is none. */
static int next_layer(const StateDict *dict, const char *part, int k) {
  int next = k + 1;
  for (; next < dict->n; next++) {
    const StateTensor *tensor = &dict->tensor[next];
    if (strncmp(tensor->name, part, strlen(part)) || !tensor->x) continue;
    if (k < 0 || !same_layer(tensor, &dict->tensor[k])) break;
  }
  return next;
}

static bool same_tensor(const char *theirs, const char *ours) {
  size_t n = strlen(ours);
  if (!strcmp(ours, "slope") && !strcmp(theirs, "weight")) return true;
  return !strncmp(theirs, ours, n) && (!theirs[n] || !strcmp(theirs + n, "_l0"));
}

/* Tensors first .. of one of our layers against their layer that begins at k. */
static void pair_layer(Import *in, int first, int k) {
  const Net *net = in->model->net;
  for (int i = first; i < net->n_tensors && net->tensor_node[i] == net->tensor_node[first]; i++)
    for (int t = k; t < in->dict->n; t++) {
      const StateTensor *their = &in->dict->tensor[t];
      const Tensor *ours = net_tensor(net, i, NULL, NULL);
      if (!same_layer(their, &in->dict->tensor[k])) continue;
      if (in->taker[t] != NOBODY ||
          !same_tensor(their->name + layer_length(their->name), ours->name))
        continue;
      in->theirs[i] = t, in->taker[t] = i;
      break;
    }
}

static void pair_part(Import *in, const char *part, bool decoder) {
  const Net *net = in->model->net;
  int k = next_layer(in->dict, part, NOBODY);
  for (int i = 0; i < net->n_tensors && k < in->dict->n; i++) {
    bool first = i == 0 || net->tensor_node[i] != net->tensor_node[i - 1];
    if (!first || (net->tensor_node[i] >= net->n_encoder) != decoder) continue;
    pair_layer(in, i, k);
    k = next_layer(in->dict, part, k);
  }
}

/* ---- are they all there? ---- */

static Err check_complete(const Import *in) {
  for (int i = 0; i < in->model->net->n_tensors; i++)
    if (in->theirs[i] == NOBODY)
      return err_user("%s: found nothing for %s; want %s", in->dict_path, in->ours[i],
                      in->map_path ? "a line for it in import.map"
                                   : "the same layers in the same order, or import.map=FILE");
  for (int k = 0; k < in->dict->n; k++)
    if (in->taker[k] == NOBODY)
      return err_user(
          "%s: found %s, which no layer takes; want the same layers in the same order, "
          "or in import.map=FILE the line `- %s`, which leaves it out",
          in->dict_path, in->dict->tensor[k].name, in->dict->tensor[k].name);
  int tensors = in->model->net->n_tensors;
  if ((in->theirs[tensors + MEAN] == NOBODY) != (in->theirs[tensors + SCALE] == NOBODY))
    return err_user("%s: found one of input.mean and input.scale, want both or none",
                    in->map_path);
  return OK;
}

/* ---- numbers ---- */

static void shape_text(char text[SHAPE_TEXT], int n, const long *dims) {
  snprintf(text, SHAPE_TEXT, n ? "" : "none");
  for (int i = 0; i < n; i++) {
    size_t at = strlen(text);
    snprintf(text + at, SHAPE_TEXT - at, i ? " x %ld" : "%ld", dims[i]);
  }
}

static Err check_shape(const StateTensor *their, const Tensor *tensor) {
  char found[SHAPE_TEXT], want[SHAPE_TEXT];
  long dims[4];
  bool same = their->n_dims == tensor->n_dims;
  for (int i = 0; i < tensor->n_dims; i++) dims[i] = tensor->dims[i];
  for (int i = 0; same && i < tensor->n_dims; i++) same = their->dims[i] == dims[i];
  if (same && their->x) return OK;
  shape_text(found, their->n_dims, their->dims);
  shape_text(want, tensor->n_dims, dims);
  return err_user("found the shape %s%s, want %s", found, their->x ? "" : ", not floating-point",
                  want);
}

/* u^T W v, W with the axis of the outputs first, as it is in evaluation. */
static Err find_sigma(double *sigma, const StateTensor *their, const Node *node) {
  int axis = strstr(node->op->name, "transpose") ? 1 : 0;
  size_t rows = (size_t)their->dims[axis], inner = 1;
  for (int i = axis + 1; i < their->n_dims; i++) inner *= (size_t)their->dims[i];
  if (!their->v || their->n_u != rows || their->n_v * rows != their->size)
    return err_user("the vectors of its spectral normalisation have %zu and %zu elements, want "
                    "%zu and %zu",
                    their->n_u, their->n_v, rows, their->size / rows);
  *sigma = 0;
  for (size_t i = 0; i < their->size; i++) {
    size_t outer = i / inner / rows, row = i / inner % rows, column = outer * inner + i % inner;
    *sigma += (double)their->u[row] * (double)their->x[i] * (double)their->v[column];
  }
  if (*sigma > 0 && isfinite(*sigma)) return OK;
  return err_user("its spectral norm is %g, want > 0", *sigma);
}

static Err take_tensor(float *w, const StateTensor *their, const Tensor *tensor,
                       const Node *node) {
  double sigma = 1;
  TRY(check_shape(their, tensor));
  if (their->u) TRY(find_sigma(&sigma, their, node));
  for (size_t i = 0; i < tensor->size; i++) {
    w[i] = (float)((double)their->x[i] / sigma);
    if (!isfinite(w[i])) return err_user("element %zu is not a finite number", i);
  }
  return OK;
}

static Err take_standard(float **x, const StateTensor *their, Shape shape, bool positive) {
  size_t n = (size_t)shape_size(shape);
  if (!their->x || their->size != n)
    return err_user("found %zu numbers, want %zu, as a sample has", their->size, n);
  *x = MEM_NEW(float, "standardisation", n);
  for (size_t i = 0; i < n; i++) {
    (*x)[i] = their->x[i];
    if (!isfinite(their->x[i]) || (positive && !(their->x[i] > 0)))
      return err_user("element %zu: found %g, want %s", i, (double)their->x[i],
                      positive ? "> 0" : "a number");
  }
  return OK;
}

static Err take_one(Import *in, int i) {
  Model *model = in->model;
  const StateTensor *their = &in->dict->tensor[in->theirs[i]];
  const Node *node;
  int other = i - model->net->n_tensors;
  if (other >= 0)
    return take_standard(other == MEAN ? &model->mean : &model->scale, their, model->input,
                         other == SCALE);
  const Tensor *tensor = net_tensor(model->net, i, NULL, &node);
  return take_tensor(model->w + model->net->tensor_offset[i], their, tensor, node);
}

static Err take_all(Import *in) {
  TRY(check_complete(in));
  for (int i = 0; i < in->n; i++) {
    if (in->theirs[i] == NOBODY) continue;
    Err e = take_one(in, i);
    if (e)
      return err_where(e, "%s: %s for %s: ", in->dict_path, in->dict->tensor[in->theirs[i]].name,
                       in->ours[i]);
  }
  return OK;
}

Err import_weights(Model *model, const StateDict *dict, const char *dict_path, const char *map,
                   const char *map_path) {
  Import in = {.model = model, .dict = dict, .dict_path = dict_path, .map_path = map_path};
  Err e = OK;
  in.n = model->net->n_tensors + OTHERS;
  in.ours = mem_new("names of weights", (size_t)in.n, sizeof *in.ours);
  in.theirs = MEM_NEW(int, "names of weights", in.n);
  in.taker = MEM_NEW(int, "names of weights", dict->n);
  for (int i = 0; i < in.n; i++) in.theirs[i] = NOBODY;
  for (int k = 0; k < dict->n; k++) in.taker[k] = NOBODY;
  name_ours(&in);
  model->w = MEM_NEW(float, "model weights", model->net->n_params);
  if (map) e = read_map(&in, map);
  if (!map) pair_part(&in, "encoder.", false);
  if (!map) pair_part(&in, "decoder.", true);
  if (!e) e = take_all(&in);
  mem_free(&in.ours);
  mem_free(&in.theirs);
  mem_free(&in.taker);
  return e;
}
