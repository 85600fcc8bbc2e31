#include "app/manifolds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/start.h"
#include "obj/distance.h"
#include "train/temperature.h"

/* ---- to be trained ---- */

/* Lengths of a list; n 0: the list is empty. */
static Err read_latents(long latent[MANIFOLDS_MOST], int *n, const char *text) {
  *n = 0;
  for (const char *at = text; *at;) {
    char *end;
    long found = strtol(at, &end, 10);
    if (end == at || found < 1 || (*end && *end != ','))
      return err_user("mpdr.latents: found %s, want lengths by commas, such as 3,8,16", text);
    if (*n == MANIFOLDS_MOST)
      return err_user("mpdr.latents: found more than %d, want fewer", MANIFOLDS_MOST);
    latent[(*n)++] = found;
    at = *end ? end + 1 : end;
  }
  return OK;
}

Err manifolds_wanted(int *n, const Config *config) {
  long latent[MANIFOLDS_MOST];
  TRY(read_latents(latent, n, config->latents));
  if (config->manifold && *n > 0)
    return err_user("mpdr.latents: found %s beside mpdr.manifold, want one of them: "
                    "autoencoders to train, or trained ones",
                    config->latents);
  if (!config->manifold && !config->net.n_decoder)
    return err_user("mpdr.manifold: found nothing with energy scalar, want the run of an "
                    "autoencoder (objective ae): this network has no decoder");
  *n = config->manifold ? 0 : *n > 0 ? *n : 1;
  return OK;
}

/* Attribute that says how many features the layer makes; -1: it has no weights. */
static int length_attr(const Layer *op) {
  static const char *const names[] = {"features", "units", "channels"};
  if (!op->gradient && !op->gradient_backward) return -1;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (layer_attr(op, names[i]) >= 0) return layer_attr(op, names[i]);
  return -1;
}

/* The last layer of the encoder that has weights makes the code; in front of `gaussian` its mean
 * and log variance. */
static Err set_latent(NetSpec *net, long latent) {
  const LayerSpec *last = &net->encoder[net->n_encoder - 1];
  double features = (double)(strcmp(last->type, "gaussian") ? latent : 2 * latent);
  for (int i = net->n_encoder - 1; i >= 0; i--) {
    const Layer *op = layer_find(net->encoder[i].type);
    int attr = op ? length_attr(op) : -1;
    if (attr < 0) continue;
    net->encoder[i].attr[attr] = features;
    return OK;
  }
  return err_user("mpdr.latents: found an encoder without a layer that has weights, want one "
                  "whose number of features can be set");
}

Err manifolds_config(Config *one, char out[MANIFOLD_PATH], const Config *config, int k) {
  long latent[MANIFOLDS_MOST];
  int n;
  *one = *config;
  snprintf(one->train.objective, sizeof one->train.objective, "%s", config->train.pretrain);
  snprintf(out, MANIFOLD_PATH, "%s/manifold-%d", config->out, k);
  one->out = out;
  one->start = NULL;
  one->train.steps = 0; /* a limit of the phase that follows */
  TRY(read_latents(latent, &n, config->latents));
  return n > 0 ? set_latent(&one->net, latent[k]) : OK;
}

/* ---- trained ---- */

static Err check(const Model *model, const char *path, Shape want) {
  Shape found = model->input;
  const Node *points = net_reads_points(model->net);
  if (net_scalar(model->net))
    return err_user("%s (mpdr.manifold): found a network without decoder, want an autoencoder",
                    path);
  if (!shape_equal(found, want))
    return err_user("%s (mpdr.manifold): found an autoencoder for samples of %d x %d x %d, want "
                    "%d x %d x %d",
                    path, found.c, found.h, found.w, want.c, want.h, want.w);
  if (points)
    return err_user("%s (mpdr.manifold): found the layer %s (%s), which leaves absent points "
                    "out: chains would move them; want layers for a fixed length",
                    path, points->name, points->op->name);
  return OK;
}

static Err load_one(Frozen *frozen, const char *run, Shape input) {
  char path[MANIFOLD_PATH + 16];
  struct stat info;
  if (frozen->n == MANIFOLDS_MOST)
    return err_user("mpdr.manifold: found more than %d, want fewer", MANIFOLDS_MOST);
  Model *model = &frozen->model[frozen->n];
  bool folder = !stat(run, &info) && S_ISDIR(info.st_mode);
  snprintf(path, sizeof path, folder ? "%s/model.h5" : "%s", run);
  TRY(model_load(path, model));
  frozen->hash[frozen->n] = start_hash(model);
  frozen->at[frozen->n] = (Manifold){
      .net = model->net, .weights = weights_new(model->net), .sphere = net_on_sphere(model->net)};
  weights_make(&frozen->at[frozen->n].weights, model->net, model->w, NULL);
  frozen->n++;
  return check(model, path, input);
}

static Err load_named(Frozen *frozen, const char *names, Shape input) {
  for (const char *at = names; *at;) {
    char run[MANIFOLD_PATH];
    size_t n = strcspn(at, ",");
    if (n == 0)
      return err_user("mpdr.manifold: found nothing before a comma in %s, want runs or model files "
                      "by commas",
                      names);
    snprintf(run, sizeof run, "%.*s", (int)(n < sizeof run ? n : sizeof run - 1), at);
    TRY(load_one(frozen, run, input));
    at += n + (at[n] == ',');
  }
  return OK;
}

Err manifolds_load(Frozen *frozen, const Config *config, int n, Shape input) {
  if (n == 0) return load_named(frozen, config->manifold, input);
  for (int k = 0; k < n; k++) {
    char run[MANIFOLD_PATH];
    snprintf(run, sizeof run, "%s/manifold-%d", config->out, k);
    TRY(load_one(frozen, run, input));
  }
  return OK;
}

static bool same(const float *a, const float *b, long n) {
  if (!a || !b) return a == b;
  return !memcmp(a, b, (size_t)n * sizeof *a);
}

Err manifolds_suit(const Frozen *frozen, const Standard *standard) {
  for (int k = 0; k < frozen->n; k++) {
    const Model *model = &frozen->model[k];
    long dim = shape_size(model->input);
    if (same(model->mean, standard->mean, dim) && same(model->scale, standard->scale, dim))
      continue;
    return err_user("mpdr.manifold: found autoencoder %d, which was trained on samples %s, want "
                    "the same for all and for train.start",
                    k, model->mean ? "standardised in another way" : "as they are");
  }
  return OK;
}

void manifolds_free(Frozen *frozen) {
  for (int k = 0; k < frozen->n; k++) {
    weights_free(&frozen->at[k].weights);
    model_free(&frozen->model[k]);
  }
  frozen->n = 0;
}
