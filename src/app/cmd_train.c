#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/manifolds.h"
#include "app/members.h"
#include "app/origin.h"
#include "app/start.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/provenance.h"
#include "num/isa.h"
#include "train/pca.h"
#include "train/rundir.h"
#include "train/state.h"

/* Everything that training reads. */
typedef struct Loaded {
  Dataset data, separate; /* data.input; data.valid, rows = 0 when it is not given */
  Subset train, valid, signal;
  Standard standard; /* NULLs: samples as they are */
  Order order;       /* of the rows to train on */
  Stream *stream;    /* of their samples; NULL: they are in memory */
  Model start;       /* train.start; no net: none was given */
  uint64_t start_hash;
  int manifolds; /* mpdr: frozen autoencoders to train; 0: they were given, or none are wanted */
  Frozen frozen; /* mpdr */
} Loaded;

/* Fitted, not trained: wants no network, no batch and nothing to validate on. */
static bool is_fit(const Config *config) { return !strcmp(config->train.objective, "pca"); }

static bool wants_manifolds(const Config *config) {
  const Objective *objective = objective_find(config->train.objective);
  return objective && objective->manifold;
}

static const Dataset *valid_data(const Loaded *loaded) {
  return loaded->separate.rows ? &loaded->separate : &loaded->data;
}

static const char *input_name(const Config *config) {
  return config->data.source.path ? config->data.source.path : config->data.source.reader;
}

/* Anomalies in part [from, to) of the data: rows of every other class. */
static Subset select_signal(const Dataset *data, const Config *config, double from, double to) {
  Subset all = {0};
  if (!data->has_label || config->normal == CLASS_ALL) return all;
  all = subset_select(data, CLASS_ALL, from, to, 0, config->train.seed);
  long n = 0;
  for (long i = 0; i < all.n; i++) {
    int label = data->label[all.row[i]];
    if (label >= 0 && !class_chosen(config->normal, label)) all.row[n++] = all.row[i];
  }
  all.n = n;
  return all;
}

static Err select_train(Loaded *loaded, const Config *config, double cut) {
  const Dataset *data = &loaded->data;
  bool mixed = config->contamination > 0;
  loaded->train = subset_select(data, config->normal, cut, 1, mixed ? 0 : config->train_limit,
                                config->train.seed);
  if (!mixed) return OK;
  Subset signal = select_signal(data, config, cut, 1);
  Err e = subset_mix(&loaded->train, data, &signal, config->contamination, config->train_limit);
  subset_free(&signal);
  return e;
}

static Err select_all(Loaded *loaded, const Config *config) {
  uint64_t seed = config->train.seed;
  const Dataset *data = valid_data(loaded);
  bool split = data == &loaded->data;
  double cut = split ? config->valid_fraction : 0, end = split ? cut : 1;
  TRY(select_train(loaded, config, cut));
  loaded->valid = subset_select(data, config->normal, 0, end, config->valid_limit, seed);
  loaded->signal = select_signal(data, config, 0, end);
  return OK;
}

static Err check_enough(const Loaded *loaded, const Config *config) {
  long n = loaded->train.n;
  if (n > 0 && loaded->train.weight_scale == 0)
    return err_user("%s: found the weight 0 for all %ld samples of the normal class, want some "
                    "above 0 (data.weight)",
                    input_name(config), n);
  if (is_fit(config)) return OK;
  if (n < config->train.batch)
    return err_user("%s: found %ld samples of the normal class to train on (data.normal, "
                    "data.train_limit), want at least one batch of %ld (train.batch)",
                    input_name(config), n, config->train.batch);
  if (!loaded->valid.n)
    return err_user("%s: found no sample of the normal class to validate on, want some "
                    "(data.valid, data.valid_fraction)",
                    config->valid ? config->valid : input_name(config));
  return OK;
}

/* What a data set leaves to another one. */
static double memory_left(const Config *config, const Dataset *data) {
  return fmax(config->data.memory_gb - 1e-9 * (double)data->bytes, 1e-9);
}

static Err load_separate(Loaded *loaded, const Comm *comm, const Config *config) {
  DataOpts opts = config->data;
  opts.memory_gb = memory_left(config, &loaded->data);
  opts.stay = loaded->data.away ? STAY_NONE : STAY_FITTING;
  opts.source.path = config->valid;
  opts.source.labels = "";
  opts.limit = 0;
  TRY(dataset_load(&loaded->separate, comm, &opts, "reading data.valid"));
  Shape want = loaded->data.shape, found = loaded->separate.shape;
  if (!loaded->data.target != !loaded->separate.target)
    return err_user("%s: found %s, want the same as in data.input (data.target)", config->valid,
                    loaded->data.target ? "no clean targets" : "clean targets");
  if (shape_equal(found, want)) return OK;
  return err_user("%s: found samples of %d x %d x %d, want %d x %d x %d as in data.input",
                  config->valid, found.c, found.h, found.w, want.c, want.h, want.w);
}

/* Negatives have no clean partner. */
static Err check_pairs(const Loaded *loaded, const Config *config) {
  if (!loaded->data.target || !objective_find(config->train.objective)->contrastive) return OK;
  return err_user("objective: found %s on pairs of noisy and clean samples, want ae, sparse or "
                  "vae: samples of a chain have no clean partner",
                  config->train.objective);
}

/* Owns: the caller. n 0: NULL. */
static float *copy_floats(const float *x, long n) {
  if (n == 0) return NULL;
  float *copy = MEM_NEW(float, "standardisation", n);
  memcpy(copy, x, (size_t)n * sizeof *copy);
  return copy;
}

/* As the weights to begin with, or frozen ones, are used to; else by the rows to train on,
 * whatever else is there. */
static Err find_standard(Loaded *loaded, const Comm *comm, const Config *config) {
  Standard *standard = &loaded->standard;
  Model *start = &loaded->start;
  bool wanted;
  if (start->net) {
    *standard = (Standard){start->mean, start->scale};
    start->mean = start->scale = NULL;
    return OK;
  }
  if (loaded->frozen.n > 0) {
    const Model *first = &loaded->frozen.model[0];
    long dim = first->mean ? shape_size(first->input) : 0;
    *standard = (Standard){copy_floats(first->mean, dim), copy_floats(first->scale, dim)};
    return OK;
  }
  TRY(standard_wanted(&wanted, config->standardise, &loaded->data));
  return wanted ? standard_measure(standard, comm, &loaded->data, &loaded->train) : OK;
}

static Err standardise(Loaded *loaded, const Comm *comm, const Config *config) {
  TRY(find_standard(loaded, comm, config));
  const Standard *by = &loaded->standard;
  TRY(config_check_standardised(config, by->mean));
  if (!by->mean) return OK;
  standard_apply(&loaded->data, comm, by->mean, by->scale);
  if (loaded->separate.rows) standard_apply(&loaded->separate, comm, by->mean, by->scale);
  return OK;
}

/* Samples that are away: those to validate on stay from here on, those to train on pass by. */
static Err bring(Loaded *loaded, const Comm *comm, const Config *config) {
  Subset valid = loaded->valid, signal = loaded->signal, none = {0};
  bool split = valid_data(loaded) == &loaded->data;
  StreamPlan held = {.rows = &none,
                     .order = loaded->order,
                     .batch = config->train.batch,
                     .held = {valid, signal},
                     .memory_gb = memory_left(config, &loaded->data)};
  held.order.n = 0;
  if (loaded->separate.away)
    TRY(stream_new(&loaded->stream, comm, &loaded->separate, &held, config->train.threads));
  StreamPlan plan = {.rows = &loaded->train,
                     .order = loaded->order,
                     .batch = config->train.batch,
                     .epoch_step = PHASES,
                     .held = {split ? valid : none, split ? signal : none},
                     .memory_gb = memory_left(config, &loaded->separate)};
  if (!loaded->data.away) return OK;
  return stream_new(&loaded->stream, comm, &loaded->data, &plan, config->train.threads);
}

static Err load_start(Loaded *loaded, const Config *config) {
  TRY(start_load(&loaded->start, config, loaded->data.shape));
  loaded->start_hash = start_hash(&loaded->start);
  log_note("begin with the weights of %s", config->start);
  return OK;
}

static Err load(Loaded *loaded, const Comm *comm, const Config *config) {
  DataOpts opts = config->data;
  opts.stay = is_fit(config) ? STAY_ALL : STAY_FITTING;
  if (wants_manifolds(config)) TRY(manifolds_wanted(&loaded->manifolds, config));
  TRY(dataset_load(&loaded->data, comm, &opts, "reading data.input"));
  TRY(check_pairs(loaded, config));
  if (config->valid) TRY(load_separate(loaded, comm, config));
  TRY(select_all(loaded, config));
  TRY(check_enough(loaded, config));
  if (config->start) TRY(load_start(loaded, config));
  if (config->manifold && wants_manifolds(config))
    TRY(manifolds_load(&loaded->frozen, config, 0, loaded->data.shape));
  TRY(standardise(loaded, comm, config));
  loaded->order = (Order){.n = loaded->train.n,
                          .block = config->block,
                          .window = config->window,
                          .seed = config->train.seed};
  return bring(loaded, comm, config);
}

static void unload(Loaded *loaded) {
  stream_free(&loaded->stream);
  subset_free(&loaded->train);
  subset_free(&loaded->valid);
  subset_free(&loaded->signal);
  standard_free(&loaded->standard);
  model_free(&loaded->start);
  manifolds_free(&loaded->frozen);
  if (loaded->separate.rows) dataset_free(&loaded->separate);
  if (loaded->data.rows) dataset_free(&loaded->data);
}

static void describe(const Loaded *loaded, const Comm *comm, const Config *config) {
  const Dataset *data = &loaded->data;
  char classes[32];
  classes_text(classes, config->normal);
  log_note("%d ranks x %d threads, isa %s", comm_size(comm), config->train.threads,
           isa_name(isa_current()));
  log_note("%s: %ld samples of %d x %d x %d; normal is %s: %ld to train on, %ld to validate, "
           "%ld anomalies for the AUC in the log",
           input_name(config), data->rows, data->shape.c, data->shape.h, data->shape.w, classes,
           loaded->train.n, loaded->valid.n, loaded->signal.n);
  origin_note_data("input", config->data.source.path, input_name(config), data->checksum);
  if (config->valid) origin_note_data("valid", config->valid, "", loaded->separate.checksum);
}

/* Weights of the first frozen autoencoder that is of the network's layers; NULL: none is. */
static const float *like_frozen(const Loaded *loaded, const Config *config) {
  const float *w = NULL;
  Net *net;
  if (loaded->frozen.n == 0 || net_new(&net, &config->net, loaded->data.shape)) return NULL;
  for (int k = 0; k < loaded->frozen.n && !w; k++)
    if (start_fits(net, loaded->frozen.model[k].net)) w = loaded->frozen.model[k].w;
  if (!w && !net_scalar(net))
    log_warn("no frozen autoencoder has the layers of the energy: it begins with random weights");
  net_free(&net);
  return w;
}

/* whole: the directory of which the run is a part, or NULL. */
static Err train(const Loaded *loaded, const Comm *comm, const Config *config,
                 const char *whole) {
  char *result = config_text(config, true), *full = config_text(config, false);
  TrainInput input = {.data = &loaded->data,
                      .stream = loaded->stream,
                      .train = loaded->train,
                      .valid = loaded->valid,
                      .valid_data = valid_data(loaded),
                      .signal = loaded->signal,
                      .mean = loaded->standard.mean,
                      .scale = loaded->standard.scale,
                      .start = config->start ? loaded->start.w : like_frozen(loaded, config),
                      .start_hash = config->start ? loaded->start_hash : 0,
                      .manifolds = {loaded->frozen.n, loaded->frozen.at},
                      .manifold_hash = loaded->frozen.hash,
                      .config = result,
                      .config_full = full,
                      .out = config->out,
                      .whole = whole,
                      .order = loaded->order};
  provenance_set("task", "train");
  provenance_set("config", "%s", full);
  Err e = is_fit(config) ? pca_run(comm, &config->train, &input)
                         : train_run(comm, &config->train, &config->net, &input);
  free(result);
  free(full);
  return e;
}

static Err check_given(const Config *config) {
  if (!config->out) return err_user("out: found nothing, want out=DIR, the run directory");
  if (is_fit(config) && config->start)
    return err_user("train.start: found %s, but objective pca begins with nothing",
                    config->start);
  if (is_fit(config)) return OK;
  bool scalar = !strcmp(config->train.energy, "scalar");
  if (!config->net.n_encoder || (!config->net.n_decoder && !scalar))
    return err_user("net.%s: found no layers, want a list; the files in configs/ have some",
                    config->net.n_encoder ? "decoder" : "encoder");
  return OK;
}

/* What is held out is clean: to choose by it would bring the labels back in. */
static void blind_selection(Config *config) {
  if (config->contamination > 0 && config->train.select == SELECT_AUTO)
    config->train.select = SELECT_LAST;
}

/* mpdr. */

static Err check_network(const Loaded *loaded, const Config *config) {
  Net *net;
  TRY(net_new(&net, &config->net, loaded->data.shape));
  Err e = train_check(&config->train, net, loaded->train.n);
  net_free(&net);
  return e;
}

/* Of all phases, before the first autoencoder is trained. */
static Err check_phases(const Loaded *loaded, const Config *config) {
  for (int k = 0; k < loaded->manifolds; k++) {
    Config one;
    char out[MANIFOLD_PATH];
    TRY(manifolds_config(&one, out, config, k));
    TRY(check_network(loaded, &one));
  }
  return check_network(loaded, config);
}

/* The clock of the options runs over all phases. */
static void take_time(Config *config, double since) {
  double left = config->train.wall_minutes - (clock_now() - since) / 60;
  if (config->train.wall_minutes > 0) config->train.wall_minutes = fmax(left, 1e-6);
}

/* Local. The energy has begun, so that the autoencoders stay as they are. Errors: what has begun
 * has none. */
static Err phase_one_over(bool *over, const Config *config) {
  char path[MANIFOLD_PATH];
  if (config->train.fresh) rundir_clear(config->out);
  *over = rundir_begun(config->out);
  snprintf(path, sizeof path, "%s/manifold-0", config->out);
  if (!*over || !access(path, F_OK)) return OK;
  return err_user("out: found a run without frozen autoencoders in %s, want another out=DIR",
                  config->out);
}

/* Collective. Phase one, each autoencoder over all ranks. */
static Err train_manifolds(Loaded *loaded, const Comm *comm, const Config *config) {
  double since = clock_now();
  bool over = false;
  TRY(comm_agree(comm, comm_rank(comm) == 0 ? phase_one_over(&over, config) : OK));
  comm_broadcast(comm, &over, sizeof over, 0);
  for (int k = 0; k < loaded->manifolds && !over; k++) {
    Config one;
    char out[MANIFOLD_PATH];
    TRY(manifolds_config(&one, out, config, k));
    take_time(&one, since);
    log_note("frozen autoencoder %d of %d, in %s", k + 1, loaded->manifolds, out);
    TRY(train(loaded, comm, &one, config->out));
  }
  return comm_agree(comm,
                    manifolds_load(&loaded->frozen, config, loaded->manifolds, loaded->data.shape));
}

static Err train_recovery(Loaded *loaded, const Comm *comm, Config *config) {
  double since = clock_now();
  TRY(comm_agree(comm, check_phases(loaded, config)));
  if (loaded->manifolds > 0) TRY(train_manifolds(loaded, comm, config));
  TRY(manifolds_suit(&loaded->frozen, &loaded->standard));
  take_time(config, since);
  return train(loaded, comm, config, NULL);
}

static Err run_one(const Comm *comm, Config *config) {
  Loaded loaded = {0};
  blind_selection(config);
  Err e = comm_agree(comm, load(&loaded, comm, config));
  if (!e) {
    describe(&loaded, comm, config);
    e = wants_manifolds(config) ? train_recovery(&loaded, comm, config)
                                : train(&loaded, comm, config, NULL);
  }
  unload(&loaded);
  return e;
}

/* DIR/member-0, ... with seed, seed + 1, ... */
static Err run_member(const Comm *comm, void *self, int member) {
  Config config = *(const Config *)self;
  char out[4096];
  snprintf(out, sizeof out, "%s/member-%d", config.out, member);
  config.out = out;
  config.train.seed += (uint64_t)member;
  config.ensemble = 1; /* what a member's files say: it is a run of its own */
  log_note("member %d of %d, seed %llu, in %s", member, ((const Config *)self)->ensemble,
           (unsigned long long)config.train.seed, out);
  return run_one(comm, &config);
}

static Err check_no_ensemble(const char *out) {
  int n = members_recorded(out);
  if (!n) return OK;
  return err_user("out: found an ensemble of %d in %s, want ensemble=%d or another out=DIR", n,
                  out, n);
}

static Err run(const Comm *comm, Config *config) {
  TRY(check_given(config));
  bool first = comm_rank(comm) == 0;
  if (config->ensemble == 1) {
    TRY(comm_agree(comm, first ? check_no_ensemble(config->out) : OK));
    return run_one(comm, config);
  }
  TRY(comm_agree(comm, first ? members_record(config->out, config->ensemble) : OK));
  return members_run(comm, 0, config->ensemble, run_member, config);
}

const Command cmd_train = {
    .name = "train",
    .usage = "config.yaml | from=FILE data.input=FILE out=DIR [key=value ...]",
    .summary = "train an autoencoder or a normalized autoencoder",
    .help =
        "Reads data.input, takes the rows that are data.normal, holds a part out (or reads\n"
        "data.valid), and trains: a plain autoencoder first, then, with objective=nae, the\n"
        "normalized one, whose energy is kept low on data and raised where its Markov chains\n"
        "wander. Ranks share the batch; the result is the same bits for any number of them.\n"
        "objective=mpdr trains and freezes autoencoders first, in DIR/manifold-0 and so on\n"
        "(mpdr.latents), or takes those of earlier runs (mpdr.manifold).\n"
        "objective=pca fits principal components instead (pca.components), with any number of\n"
        "ranks, and needs no network; what each explains is in DIR/explained.csv.\n"
        "\n"
        "With ensemble=K the ranks train K members side by side, in DIR/member-0 and so on, with\n"
        "seed, seed + 1, ...; score DIR gives their mean and spread.\n"
        "\n"
        "DIR holds config.yaml (resolved), log.csv (one row every log.steps steps), model.h5 (the\n"
        "state that train.select chose), checkpoints/. The same command again continues; a\n"
        "finished run says so. `touch DIR/stop`, SIGTERM or SIGUSR1 stop it after the step (exit\n"
        "code 75). In the log watch E-/E+, healthy between 0.85 and 1.15; the loss is no measure\n"
        "of progress.\n"
        "\n"
        "  mpirun -n 4 jetnae train configs/jets-nae.yaml data.input=train.h5 out=runs/qcd\n"
        "  mpirun -n 4 jetnae train from=runs/qcd/model.h5 out=runs/qcd-again\n"
        "  mpirun -n 4 jetnae train configs/jets-nae.yaml data.input=train.h5 data.normal=1 \\\n"
        "    objective=ae out=runs/top-ae\n"
        "  mpirun -n 4 jetnae train configs/jets-features-nae.yaml data.input=train.h5 \\\n"
        "    ensemble=2 out=runs/ensemble\n"
        "  jetnae train configs/digits-small.yaml data.input=t10k-images-idx3-ubyte.gz \\\n"
        "    data.limit=8000 out=runs/digits\n",
    .needs_config = true,
    .run = run,
};
