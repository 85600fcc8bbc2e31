#include <math.h>
#include <stdio.h>

#include "app/apply.h"
#include "app/command.h"
#include "base/log.h"
#include "base/provenance.h"
#include "data/classes.h"
#include "eval/evidence.h"
#include "obj/distance.h"
#include "train/temperature.h"

static Err check(const Apply *apply, const Config *config) {
  const Model *model = &apply->model;
  const TrainOpts *train = &config->train;
  if (!distance_find(model->energy)->input)
    return err_user("%s: found the energy %s, which has no gradient to the input, want one that "
                    "chains can follow: mse",
                    apply->model_path, model->energy);
  if (distance_leaves_out(distance_find(model->energy), model->net))
    return err_user("%s: found a model that leaves absent points out, want one whose samples are "
                    "all of one dimension",
                    apply->model_path);
  if (train->chain.temperature_mode != T_FIXED && !(model->temperature > 0))
    return err_user("%s: found no temperature, want a model of the normalized phase, or "
                    "nae.temperature=T",
                    apply->model_path);
  return OK;
}

static EvidenceOpts opts_of(const Apply *apply, const Config *config) {
  const TrainOpts *train = &config->train;
  return (EvidenceOpts){.temperature = temperature_used(train, apply->model.temperature),
                        .chains = config->evidence_chains,
                        .rungs = config->evidence_steps,
                        .transitions = config->evidence_transitions,
                        .seed = train->seed,
                        .normal = config->normal};
}

/* In words. */
static void print_tail(const Evidence *e) {
  const char *what = "the error can be trusted (below 0.5)";
  if (e->trust == TRUST_NONE) what = "the error is not to be trusted";
  if (e->trust == TRUST_BORDERLINE) what = "borderline, the error may be too small";
  if (isnan(e->tail))
    printf("tail            unknown, of too few chains: %s\n", what);
  else if (isinf(e->tail))
    printf("tail            none: %s\n", what);
  else
    printf("tail            shape %.2f of the largest weights: %s\n", e->tail, what);
}

static void warn(const Evidence *e) {
  if (e->collapsed)
    log_warn("the weights have collapsed on a few chains: neither log Omega nor its error can be "
             "trusted; want more evidence.steps or evidence.transitions");
  else if (isnan(e->tail))
    log_warn("too few weights to tell how heavy their tail is: the error is not to be trusted; "
             "want more evidence.chains");
  else if (e->trust == TRUST_NONE)
    log_warn("the largest weights have a tail of shape %.2f, above %.2f: log Omega is likely too "
             "small, and by more than its error; want more evidence.steps (a finer ladder) or "
             "evidence.transitions, then more evidence.chains",
             e->tail, e->limit);
}

/* exp(-E/T) of a mean square is mere noise around what the network reconstructs where T is far
 * above the energies of the data; 0: an energy of no scale. */
static void note_warm(const Held *held, const EvidenceOpts *opts, double thermal) {
  if (thermal > 0 && held->energy < 0.1 * thermal)
    log_note("at T = %g the model's own samples have a mean energy near %.3g (n T/2), the rows "
             "%.3g: log Omega and log-likelihood are those of noise and say little of the rows; "
             "nae.temperature=%.2g would be theirs",
             opts->temperature, thermal, held->energy,
             opts->temperature * held->energy / thermal);
}

static void print(const Evidence *e, const Held *held, const EvidenceOpts *opts) {
  char omega[32] = "?", likelihood[32] = "?", classes[32];
  if (!e->collapsed) { /* else they know nothing of their error */
    snprintf(omega, sizeof omega, "%.2g", e->error);
    snprintf(likelihood, sizeof likelihood, "%.2g", held->error);
  }
  classes_text(classes, opts->normal);
  printf("log Omega       %.6g +- %s at T = %g\n", e->log_omega, omega, opts->temperature);
  printf("log-likelihood  %.6g +- %s per row, of %ld rows (%s) of mean energy %.6g\n",
         held->log_likelihood, likelihood, held->rows, classes, held->energy);
  printf("weights         %.1f of %ld chains effective, variance of log weights %.3g\n",
         e->effective, opts->chains, e->spread);
  print_tail(e);
  warn(e);
}

/* JSON has no number for what is none. */
static void put(FILE *file, const char *name, double value, const char *end) {
  fprintf(file, "  \"%s\": ", name);
  if (isfinite(value))
    fprintf(file, "%.17g%s\n", value, end);
  else
    fprintf(file, "null%s\n", end);
}

static Err save(const char *path, const Evidence *e, const Held *held, const EvidenceOpts *opts) {
  FILE *file = fopen(path, "w");
  if (!file) return err_user("%s: cannot write, want a place for the result: give out=", path);
  fprintf(file, "{\n");
  put(file, "log_omega", e->log_omega, ",");
  put(file, "log_omega_error", e->error, ",");
  put(file, "log_likelihood", held->log_likelihood, ",");
  put(file, "log_likelihood_error", held->error, ",");
  put(file, "mean_energy", held->energy, ",");
  put(file, "temperature", opts->temperature, ",");
  put(file, "effective", e->effective, ",");
  put(file, "log_weight_variance", e->spread, ",");
  put(file, "tail_shape", e->tail, ",");
  put(file, "tail_limit", e->limit, ",");
  fprintf(file, "  \"error_trust\": \"%s\",\n", importance_trust_name[e->trust]);
  fprintf(file, "  \"rows\": %ld,\n  \"chains\": %ld,\n  \"steps\": %d,\n", held->rows,
          opts->chains, opts->rungs);
  fprintf(file,
          "  \"transitions\": %d,\n  \"collapsed\": %s,\n  \"provenance\": ", opts->transitions,
          e->collapsed ? "true" : "false");
  provenance_json(file, "  ");
  fprintf(file, "\n}\n");
  bool failed = ferror(file);
  return fclose(file) || failed ? err_user("%s: cannot write: is the disk full?", path) : OK;
}

static Err weigh(const Apply *apply, const Comm *comm, const Config *config) {
  EvidenceOpts opts = opts_of(apply, config);
  Evidence evidence = {0};
  Held held = {0};
  RowsAsked asked = {&apply->data, apply->rows, config->train.threads};
  TRY(evidence_compute(comm, &apply->model, &asked, &opts, &evidence, &held));
  if (comm_rank(comm)) return OK;
  apply_print_refused(&apply->data);
  print(&evidence, &held, &opts);
  note_warm(&held, &opts, evidence_thermal(&apply->model, opts.temperature));
  return save(apply->out, &evidence, &held, &opts);
}

static Err run(const Comm *comm, Config *config) {
  Apply apply;
  TRY(apply_open(&apply, comm, config, "evidence.json"));
  Err e = check(&apply, config);
  if (!e) e = apply_read(&apply, comm, config, "reading the rows to judge");
  if (!e) e = comm_agree(comm, weigh(&apply, comm, config));
  apply_close(&apply);
  return e;
}

const Command cmd_evidence = {
    .name = "evidence",
    .usage = "RUN data.input=FILE [out=evidence.json] [key=value ...]",
    .summary = "estimate log Omega and the log-likelihood of held-out rows",
    .help =
        "RUN is a run directory or a model file. Estimates log Omega, the log of the integral of\n"
        "exp(-E(x)/T) dx, by annealed importance sampling, and with it the mean log-likelihood\n"
        "-E/T - log Omega of the normal rows (data.normal) of data.input.\n"
        "\n"
        "T is the temperature of the model, fixed or trained (nae.temperature), not the effective\n"
        "one that published Langevin chains have from their own step and noise: a model trained\n"
        "with those is judged at a T that its chains may never have had. nae.temperature=T asks\n"
        "for another, and a plain autoencoder needs it.\n"
        "\n"
        "The integral is over all of R^n, n the inputs of the network: the bounds of the\n"
        "training's chains (nae.x_bounded) do not limit it, a sphere in the latent space plays no\n"
        "part. It may be infinite where a model reconstructs points far away from all data.\n"
        "Densities are per unit of the network's input (of standardised features, the\n"
        "standardised ones). So log-likelihoods compare models of the same view, preprocessing\n"
        "and standardisation on the same rows, whatever their networks, objectives and T; never\n"
        "images with features, or images smoothed in one way with those smoothed in another.\n"
        "\n"
        "Chains start in a Gaussian around the mean of the normal rows, wider than they are and\n"
        "as wide as the model's noise at T, and climb a ladder of evidence.steps densities, with\n"
        "evidence.transitions exact MALA steps on each. A pilot chooses ladder and step sizes.\n"
        "Each chain has a weight: Omega is their mean, the error comes from their spread. The\n"
        "tail of the largest weights says whether to believe it (Pareto shape k, arXiv\n"
        "1507.02646): below 0.5 it can be trusted, up to min(1 - 1/log10(chains), 0.7) it may be\n"
        "too small, above that log Omega itself is likely too small, by more than its error: a\n"
        "warning asks for more evidence.steps, evidence.transitions or evidence.chains. Another\n"
        "says when few chains carry all the weight. Neither knows of modes that no chain has\n"
        "found; more steps and another seed are the check. The same bits on any number of ranks.\n"
        "\n"
        "  mpirun -n 4 jetnae train configs/jets-features-nae.yaml data.input=train.h5 \\\n"
        "    out=runs/features\n"
        "  mpirun -n 4 jetnae evidence runs/features data.input=test.h5\n",
    .takes_run = true,
    .run = run,
};
