/* A fit in a run directory, and its model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/provenance.h"
#include "model/model.h"
#include "train/pca.h"
#include "train/rundir.h"
#include "train/run.h"

/* ---- what the components explain ---- */

static double share_of(const Pca *pca, double variance) {
  return pca->total > 0 ? variance / pca->total : 0;
}

/* 1, 2, 5, 10, 20, 50, ... and the last. */
static long next_row(long c, long last) {
  long power = 1;
  while (10 * power <= c) power *= 10;
  long next = c < 2 * power ? 2 * power : c < 5 * power ? 5 * power : 10 * power;
  return next < last || c == last ? next : last;
}

/* Components that explain a share of the variance. */
static long components_for(const Pca *pca, double share) {
  double sum = 0;
  long c = 0;
  while (c < pca->dim && share_of(pca, sum) < share) sum += pca->value[c++];
  return c;
}

static void say_table(const Pca *pca) {
  double sum = 0;
  long row = 1;
  log_note("component    eigenvalue  explained  together");
  for (long c = 1; c <= pca->components; c++) {
    double value = pca->value[c - 1];
    sum += value;
    if (c < row) continue;
    log_note("%9ld  %12.5g  %8.3f%%  %7.3f%%", c, value, 100 * share_of(pca, value),
             100 * share_of(pca, sum));
    row = next_row(c, pca->components);
  }
  log_note("90, 95, 99 %% of the variance take %ld, %ld, %ld components",
           components_for(pca, 0.9), components_for(pca, 0.95), components_for(pca, 0.99));
  log_note("mean energy of the samples fitted: %.6g",
           fmax(pca->total - sum, 0) / (double)pca->dim);
}

/* One row for each eigenvalue; energy: the mean of the samples fitted with so many components. */
static Err write_table(const Pca *pca, const Rundir *dir) {
  char *text = NULL;
  size_t size = 0;
  double sum = 0;
  FILE *out = open_memstream(&text, &size);
  CHECK(out, "no memory for a table");
  fprintf(out, "component,eigenvalue,explained,together,energy\n");
  for (long c = 0; c < pca->dim; c++) {
    sum += pca->value[c];
    fprintf(out, "%ld,%.17g,%.17g,%.17g,%.17g\n", c + 1, pca->value[c],
            share_of(pca, pca->value[c]), share_of(pca, sum),
            fmax(pca->total - sum, 0) / (double)pca->dim);
  }
  fclose(out);
  Err e = rundir_text(dir, "explained.csv", text);
  free(text);
  return e;
}

/* ---- the model ---- */

static void dense_layer(LayerSpec *spec, long features) {
  const Layer *op = layer_find("dense");
  snprintf(spec->type, sizeof spec->type, "dense");
  layer_defaults(op, spec->attr);
  spec->attr[layer_attr(op, "features")] = (double)features;
}

/* w (k, d), b (k): z = V x - V m. */
static void encoder_weights(float *w, const Pca *pca) {
  long d = pca->dim, k = pca->components;
  float *b = w + k * d;
  for (long c = 0; c < k; c++) {
    const double *v = pca->vector + c * d;
    double shift = 0;
    for (long i = 0; i < d; i++) {
      w[c * d + i] = (float)v[i];
      shift -= v[i] * pca->mean[i];
    }
    b[c] = (float)shift;
  }
}

/* w (d, k), b (d): x = V^T z + m. */
static void decoder_weights(float *w, const Pca *pca) {
  long d = pca->dim, k = pca->components;
  for (long i = 0; i < d; i++) {
    for (long c = 0; c < k; c++) w[i * k + c] = (float)pca->vector[c * d + i];
    w[d * k + i] = (float)pca->mean[i];
  }
}

/* Owns: the caller, model_free; config, mean and scale stay the input's. */
static Model make_model(const Pca *pca, const TrainInput *input) {
  Model model = {.spec = {.n_encoder = 1, .n_decoder = 1},
                 .input = input->data->shape,
                 .mean = input->mean,
                 .scale = input->scale,
                 .objective = "pca",
                 .energy = "mse",
                 .config = (char *)input->config};
  view_features_text(model.features, sizeof model.features, input->data->view);
  dense_layer(&model.spec.encoder[0], pca->components);
  dense_layer(&model.spec.decoder[0], pca->dim);
  CHECK(net_new(&model.net, &model.spec, model.input) == OK, "%s", err_message());
  model.w = MEM_NEW(float, "model weights", model.net->n_params);
  encoder_weights(model.w + model.net->node[0].w_offset, pca);
  decoder_weights(model.w + model.net->node[1].w_offset, pca);
  return model;
}

static Err write_model(const Pca *pca, const TrainInput *input, const Rundir *dir) {
  double *explained = MEM_NEW(double, "explained variance", pca->dim);
  for (long c = 0; c < pca->dim; c++) explained[c] = share_of(pca, pca->value[c]);
  const ModelArray arrays[] = {{"mean", "feature", pca->dim, pca->mean},
                               {"eigenvalues", "component", pca->dim, pca->value},
                               {"explained", "component", pca->dim, explained},
                               {0}};
  Model model = make_model(pca, input);
  model.pca = arrays;
  Err e = rundir_publish(dir, &model);
  model.config = NULL, model.mean = model.scale = NULL;
  model_free(&model);
  mem_free(&explained);
  return e;
}

/* ---- the run ---- */

/* Local. The model that is there is the one that this run would make. */
static bool finished(const Rundir *dir, const TrainInput *input) {
  char path[RUNDIR_PATH];
  Model model;
  rundir_path(dir, path, "model.h5");
  if (model_load(path, &model)) return err_clear(), false;
  bool same = !strcmp(model.objective, "pca") && !strcmp(model.config, input->config);
  model_free(&model);
  return same;
}

static Err open_directory(Rundir *dir, const Comm *comm, const TrainOpts *opts,
                          const TrainInput *input) {
  char *result = run_result_text(input);
  Err e = rundir_open(dir, comm, input->out, result, opts->fresh);
  if (!e) e = rundir_say(dir, comm, input->config_full);
  free(result);
  return e;
}

/* Local. The model last: it says that everything is there. */
static Err leave(const Pca *pca, const TrainInput *input, const Rundir *dir) {
  say_table(pca);
  TRY(rundir_mine(dir));
  TRY(write_table(pca, dir));
  TRY(write_model(pca, input, dir));
  TRY(rundir_end(dir));
  log_note("finished; %s/model.h5 is the model, %s/explained.csv what each component explains",
           dir->out, dir->out);
  return OK;
}

Err pca_run(const Comm *comm, const TrainOpts *opts, const TrainInput *input) {
  Rundir dir;
  Pca pca;
  if (strcmp(opts->energy, "mse") != 0)
    return err_user("energy: found %s with objective pca, want mse: that is what its components "
                    "minimise",
                    opts->energy);
  TRY(open_directory(&dir, comm, opts, input));
  int done = comm_rank(comm) == 0 && finished(&dir, input);
  comm_broadcast(comm, &done, sizeof done, 0);
  if (done) {
    log_note("%s: this run is finished", input->out);
    return comm_agree(comm, comm_rank(comm) == 0 ? rundir_end(&dir) : OK);
  }
  TRY(pca_fit(&pca, comm, input->data, &input->train, opts->components, opts->threads));
  Err e = comm_rank(comm) == 0 ? leave(&pca, input, &dir) : OK;
  pca_free(&pca);
  return comm_agree(comm, e);
}
