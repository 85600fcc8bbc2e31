/* How a run begins: options against data, the directory, the newest checkpoint. */
#include "train/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

static Split split_chains(const Run *run) {
  return split_new(run->objective->contrastive ? run->opts.chain.chains : 0, run->opts.leaf,
                   comm_rank(run->comm), comm_size(run->comm));
}

char *run_result_text(const TrainInput *input) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  CHECK(out, "no memory for the configuration");
  fprintf(out, "%s", input->config);
  fprintf(out, "# data: %ld rows, checksum %016" PRIx64 "\n", input->data->rows,
          input->data->checksum);
  if (input->valid_data && input->valid_data != input->data)
    fprintf(out, "# validation data: %ld rows, checksum %016" PRIx64 "\n",
            input->valid_data->rows, input->valid_data->checksum);
  if (input->start_hash)
    fprintf(out, "# begins with weights, checksum %016" PRIx64 "\n", input->start_hash);
  for (int k = 0; k < input->manifolds.n; k++)
    fprintf(out, "# frozen autoencoder %d: latent %ld, checksum %016" PRIx64 "\n", k,
            shape_size(net_latent(input->manifolds.at[k].net)), input->manifold_hash[k]);
  fprintf(out, "# samples: %ld to train on, %ld to validate on, %ld labelled anomalies\n",
          input->train.n, input->valid.n, input->signal.n);
  fclose(out);
  return text;
}

static Err open_directory(Run *run) {
  char *result = run_result_text(run->input);
  Err e = rundir_open(&run->dir, run->comm, run->input->out, result, run->opts.fresh);
  free(result);
  return e;
}

static void say_memory(void) {
  char text[256];
  mem_describe(text, sizeof text, 4);
  log_note("memory of this rank: %s", text);
}

/* A warm-up is for the steps of exact chains. */
static bool no_exact_chain(const NaeOpts *nae) {
  return !sampler_find(nae->x_sampler)->exact &&
         !(negative_latent(nae->mode) && sampler_find(nae->z_sampler)->exact);
}

static void fill_opts(Run *run, const TrainOpts *opts) {
  run->opts = *opts;
  run->objective = objective_find(opts->objective);
  if (run->opts.chain.chains == 0) run->opts.chain.chains = opts->batch;
  if (no_exact_chain(&opts->chain)) run->opts.chain.warmup_steps = 0;
  if (run->input->valid.n == 0) run->opts.select = SELECT_LAST;
  if (run->opts.select == SELECT_AUC && run->input->signal.n == 0) {
    log_warn("select auc wants labelled anomalies among the validation data; there are none: as "
             "select auto");
    run->opts.select = SELECT_AUTO;
  }
  if (run->opts.select == SELECT_WASSERSTEIN &&
      !wasserstein_samples(&run->opts, run->input->valid.n)) {
    log_warn("select wasserstein wants an objective with negatives and at least 16 held-out "
             "samples: as select auto");
    run->opts.select = SELECT_AUTO;
  }
  if (run->opts.select == SELECT_GAP && run->objective->contrastive && !gap_tells(&run->opts))
    log_warn("select gap with %s: the smallest gap says where the phase began; last (or auto) takes "
             "the end of it",
             opts->chain.temperature_mode != T_FIXED ? "nae.temperature auto or trained"
                                                     : "these chains and energy");
}

/* Collective. The newest checkpoint that can be read; a run without any starts at step 0. */
static Err resume(Run *run) {
  Field field[STATE_FIELDS];
  char path[RUNDIR_PATH];
  int n = state_fields(&run->state, field);
  for (int i = 0; i < run->dir.n; i++) {
    rundir_checkpoint(&run->dir, path, run->dir.step[i]);
    if (!checkpoint_load(run->comm, path, field, n)) {
      log_note("continue at step %" PRId64 " from %s", run->state.at.step, path);
      for (int k = 0; k < i && run_is_first(run); k++) rundir_discard(&run->dir, run->dir.step[k]);
      return OK;
    }
    log_warn("%s", err_message());
    err_clear();
  }
  if (run->dir.n > 0)
    return err_user("%s/checkpoints: found %d checkpoints, none of which can be read; want one "
                    "that is whole, or fresh=true to start over",
                    run->dir.out, run->dir.n);
  if (run->input->start)
    state_start_with(&run->state, run->input->start, run->opts.seed);
  else
    state_start(&run->state, run->opts.seed);
  run->state.at.over = run->objective->manifold; /* its first phase was runs of its own */
  return OK;
}

/* Epochs and steps may be added, not taken back: what is trained is trained. */
static Err check_grown(const Run *run) {
  const Position *at = &run->state.at;
  const TrainOpts *opts = &run->opts;
  int64_t epochs = at->epoch + (at->batch > 0);
  if (at->phase == PHASE_NAE && at->ae_epochs != opts->ae.epochs)
    return err_user("train.ae_epochs: found %d, want %" PRId64
                    ": the NAE phase of %s has begun from an autoencoder of so many; more of "
                    "train.nae_epochs continues it, another autoencoder wants another out=",
                    opts->ae.epochs, at->ae_epochs, run->dir.out);
  if (epochs > run_phase(run)->epochs)
    return err_user("train.%s_epochs: found %d, want at least %" PRId64
                    ": so many are begun in %s; fewer want another out=",
                    at->phase == PHASE_NAE ? "nae" : "ae", run_phase(run)->epochs, epochs,
                    run->dir.out);
  if (opts->steps == 0 || at->step <= opts->steps) return OK;
  return err_user("train.steps: found %ld, want at least %" PRId64
                  ": so many are done in %s; fewer want another out=",
                  opts->steps, at->step, run->dir.out);
}

static Err check_input(const Run *run) {
  if (run->objective->manifold && run->input->manifolds.n == 0)
    return err_user("objective: found mpdr without a frozen autoencoder, want one at least");
  if (!chains_at_data(&run->opts) || !run->input->data->has_weight) return OK;
  return err_user("objective: found %s for samples with weights, want samples without (or "
                  "another objective or nae.mode): its chains have one datum each, and all count "
                  "alike",
                  run->opts.objective);
}

Err run_open(Run *run, const TrainOpts *opts) {
  if (!objective_find(opts->objective))
    return err_user("objective: found %s, which there is not", opts->objective);
  fill_opts(run, opts);
  TRY(net_new(&run->net, run->spec, run->input->data->shape));
  TRY(train_check(&run->opts, run->net, run->input->train.n));
  TRY(check_input(run));
  run->chains = split_chains(run);
  TRY(open_directory(run));
  run->state = state_new(run->net, &run->opts, &run->chains);
  run->stepper =
      stepper_new(run->comm, &run->opts, run->input, run->net, &run->state, &run->chains);
  run->validator = validator_new(run->stepper);
  say_memory();
  TRY(resume(run));
  TRY(check_grown(run));
  TRY(rundir_say(&run->dir, run->comm, run->input->config_full));
  Err e = OK;
  if (run_is_first(run))
    e = logfile_open(&run->log, &run->dir, &run->state, &run->opts, &run->state.log_bytes);
  return comm_agree(run->comm, e);
}

void run_close(Run *run) {
  logfile_close(&run->log);
  validator_free(&run->validator);
  stepper_free(&run->stepper);
  if (run->state.net) state_free(&run->state);
  if (run->net) net_free(&run->net);
}
