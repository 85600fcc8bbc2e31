#include "app/start.h"

#include <string.h>

/* The first tensor that differs, their names filled in ("": none there); -1: all are alike. */
static int first_other(const Net *net, const Net *start, char want[48], char found[48]) {
  for (int i = 0; i < net->n_tensors || i < start->n_tensors; i++) {
    want[0] = found[0] = 0;
    const Tensor *a = i < net->n_tensors ? net_tensor(net, i, want, NULL) : NULL;
    const Tensor *b = i < start->n_tensors ? net_tensor(start, i, found, NULL) : NULL;
    if (a && b && !strcmp(want, found) && a->n_dims == b->n_dims &&
        !memcmp(a->dims, b->dims, (size_t)a->n_dims * sizeof *a->dims))
      continue;
    return i;
  }
  return -1;
}

bool start_fits(const Net *net, const Net *start) {
  char want[48], found[48];
  return first_other(net, start, want, found) < 0;
}

static Err check_tensors(const Config *config, const Net *net, const Net *start) {
  char want[48], found[48];
  if (first_other(net, start, want, found) < 0) return OK;
  return err_user("%s (train.start): found %s, where the configuration has %s%s; want a model "
                  "of the same layers",
                  config->start, *found ? found : "no further tensor",
                  *want ? want : "no further tensor",
                  *want && !strcmp(want, found) ? " of another shape" : "");
}

static Err check(const Model *start, const Config *config, Shape input) {
  Shape found = start->input;
  Net *net;
  if (!shape_equal(found, input))
    return err_user("%s (train.start): found a model for samples of %d x %d x %d, want %d x %d x "
                    "%d",
                    config->start, found.c, found.h, found.w, input.c, input.h, input.w);
  TRY(net_new(&net, &config->net, input));
  Err e = check_tensors(config, net, start->net);
  net_free(&net);
  return e;
}

Err start_load(Model *start, const Config *config, Shape input) {
  TRY(model_load(config->start, start));
  Err e = check(start, config, input);
  if (e) model_free(start);
  return e;
}

/* FNV-1a */
static uint64_t hash(uint64_t h, const void *data, size_t size) {
  const unsigned char *bytes = data;
  for (size_t i = 0; i < size; i++) h = (h ^ bytes[i]) * UINT64_C(1099511628211);
  return h;
}

uint64_t start_hash(const Model *start) {
  size_t dim = start->mean ? (size_t)shape_size(start->input) : 0;
  uint64_t h =
      hash(UINT64_C(14695981039346656037), start->w, start->net->n_params * sizeof(float));
  h = hash(h, start->mean, dim * sizeof(float));
  return hash(h, start->scale, dim * sizeof(float));
}
