#include <math.h>
#include <stdio.h>

#include "app/apply.h"
#include "app/command.h"
#include "base/log.h"
#include "base/provenance.h"
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
  if (train->chain.temperature_mode != T_FIXED && !(model->temperature > 0))
    return err_user("%s: found no temperature, want a model of the normalized phase, or "
                    "nae.temperature=T",
                    apply->model_path);
  return OK;
}

/* What the command line says of T wins. */
static EvidenceOpts opts_of(const Apply *apply, const Config *config) {
  const TrainOpts *train = &config->train;
  bool said = train->chain.temperature_mode == T_FIXED && !scale_trained(train);
  return (EvidenceOpts){.temperature = said ? train->chain.temperature : apply->model.temperature,
                        .chains = config->evidence_chains,
                        .rungs = config->evidence_steps,
                        .transitions = config->evidence_transitions,
                        .seed = train->seed};
}

static void print(const Evidence *e, const Held *held, const EvidenceOpts *opts) {
  char omega[32] = "?", likelihood[32] = "?"; /* collapsed weights know nothing of their error */
  if (!e->collapsed) {
    snprintf(omega, sizeof omega, "%.2g", e->error);
    snprintf(likelihood, sizeof likelihood, "%.2g", held->error);
  }
  printf("log Omega       %.6g +- %s at T = %g\n", e->log_omega, omega, opts->temperature);
  printf("log-likelihood  %.6g +- %s per sample, of %ld rows of mean energy %.6g\n",
         held->log_likelihood, likelihood, held->rows, held->energy);
  printf("weights         %.1f of %ld chains effective, variance of log weights %.3g\n",
         e->effective, opts->chains, e->spread);
  if (e->collapsed)
    log_warn("the weights have collapsed on a few chains: neither log Omega nor its error can be "
             "trusted; want more evidence.steps or evidence.transitions");
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
        "exp(-E(x)/T) over all x, by annealed importance sampling, and with it the mean\n"
        "log-likelihood -E/T - log Omega of the rows of data.input. Densities are in the units\n"
        "of the network's input: of standardised features, the standardised ones.\n"
        "\n"
        "Chains start in a Gaussian with mean and variance of the rows and climb a ladder of\n"
        "evidence.steps densities, with evidence.transitions exact MALA steps on each. A pilot\n"
        "chooses ladder and step sizes. T is the model's, or nae.temperature=T, which a plain\n"
        "autoencoder needs; its integral may be infinite where it reconstructs points far away.\n"
        "Bounds of the training's chains (nae.x_bounded) do not limit the integral.\n"
        "The error comes from the spread of the weights, and says nothing of modes that no\n"
        "chain has found; more steps are the check. A warning says when few chains carry all\n"
        "the weight. The same bits on any number of ranks.\n"
        "\n"
        "  mpirun -n 4 jetnae train configs/jets-features-nae.yaml data.input=train.h5 \\\n"
        "    out=runs/features\n"
        "  mpirun -n 4 jetnae evidence runs/features data.input=test.h5\n",
    .takes_run = true,
    .run = run,
};
