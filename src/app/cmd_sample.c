#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/apply.h"
#include "app/command.h"
#include "base/log.h"
#include "eval/sample.h"
#include "obj/vae.h"
#include "train/temperature.h"

static bool is_contrastive(const Model *model) {
  const Objective *objective = objective_find(model->objective);
  return objective && objective->contrastive;
}

static Err check(const Apply *apply, const Config *config) {
  const Model *model = &apply->model;
  TRY(apply_wants_decoder(apply, "manifold to start chains on"));
  bool chains = is_contrastive(model), prior = !chains && vae_code(model->net);
  if (!chains && !prior)
    return err_user("%s: found a model of the objective %s, which has no distribution to draw "
                    "from, want one of vae or nae",
                    apply->model_path, model->objective);
  if (chains && config->walk != WALK_NONE)
    return err_user("sample.walk: found a walk for a model of the objective %s, want none: its "
                    "codes have no prior to walk in",
                    model->objective);
  if (chains && distance_leaves_out(distance_find(model->energy), model->net))
    return err_user(
        "%s: found a model that leaves absent points out, whose chains start at data; "
        "want one of samples that have all their points",
        apply->model_path);
  if (chains && config->train.chain.mode == NEG_CD)
    return err_user("nae.mode: found cd, whose chains start at data, want others to sample with: "
                    "give nae.mode=pcd (from noise) or nae.mode=on_manifold, and their options");
  if (chains && config->train.chain.temperature_mode != T_FIXED && !(model->temperature > 0))
    return err_user("%s: found no temperature, want a model of the normalized phase (the run has "
                    "not come to it), or nae.temperature=T",
                    apply->model_path);
  return OK;
}

/* The chains of the training, from fresh starts, at its T and steps. */
static NegativeOpts chain_opts(const Model *model, const TrainOpts *opts) {
  long dim = shape_size(model->input), k = net_manifold(model->net);
  Learned now = {.temperature = temperature_used(opts, model->temperature),
                 .z_step = model->z_step > 0 ? model->z_step : mala_start(dim, k > 0 ? k : 1),
                 .x_step = model->x_step > 0 ? model->x_step : mala_start(dim, dim)};
  bound_latent_step(&now, &opts->chain, model->net);
  NegativeOpts chains = negative_opts(opts, model->net, &now);
  if (negative_latent(chains.mode)) chains.mode = NEG_ON_MANIFOLD;
  return chains;
}

static void print_chain(const char *name, const ChainOpts *chain, double accepted) {
  printf("%s chains: %d steps at T = %g", name, chain->steps, chain->temperature);
  if (!isnan(accepted)) printf(", %.0f %% accepted", 100 * accepted);
  printf("\n");
}

static Err draw(const Apply *apply, const Comm *comm, const Config *config) {
  NegativeOpts chains;
  Sampled sampled = {0};
  SampleOpts opts = {.count = config->sample_count,
                     .seed = config->train.seed,
                     .walk = config->walk,
                     .walk_steps = config->walk_steps,
                     .threads = config->train.threads};
  if (is_contrastive(&apply->model)) {
    chains = chain_opts(&apply->model, &config->train);
    opts.chains = &chains;
  }
  TRY(samples_save(comm, apply->out, &apply->model, &opts, provenance_facts(), &sampled));
  if (comm_rank(comm)) return OK;
  if (opts.chains && chains.mode != NEG_PCD) print_chain("latent", &chains.z, sampled.z_accepted);
  if (opts.chains) print_chain("visible", &chains.x, sampled.x_accepted);
  printf("%ld samples are in %s\n", sampled.rows, apply->out);
  return OK;
}

static Err run(const Comm *comm, Config *config) {
  Apply apply;
  TRY(apply_open(&apply, comm, config, "samples.h5"));
  Err e = check(&apply, config);
  if (!e) e = draw(&apply, comm, config);
  apply_close(&apply);
  return e;
}

const Command cmd_sample = {
    .name = "sample",
    .usage = "RUN [out=samples.h5] [sample.count=N] [key=value ...]",
    .summary = "draw samples from a vae or an nae",
    .help =
        "RUN is a run directory or a model file. Writes /x (rows, ...), /z (rows, D), the codes,\n"
        "and /energy. sample.count says how many; another seed= gives others; the same seed the\n"
        "same bits on any number of ranks.\n"
        "\n"
        "A vae draws its codes from the prior N(0, 1) and decodes them. sample.walk=line goes\n"
        "from one draw to another in sample.walk_steps points, sample.count times;\n"
        "sample.walk=grid covers the plane of the first two features of the code, from -2 to 2.\n"
        "\n"
        "An nae runs its own chains, as in training but from fresh starts: a latent chain, whose\n"
        "decoded end is /x_latent, then a visible chain, whose end is /x. The options of the\n"
        "chains are those of the training; say nae.z_steps, nae.x_steps, nae.temperature or\n"
        "nae.z_temperature to change them: fresh chains want more steps than replayed ones, and\n"
        "a lower temperature keeps to what the model is surest of. Chains of nae.mode=pcd start\n"
        "at noise in x and have no latent part: no /z, no /x_latent.\n"
        "\n"
        "  mpirun -n 4 jetnae sample runs/qcd sample.count=10000 nae.z_steps=200 \\\n"
        "    nae.z_temperature=1e-6\n"
        "  jetnae train configs/jets-vae.yaml data.input=train.h5 out=runs/vae\n"
        "  jetnae sample runs/vae sample.walk=grid out=grid.h5\n",
    .takes_run = true,
    .run = run,
};
