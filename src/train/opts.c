/* Defaults, and what can not be. */
#include "train/opts.h"

#include <stdio.h>
#include <string.h>

#include "num/tile.h"
#include "obj/objective.h"
#include "train/temperature.h"
#include "train/train.h"

static NaeOpts nae_defaults(void) {
  ChainOpts chain = {.steps = 10, .clip = CLIP_NONE, .clip_norm = 0.01, .high = 1};
  return (NaeOpts){
      .mode = NEG_ON_MANIFOLD,
      .z_sampler = "mala",
      .x_sampler = "mala",
      .z = chain,
      .x = chain,
      .temperature_mode = T_AUTO,
      .temperature = 1,
      .temperature_rate = 1e-3,
      .gamma = 0.1,
      .gamma_unit = GAMMA_RELATIVE,
      .replay_slots = 5,
      .replay_ratio = 0.95,
      .warmup_steps = 200,
      .recovery = {.sigma_low = 0.05, .sigma_high = 0.3, .z_weight = 1e-4, .x_weight = 1e-4},
      .scale = SCALE_TRAINED};
}

TrainOpts train_defaults(void) {
  return (TrainOpts){.objective = "nae",
                     .energy = "mse",
                     .pretrain = "ae",
                     .obj = {.sparse_target = 0.05,
                             .sparse_memory = 0.9,
                             .sparse_zero = 1e-3,
                             .vae_beta = 1,
                             .noise_level = 0.1},
                     .components = 20,
                     .batch = 256,
                     .leaf = 1,
                     .ae = {.epochs = 10, .rate = 1e-3},
                     .nae = {.epochs = 10, .rate = 1e-5},
                     .optimizer = OPT_ADAM,
                     .beta1 = 0.9,
                     .beta2 = 0.999,
                     .epsilon = 1e-8,
                     .schedule = SCHEDULE_CONSTANT,
                     .schedule_step = 10,
                     .schedule_factor = 0.1,
                     .chain = nae_defaults(),
                     .guard = {.steps = 200,
                               .band_low = 1e-3,
                               .band_high = 50,
                               .rows = 10,
                               .rollbacks = 5,
                               .rate_factor = 0.5},
                     .select = SELECT_AUTO,
                     .log_steps = 50,
                     .validate_epochs = 1,
                     .checkpoint_minutes = 15,
                     .margin_minutes = 3,
                     .watchdog_minutes = 15,
                     .seed = 1};
}

Err chain_check(char which, const char *sampler, const ChainOpts *chain) {
  const Sampler *found = sampler_find(sampler);
  if (!found) return err_user("nae.%c_sampler: found %s, want langevin or mala", which, sampler);
  if (chain->bounded && found->exact)
    return err_user("nae.%c_bounded: found true with nae.%c_sampler %s, want false: nearly every "
                    "proposal would be refused (or use langevin)",
                    which, which, sampler);
  if (chain->bounded && chain->low >= chain->high)
    return err_user("nae.%c_low: found %g, want less than nae.%c_high, which is %g", which,
                    chain->low, which, chain->high);
  return OK;
}

static Err check_steps(char which, const char *sampler, const ChainOpts *chain) {
  TRY(chain_check(which, sampler, chain));
  if (sampler_find(sampler)->exact || chain->steps == 0 || chain->step > 0 || chain->noise > 0)
    return OK;
  return err_user("nae.%c_step_size: found auto with %s and no nae.%c_noise, from which it "
                  "follows (noise^2 / 2); want one of them",
                  which, sampler, which);
}

/* A warm start draws from exp(-E/T) around D(z), which only an exact chain keeps. */
static Err check_warm(const NaeOpts *nae) {
  if (!nae->x_warm) return OK;
  if (nae->mode != NEG_ON_MANIFOLD)
    return err_user("nae.x_warm: found true with nae.mode %s, want mode on_manifold (it starts "
                    "from the decoder's output) or false",
                    negative_mode_name(nae->mode));
  if (!sampler_find(nae->x_sampler)->exact)
    return err_user("nae.x_warm: found true with nae.x_sampler %s, want mala, whose temperature "
                    "is T, or false",
                    nae->x_sampler);
  return OK;
}

static Err check_temperature(const NaeOpts *nae, const Net *net) {
  bool exact = sampler_find(nae->x_sampler)->exact &&
               (!negative_latent(nae->mode) || sampler_find(nae->z_sampler)->exact);
  long dim = shape_size(net->input), k = net_manifold(net);
  if (nae->temperature_mode == T_FIXED) {
    if (nae->temperature > 0) return OK;
    return err_user("nae.temperature: found %g, want > 0, auto or trained", nae->temperature);
  }
  if (!exact)
    return err_user("nae.temperature: found %s with a langevin chain, want mala for both chains "
                    "(or a number): at such a temperature the published step explodes",
                    nae->temperature_mode == T_AUTO ? "auto" : "trained");
  if (k >= dim)
    return err_user("nae.temperature: auto wants a latent dimension (found %ld) below the "
                    "input's (found %ld); give a number",
                    k, dim);
  return OK;
}

/* An energy of any sign and unit has nothing to be reconstructed and no scale of its own. */
static Err check_scalar(const TrainOpts *opts) {
  const NaeOpts *nae = &opts->chain;
  if (!distance_find(opts->energy)->scalar) return OK;
  if (nae->mode == NEG_ON_MANIFOLD)
    return err_user("nae.mode: found on_manifold with energy scalar, which has no decoder; want "
                    "pcd or cd, or objective mpdr");
  if (nae->mode != NEG_RECOVERY && opts->ae.epochs > 0)
    return err_user("train.ae_epochs: found %d with energy scalar, want 0: there is nothing to "
                    "reconstruct, the network starts with random weights",
                    opts->ae.epochs);
  if (nae->temperature_mode != T_FIXED)
    return err_user("nae.temperature: found %s with energy scalar, want a number, such as 1",
                    nae->temperature_mode == T_AUTO ? "auto" : "trained");
  if (nae->gamma_unit != GAMMA_ABSOLUTE)
    return err_user("nae.gamma_unit: found relative with energy scalar, whose E+ is no unit; "
                    "want absolute");
  return OK;
}

static Err check_recovery(const TrainOpts *opts) {
  const RecoveryOpts *recovery = &opts->chain.recovery;
  if (opts->chain.mode != NEG_RECOVERY) return OK;
  if (opts->chain.x_warm)
    return err_user("nae.x_warm: found true with objective %s, want false: its visible chains "
                    "start near data",
                    opts->objective);
  if (recovery->sigma_low <= recovery->sigma_high) return OK;
  return err_user("mpdr.sigma_low: found %g, want at most mpdr.sigma_high, which is %g",
                  recovery->sigma_low, recovery->sigma_high);
}

/* A chain needs an energy that is smooth in x. */
static Err check_energy(const TrainOpts *opts) {
  if (distance_find(opts->energy)->input) return OK;
  return err_user("energy: found %s with objective %s, want mse or masked: chains have no "
                  "gradient of the other",
                  opts->energy, opts->objective);
}

/* Chains leave absent points where they are, and only data tell which these are. */
static Err check_points(const TrainOpts *opts, const Net *net) {
  const NaeOpts *nae = &opts->chain;
  const Node *node = net_reads_points(net);
  char what[64];
  if (!distance_leaves_out(distance_find(opts->energy), net)) return OK;
  if (node)
    snprintf(what, sizeof what, "the layer %s (%s)", node->name, node->op->name);
  else
    snprintf(what, sizeof what, "energy %s", opts->energy);
  if (nae->mode == NEG_RECOVERY)
    return err_user("objective: found mpdr with %s, which leaves absent points out: its chains "
                    "start where none are; want layers for a fixed length and energy mse",
                    what);
  if (nae->mode != NEG_CD)
    return err_user(
        "nae.mode: found %s with %s, which leaves absent points out: only chains that "
        "start at data know them; want cd, or layers for a fixed length and energy mse",
        negative_mode_name(nae->mode), what);
  if (nae->temperature_mode != T_FIXED)
    return err_user("nae.temperature: found %s with %s, want a number: how many dimensions there "
                    "are differs from sample to sample",
                    nae->temperature_mode == T_AUTO ? "auto" : "trained", what);
  if (nae->x.bounded && !(nae->x.low <= 0 && nae->x.high >= 0))
    return err_user("nae.x_low: found bounds from %g to %g with %s, want 0 among them: absent "
                    "points are zeros",
                    nae->x.low, nae->x.high, what);
  return OK;
}

/* What a gradient through the chains takes. */
static Err check_through_chain(const TrainOpts *opts) {
  const NaeOpts *nae = &opts->chain;
  if (sampler_find(nae->x_sampler)->exact)
    return err_user("nae.x_sampler: found %s with objective %s, want langevin: no gradient goes "
                    "through a chain that refuses steps",
                    nae->x_sampler, opts->objective);
  if (nae->x.clip != CLIP_NONE)
    return err_user("nae.x_clip: found a clip with objective %s, want none: the chain's gradient "
                    "is that of its steps as they are",
                    opts->objective);
  if (nae->x.steps < 1)
    return err_user("nae.x_steps: found %d with objective %s, want at least 1: without steps "
                    "nothing depends on the weights",
                    nae->x.steps, opts->objective);
  if (nae->chains == opts->batch) return OK;
  return err_user("nae.chains: found %ld with objective %s, want as many as train.batch, %ld: "
                  "each chain is moved to a datum of its own",
                  nae->chains, opts->objective, opts->batch);
}

static Err check_nae(const TrainOpts *opts, const Net *net) {
  const NaeOpts *nae = &opts->chain;
  const Objective *first = objective_find(opts->pretrain);
  if (!first || first->contrastive)
    return err_user("nae.pretrain: found %s, want the objective of the first phase",
                    opts->pretrain);
  if (first->check && !net_scalar(net)) TRY(first->check(&opts->obj, net));
  TRY(check_energy(opts));
  TRY(check_points(opts, net));
  TRY(check_recovery(opts));
  TRY(check_scalar(opts));
  if (objective_find(opts->objective)->through_chain) TRY(check_through_chain(opts));
  if (nae->chains % L || nae->chains < 0)
    return err_user("nae.chains: found %ld, want a multiple of %d", nae->chains, L);
  if (negative_replays(nae->mode) && (nae->replay_slots < 1 || nae->replay_slots > 255))
    return err_user("nae.replay_slots: found %d, want 1 to 255", nae->replay_slots);
  if (negative_latent(nae->mode)) TRY(check_steps('z', nae->z_sampler, &nae->z));
  TRY(check_steps('x', nae->x_sampler, &nae->x));
  TRY(check_warm(nae));
  return check_temperature(nae, net);
}

Err train_check(const TrainOpts *opts, const Net *net, long samples) {
  const Objective *objective = objective_find(opts->objective);
  const Distance *distance = distance_find(opts->energy);
  if (!objective) return err_user("objective: found %s, which there is not", opts->objective);
  if (!distance) return err_user("energy: found %s, which there is not", opts->energy);
  TRY(distance_suits(distance, net));
  if (distance->scalar && !objective->contrastive)
    return err_user(
        "energy: found scalar with objective %s, which reconstructs; want nae, wnae or mpdr",
        opts->objective);
  if (objective->check) TRY(objective->check(&opts->obj, net));
  if (objective->likelihood && !distance->likelihood)
    return err_user("energy: found %s with objective %s, want mse or bernoulli, which are "
                    "likelihoods",
                    opts->energy, opts->objective);
  if (opts->batch <= 0 || opts->batch % L)
    return err_user("train.batch: found %ld, want a multiple of %d", opts->batch, L);
  if (opts->batch > samples)
    return err_user("train.batch: found %ld, want at most the number of training samples, %ld",
                    opts->batch, samples);
  if (opts->leaf < 1) return err_user("train.leaf: found %d, want at least 1", opts->leaf);
  if (opts->log_steps < 1)
    return err_user("log.steps: found %ld, want at least 1", opts->log_steps);
  if (opts->validate_epochs < 1)
    return err_user("train.validate_epochs: found %ld, want at least 1", opts->validate_epochs);
  if (opts->guard.steps < 1)
    return err_user("guard.steps: found %d, want at least 1", opts->guard.steps);
  return objective->contrastive ? check_nae(opts, net) : OK;
}
