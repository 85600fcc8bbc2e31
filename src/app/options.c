/* The table. A new option is a row here and its default in config_defaults(). */
#include <math.h>

#include "app/option.h"

#define CHOICES(function, ...)                                                                   \
  static const char *function(int i) {                                                           \
    static const char *const name[] = {__VA_ARGS__, NULL};                                       \
    return name[i];                                                                              \
  }
CHOICES(isa_names, "auto", "c", "avx2", "avx512")
CHOICES(merge_names, "sum", "last")
CHOICES(layout_names, "dense", "p4")
CHOICES(bad_rows_names, "error", "skip")
CHOICES(prepare_names, "jets", "exact", "pixels")
CHOICES(standardise_names, "auto", "true", "false")
CHOICES(optimizer_names, "adam", "adamw")
CHOICES(schedule_names, "constant", "cosine", "step")
CHOICES(select_names, "loss", "gap", "auc", "last", "auto", "wasserstein")
CHOICES(noise_names, "gaussian", "masking", "salt_pepper")
CHOICES(gamma_names, "relative", "absolute")
CHOICES(walk_names, "none", "line", "grid")
CHOICES(scale_names, "fixed", "trained")
CHOICES(clip_names, "none", "sample", "element", "row", "unit")
_Static_assert(PIXEL_LAST == 1 && BAD_SKIP == 1 && OPT_ADAMW == 1, "order of names");
_Static_assert(PREPARE_PIXELS == 2, "order of names");
_Static_assert(STANDARDISE_FALSE == 2, "order of names");
_Static_assert(SCHEDULE_STEP == 2 && SELECT_WASSERSTEIN == 5, "order of names");
_Static_assert(NOISE_SALT_PEPPER == 2, "order of names");
_Static_assert(GAMMA_ABSOLUTE == 1 && CLIP_UNIT == 4 && SCALE_TRAINED == 1, "order of names");
_Static_assert(WALK_GRID == 2, "order of names");

/* What is minimised step by step, and what is fitted. */
static const char *objective_names(int i) {
  if (i == 0) return "pca";
  const Objective *objective = objective_at(i - 1);
  return objective ? objective->name : NULL;
}
static const char *objective_help(int i) {
  return i == 0 ? "principal components, by a fit" : objective_at(i - 1)->help;
}
static const char *energy_names(int i) {
  const Distance *distance = distance_at(i);
  return distance ? distance->name : NULL;
}
static const char *energy_help(int i) { return distance_at(i)->help; }
static const char *pretrain_names(int i) {
  for (int k = 0; objective_at(k); k++)
    if (!objective_at(k)->contrastive && i-- == 0) return objective_at(k)->name;
  return NULL;
}
static const char *sampler_names(int i) {
  const Sampler *sampler = sampler_at(i);
  return sampler ? sampler->name : NULL;
}
static const char *reader_names(int i) {
  if (i == 0) return "auto";
  const Reader *reader = reader_at(i - 1);
  return reader ? reader->name : NULL;
}

static const char *view_names(int i) {
  const View *view = view_at(i);
  return view ? view->name : NULL;
}

/* The place of a field, checked to be of the type that the kind writes. */
#define AT(type, field)                                                                          \
  _Generic(((Config *)0)->field, type                                                            \
           : offsetof(Config, field), const type                                                 \
           : offsetof(Config, field))
#define INT(field)      .kind = &kind_int, .offset = AT(int, field)
#define LONG(field)     .kind = &kind_long, .offset = AT(long, field)
#define REAL(field)     .kind = &kind_real, .offset = AT(double, field)
#define SWITCH(field)   .kind = &kind_bool, .offset = AT(bool, field)
#define SEED(field)     .kind = &kind_seed, .offset = AT(uint64_t, field)
#define TEXT(field)     .kind = &kind_text, .offset = AT(char *, field)
#define PATH(field)     .kind = &kind_path, .offset = AT(char *, field)
#define NAME(field, of) .kind = &kind_name, .offset = AT(char *, field), .choice = of
#define CHOICE(field, of)                                                                        \
  .kind = &kind_choice,                                                                          \
  .offset = offsetof(Config, field) + 0 * sizeof(char[SIZE_OF_INT(field)]), .choice = of
#define SIZE_OF_INT(field) (sizeof(((Config *)0)->field) == sizeof(int) ? 1 : -1)
#define LAYERS(list, n)                                                                          \
  .kind = &kind_layers, .offset = offsetof(Config, list), .also = offsetof(Config, n)

#define FROM(a)         .low = a, .high = INFINITY
#define ABOVE(a)        .low = a, .high = INFINITY, .above = true
#define WITHIN(a, b)    .low = a, .high = b
#define INSIDE(a, b)    .low = a, .high = b, .above = true
#define OR(text, value) .word = text, .word_value = value

/* clang-format off */
static const Option options[] = {
  {"objective", .kind = &kind_word, .offset = offsetof(Config, train.objective),
   .choice = objective_names, .about = objective_help, .help = "What is minimised."},
  {"energy", .kind = &kind_word, .offset = offsetof(Config, train.energy),
   .choice = energy_names, .about = energy_help,
   .help = "How far a reconstruction is from its sample."},
  {"seed", SEED(train.seed),
   .help = "Of everything random: weights, order, splits, chains."},
  {"out", PATH(out), .class = RUN_ONLY,
   .help = "The run directory, or the output of a command that writes one file."},
  {"from", PATH(from), .class = RUN_ONLY,
   .help = "train: run again what made this model, checkpoint, scores or run directory."},
  {"fresh", SWITCH(train.fresh), .class = RUN_ONLY,
   .help = "Start over in a directory that holds a run; what was there is lost."},
  {"ensemble", INT(ensemble), WITHIN(1, 1000), .class = RUN_ONLY,
   .help = "Train so many members side by side, with seed, seed + 1, ...; score averages them."},
  {"threads", INT(train.threads), WITHIN(0, 4096), OR("auto", 0), .class = RUN_ONLY,
   .help = "Of each rank; auto: the node's cores over its ranks."},
  {"isa", NAME(isa, isa_names), .class = RUN_ONLY,
   .help = "Instruction set of the kernels; all give the same bits."},
  {"quiet", SWITCH(quiet), .class = RUN_ONLY, .help = "No notes and no progress lines."},
  {"csv", SWITCH(csv), .class = RUN_ONLY, .help = "bench: lines for machines."},
  {"cases", TEXT(cases), .class = RUN_ONLY,
   .help = "bench: only the cases whose names hold this; \"\": all."},

  {"data.source", NAME(data.source.reader, reader_names), .class = RUN_ONLY,
   .help = "How to read data.input; auto: recognised from the file. toy makes jets, line "
           "points near a line, gaussians eight Gaussians and s_curve an S in the plane, chirp "
           "chirps in noise; these need none."},
  {"data.input", PATH(data.source.path), .class = RUN_ONLY,
   .aliases = "indist_train", .help = "The file to train on, to score, to prepare."},
  {"data.valid", PATH(valid), .class = RUN_ONLY, .aliases = "indist_val",
   .help = "A file to validate on; \"\": data.valid_fraction of data.input."},
  {"data.valid_fraction", REAL(valid_fraction), INSIDE(0, 0.9),
   .help = "Share of data.input held out for validation, chosen by a hash of the row number."},
  {"data.normal", .kind = &kind_class, .offset = AT(int, normal),
   .help = "The class that counts as normal and is trained on; \"not 9\": every class but 9; all: "
           "take what comes."},
  {"data.contamination", REAL(contamination), WITHIN(0, 1),
   .help = "Share of anomalies (every other class) among what is trained on; their number and that "
           "of normal samples add up to data.train_limit."},
  {"data.train_limit", LONG(train_limit), FROM(0), OR("all", 0),
   .help = "Train on so many samples of the normal class."},
  {"data.valid_limit", LONG(valid_limit), FROM(0), OR("all", 0),
   .help = "Validate on so many samples of the normal class."},
  {"data.limit", LONG(data.limit), FROM(0), OR("all", 0), .class = RUN_ONLY,
   .help = "Read only the first rows of data.input."},
  {"data.bad_rows", CHOICE(data.bad_rows, bad_rows_names),
   .help = "Rows with NaN or negative energy: stop with an error, or skip and count them."},
  {"data.memory_gb", REAL(data.memory_gb), ABOVE(0), .unit = "GB", .class = RUN_ONLY,
   .help = "Memory of one node that the data may take. A lean file whose samples need more is "
           "streamed: windows of them lie in memory, with the same result. So is any input of "
           "score, encode, reconstruct and evidence, which is then read twice."},
  {"data.block", LONG(block), FROM(1),
   .help = "Order of training: consecutive samples that move together."},
  {"data.window", LONG(window), FROM(1),
   .help = "Order of training: blocks whose samples are mixed."},
  {"data.x", TEXT(data.source.x_path), .help = "hdf5: path of the samples inside the file."},
  {"data.target", TEXT(data.source.target_path),
   .help = "hdf5: path of clean samples, the targets of noisy ones in data.x; \"\": none."},
  {"data.label", TEXT(data.source.label_path), .help = "hdf5: path of the labels; \"\": none."},
  {"data.weight", TEXT(data.source.weight_path),
   .help = "hdf5: path of per-sample weights; \"\": none."},
  {"data.layout", NAME(data.source.layout, layout_names),
   .help = "hdf5: dense samples [N, ...], or four-momenta p4 [N, T, 4] as E, px, py, pz in GeV."},
  {"data.labels", TEXT(data.source.labels), .class = RUN_ONLY,
   .help = "idx: label file; \"\": found from the name of the images."},
  {"data.scale", REAL(data.source.scale), ABOVE(0), .help = "idx: factor of the bytes."},
  {"data.toy_jets", LONG(data.source.toy_jets), FROM(1), .class = RUN_ONLY,
   .help = "toy, line, gaussians, s_curve, chirp: how many rows to make; jets half QCD-like (0), "
           "half top-like (1)."},
  {"data.toy_seed", SEED(data.source.seed), .class = RUN_ONLY,
   .help = "Of what is made inside: another seed, other rows; independent of `seed`."},
  {"data.chirp_samples", INT(data.source.chirp.samples), WITHIN(16, 4096), .multiple = 2,
   .help = "chirp: length of the time series, at 1,024 Hz."},
  {"data.chirp_snr_low", REAL(data.source.chirp.snr_low), ABOVE(0),
   .help = "chirp: least matched-filter signal-to-noise ratio."},
  {"data.chirp_snr_high", REAL(data.source.chirp.snr_high), ABOVE(0),
   .help = "chirp: largest."},
  {"data.view", NAME(data.view.name, view_names),
   .help = "What a jet becomes: image; sequence of its constituents, hardest first, each by share "
           "of pT, eta', phi'; features: mass, pT, multiplicity, width, pTD, tau1 to tau3, tau21, "
           "tau32, C2."},
  {"data.points", INT(data.view.points), WITHIN(1, POINTS_MOST), .unit = "constituents",
   .help = "sequence: its length; of longer jets the hardest are kept, shorter ones padded with "
           "zeros."},
  {"data.standardise", CHOICE(standardise, standardise_names),
   .help = "Shift and scale each element of a sample to mean 0 and deviation 1 over what is "
           "trained on; auto: for features only. Energies and chains are then in these units."},
  {"data.image_size", INT(data.view.image.size), WITHIN(4, 512), .unit = "pixels",
   .help = "Height and width of a jet image; its window in eta and phi stays the same."},
  {"data.width_eta", REAL(data.view.image.width_eta), ABOVE(0),
   .help = "Width in eta of a pixel of a 40 x 40 image."},
  {"data.width_phi", REAL(data.view.image.width_phi), ABOVE(0), .unit = "rad",
   .help = "Width in phi of a pixel of a 40 x 40 image."},
  {"data.pixel_merge", CHOICE(data.view.image.merge, merge_names), .aliases = "pixel_merge",
   .help = "Constituents in one pixel: add them, or let the last win as published codes do."},
  {"data.smooth", REAL(data.view.image.smooth), FROM(0), .unit = "pixels",
   .help = "Sigma of a Gaussian filter on the image; 0: none."},
  {"data.power", REAL(data.view.image.power), INSIDE(0, 4),
   .help = "Raise pixels to this power and scale the sum back to 1; 1: leave."},
  {"data.pixel_sum", REAL(data.view.image.sum), ABOVE(0),
   .help = "Sum of a finished image; 1, as published, makes pixels of 0.001 that weights of usual "
           "size and steps of the optimizer hardly resolve."},
  {"data.constituents", INT(data.view.image.constituents), FROM(0), OR("all", 0),
   .help = "Use at most so many constituents of a jet: the first of its list."},

  {"net.encoder", LAYERS(net.encoder, net.n_encoder),
   .help = "Layers from a sample to its code."},
  {"net.decoder", LAYERS(net.decoder, net.n_decoder),
   .help = "Layers from a code back to a sample."},
  {"net.spectral", SWITCH(spectral),
   .help = "Spectral normalisation of all layers that do not say it themselves."},
  {"net.sphere", SWITCH(sphere), .aliases = "spherical",
   .help = "Codes live on the unit sphere: a `sphere` layer ends the encoder."},

  {"train.batch", LONG(train.batch), FROM(16), .multiple = 16, .aliases = "batch_size",
   .help = "Samples of one step over all ranks; wnae: all wait for a transport that takes n^2 to "
           "n^3."},
  {"train.leaf", INT(train.leaf), WITHIN(1, 1024), .unit = "tiles of 16",
   .help = "Samples whose gradient is summed at once; larger is faster for wide dense layers."},
  {"train.steps", LONG(train.steps), FROM(0), OR("all", 0), .class = MAY_EXTEND,
   .help = "Stop after so many optimizer steps in all; mpdr: of the energy."},
  {"train.ae_epochs", INT(train.ae.epochs), FROM(0), .class = MAY_EXTEND, .aliases = "ae_epoch",
   .help = "Epochs of the plain autoencoder phase."},
  {"train.ae_rate", REAL(train.ae.rate), ABOVE(0), .aliases = "ae_lr",
   .help = "Learning rate of that phase."},
  {"train.ae_clip", REAL(train.ae.clip), FROM(0), OR("none", 0),
   .help = "Largest norm of the gradient."},
  {"train.ae_patience", INT(train.ae.patience), FROM(0), OR("never", 0),
   .help = "End the phase after so many validations in a row that were no better."},
  {"train.nae_epochs", INT(train.nae.epochs), FROM(0), .class = MAY_EXTEND,
   .aliases = "nae_epoch",
   .help = "Epochs of the normalized phase (objective: nae), of the energy (mpdr)."},
  {"train.nae_rate", REAL(train.nae.rate), ABOVE(0), .aliases = "nae_lr",
   .help = "Learning rate of that phase; much smaller than the first."},
  {"train.nae_clip", REAL(train.nae.clip), FROM(0), OR("none", 0),
   .help = "Largest norm of the gradient."},
  {"train.nae_patience", INT(train.nae.patience), FROM(0), OR("never", 0),
   .help = "End the phase after so many validations in a row that were no better."},
  {"train.start", PATH(start), .class = RUN_ONLY,
   .help = "Begin with the weights, and the standardisation, of this model.h5 (jetnae import)."},
  {"train.optimizer", CHOICE(train.optimizer, optimizer_names), .help = "adamw: with decay."},
  {"train.beta1", REAL(train.beta1), WITHIN(0, 0.999999),
   .help = "Adam: memory of the gradient."},
  {"train.beta2", REAL(train.beta2), WITHIN(0, 0.999999), .help = "Adam: memory of its square."},
  {"train.epsilon", REAL(train.epsilon), ABOVE(0),
   .help = "Adam: added to the root; the log says how many second moments lie below."},
  {"train.decay", REAL(train.decay), FROM(0), .help = "adamw: weight decay."},
  {"train.schedule", CHOICE(train.schedule, schedule_names), .help = "Course of the rates."},
  {"train.schedule_step", INT(train.schedule_step), FROM(1), .unit = "epochs",
   .help = "schedule step: between two factors."},
  {"train.schedule_factor", REAL(train.schedule_factor), INSIDE(0, 1),
   .help = "schedule step: the factor; cosine: last rate over first."},
  {"train.l2_encoder", REAL(train.l2_encoder), FROM(0), .aliases = "l2_norm_reg_en",
   .help = "Weight of |encoder parameters|^2 in the loss."},
  {"train.l2_decoder", REAL(train.l2_decoder), FROM(0), .aliases = "l2_norm_reg_de",
   .help = "Weight of |decoder parameters|^2 in the loss."},
  {"train.select", CHOICE(train.select, select_names),
   .help = "model.h5 is the state of smallest held-out loss, smallest |E+ - E-|, largest AUC on "
           "labelled signal, smallest Wasserstein distance of negatives to held-out samples, or "
           "the last validated; auto: gap for replayed chains at a fixed T, else last, since where "
           "T follows E+, or chains start at data, the smallest gap is where the phase began."},
  {"train.validate_epochs", LONG(train.validate_epochs), FROM(1), .unit = "epochs",
   .help = "Between two validations."},
  {"train.checkpoint_steps", LONG(train.checkpoint_steps), FROM(0), OR("never", 0),
   .class = RUN_ONLY, .help = "Optimizer steps between two checkpoints."},
  {"train.checkpoint_minutes", REAL(train.checkpoint_minutes), FROM(0), OR("never", 0),
   .unit = "min", .class = RUN_ONLY, .help = "Minutes between two checkpoints."},

  {"pca.components", LONG(train.components), FROM(1),
   .help = "Length of the code of objective pca."},

  {"sparse.l1", REAL(train.obj.sparse_l1), FROM(0), .help = "Weight of the code's L1 norm."},
  {"sparse.kl", REAL(train.obj.sparse_kl), FROM(0),
   .help = "Weight of the KL of each feature's mean activation to sparse.target; wants an encoder "
           "that ends with sigmoid."},
  {"sparse.target", REAL(train.obj.sparse_target), WITHIN(0.001, 0.999),
   .help = "The mean activation that sparse.kl asks for."},
  {"sparse.memory", REAL(train.obj.sparse_memory), WITHIN(0, 0.9999),
   .help = "Of the running mean activation, for each step."},
  {"sparse.zero", REAL(train.obj.sparse_zero), FROM(0),
   .help = "Features of the code beyond it count as active in the log."},
  {"vae.beta", REAL(train.obj.vae_beta), FROM(0),
   .help = "Weight of the KL against the sum of squared errors."},
  {"vae.anneal_steps", INT(train.obj.vae_anneal_steps), FROM(0), .unit = "steps",
   .help = "Steps in which beta grows from 0 to its value."},
  {"denoise.noise", CHOICE(train.obj.noise, noise_names),
   .help = "On the input: gaussian, level times a normal number on every feature; masking, a "
           "feature is 0 with probability level; salt_pepper, it is the sample's largest or "
           "smallest value."},
  {"denoise.level", REAL(train.obj.noise_level), FROM(0),
   .help = "Standard deviation, or probability."},

  {"nae.pretrain", .kind = &kind_word, .offset = offsetof(Config, train.pretrain),
   .choice = pretrain_names, .help = "The objective of the first phase."},
  {"nae.mode", CHOICE(mode, negative_mode_name),
   .help = "Where negatives start: latent chain and decoder; replay in x; data, the only one where "
           "layers or the energy leave absent points out. No choice of objective mpdr: there in "
           "the diffused code of a datum."},
  {"nae.chains", LONG(train.chain.chains), FROM(0), OR("batch", 0), .multiple = 16,
   .help = "Markov chains over all ranks."},
  {"nae.z_sampler", NAME(train.chain.z_sampler, sampler_names),
   .help = "Latent chain: langevin, as published (step and noise set apart); mala, exact."},
  {"nae.z_steps", INT(train.chain.z.steps), FROM(0), .aliases = "z_step",
   .help = "Steps of the latent chain."},
  {"nae.z_step_size", REAL(train.chain.z.step), ABOVE(0), OR("auto", 0),
   .aliases = "z_stepsize",
   .help = "langevin: step size (auto: z_noise^2 / 2, at which the chain's temperature is T); "
           "mala: l, where its adaption starts (auto: from T)."},
  {"nae.z_noise", REAL(train.chain.z.noise), FROM(0), .aliases = "z_noise_std",
   .help = "langevin: standard deviation of the noise."},
  {"nae.z_noise_anneal", SWITCH(train.chain.z.anneal), .aliases = "z_noise_anneal",
   .help = "langevin: noise / (1 + i) in step i."},
  {"nae.z_clip", CHOICE(train.chain.z.clip, clip_names),
   .help = "Limit the gradient of each sample, element, or row of the last axis to "
           "nae.z_clip_norm; unit is no limit: the gradient of E/T always gets the norm 1 (mpdr, "
           "as published)."},
  {"nae.z_clip_norm", REAL(train.chain.z.clip_norm), ABOVE(0),
   .aliases = "z_clip_langevin_grad", .help = "Its largest norm."},
  {"nae.z_bounded", SWITCH(train.chain.z.bounded), .help = "langevin: keep z in [low, high]."},
  {"nae.z_low", REAL(train.chain.z.low), .help = "Lower bound."},
  {"nae.z_high", REAL(train.chain.z.high), .help = "Upper bound."},
  {"nae.x_sampler", NAME(train.chain.x_sampler, sampler_names),
   .help = "Visible chain: langevin or mala."},
  {"nae.x_steps", INT(train.chain.x.steps), FROM(0), .aliases = "x_step",
   .help = "Steps of the visible chain."},
  {"nae.x_step_size", REAL(train.chain.x.step), ABOVE(0), OR("auto", 0),
   .aliases = "x_stepsize",
   .help = "langevin: step size (auto: x_noise^2 / 2, at which the chain's temperature is T); "
           "mala: l, where its adaption starts (auto: from T)."},
  {"nae.x_noise", REAL(train.chain.x.noise), FROM(0), .aliases = "x_noise_std",
   .help = "langevin: standard deviation of the noise."},
  {"nae.x_noise_anneal", SWITCH(train.chain.x.anneal), .aliases = "x_noise_anneal",
   .help = "langevin: noise / (1 + i) in step i."},
  {"nae.x_clip", CHOICE(train.chain.x.clip, clip_names),
   .help = "Limit the gradient of each sample, element, or row of pixels to nae.x_clip_norm; "
           "unit is no limit: the gradient of E/T always gets the norm 1."},
  {"nae.x_clip_norm", REAL(train.chain.x.clip_norm), ABOVE(0),
   .aliases = "x_clip_langevin_grad", .help = "Its largest norm."},
  {"nae.x_bounded", SWITCH(train.chain.x.bounded), .help = "langevin: keep x in [low, high]."},
  {"nae.x_low", REAL(train.chain.x.low), .help = "Lower bound."},
  {"nae.x_high", REAL(train.chain.x.high), .help = "Upper bound."},
  {"nae.x_warm", SWITCH(train.chain.x_warm),
   .help = "Start visible chains at D(z) + sqrt(d T / 2) xi: stationary at once."},
  {"nae.temperature", .kind = &kind_temperature, ABOVE(0),
   .offset = AT(double, train.chain.temperature),
   .also = offsetof(Config, train.chain.temperature_mode), .aliases = "temperature",
   .help = "T of exp(-E/T); auto: from the held-out error when the phase starts."},
  {"nae.z_temperature", REAL(train.chain.z_temperature), FROM(0), OR("same", 0),
   .aliases = "z_temperature", .help = "Of the latent chain; same: as nae.temperature."},
  {"nae.temperature_rate", REAL(train.chain.temperature_rate), ABOVE(0),
   .help = "temperature trained: learning rate of log T."},
  {"nae.gamma", REAL(train.chain.gamma), FROM(0), .aliases = "gamma",
   .help = "Weight of E-^2 in the loss; keeps the energy of negatives from running away. "
           "Relative: well below 0.5 (0.5 / T for a fixed T), where it outweighs the contrastive "
           "term at E- = E+."},
  {"nae.gamma_unit", CHOICE(train.chain.gamma_unit, gamma_names), .aliases = "gamma_unit",
   .help = "relative: in units of 1/E+ at the start of the phase; absolute: as published."},
  {"nae.replay_slots", INT(train.chain.replay_slots), WITHIN(1, 255),
   .help = "Results that each chain remembers."},
  {"nae.replay_buffer", LONG(replay_buffer), FROM(0), OR("slots", 0), .aliases = "buffer_size",
   .help = "Results that all chains remember, as published; makes replay_slots from it."},
  {"nae.replay_ratio", REAL(train.chain.replay_ratio), WITHIN(0, 1), .aliases = "replay_ratio",
   .help = "Share of chains that start from a remembered result."},
  {"nae.warmup_steps", INT(train.chain.warmup_steps), FROM(0),
   .help = "mala: optimizer steps in which its l adapts to an acceptance of 0.57."},

  {"mpdr.latents", TEXT(latents),
   .help = "mpdr: lengths of the codes of the autoencoders that are trained and frozen first, in "
           "DIR/manifold-0, ...: 3,8,16. A step takes one of them. \"\": one, the network as "
           "given."},
  {"mpdr.manifold", PATH(manifold), .class = RUN_ONLY,
   .help = "mpdr: instead, autoencoders of earlier runs, by commas: model.h5 or run directories."},
  {"mpdr.sigma_low", REAL(train.chain.recovery.sigma_low), ABOVE(0),
   .help = "mpdr: a code is diffused by a normal number times sigma; the lower end of sigma, which "
           "is uniform up to mpdr.sigma_high."},
  {"mpdr.sigma_high", REAL(train.chain.recovery.sigma_high), ABOVE(0),
   .help = "mpdr: the upper end of the sigma of diffused codes (mpdr.sigma_low). Codes on a sphere "
           "have the length 1."},
  {"mpdr.z_recovery", REAL(train.chain.recovery.z_weight), FROM(0),
   .help = "mpdr: what pulls the latent chain back to the diffused code z~: E/T + this times "
           "|e0(x) - z~|^2 / (2 sigma^2)."},
  {"mpdr.x_recovery", REAL(train.chain.recovery.x_weight), FROM(0),
   .help = "mpdr: what pulls the visible chain back to the diffused code z~: E/T + this times "
           "|e0(x) - z~|^2 / (2 sigma^2)."},
  {"mpdr.scale", CHOICE(train.chain.scale, scale_names),
   .help = "mpdr: whether the factor s of the energy, E = s times the error, is trained, with rate "
           "nae.temperature_rate. The T of log and model is nae.temperature over s. Only with a "
           "number for nae.temperature; a scalar energy has its scale in its weights."},

  {"guard.steps", INT(train.guard.steps), FROM(1), .unit = "steps",
   .help = "Between two states that a diverging run can fall back to."},
  {"guard.band_low", REAL(train.guard.band_low), FROM(0), .help = "Lowest healthy E-/E+."},
  {"guard.band_high", REAL(train.guard.band_high), ABOVE(0), .help = "Highest healthy E-/E+."},
  {"guard.rows", INT(train.guard.rows), FROM(1),
   .help = "Log rows in a row outside the band that mean divergence."},
  {"guard.rollbacks", INT(train.guard.rollbacks), FROM(0), .help = "Give up after so many."},
  {"guard.rate_factor", REAL(train.guard.rate_factor), INSIDE(0, 1),
   .help = "Factor of the rate after each."},

  {"log.wasserstein", SWITCH(train.wasserstein),
   .help = "At validations measure the squared Wasserstein-2 distance of the negatives to held-out "
           "samples (column valid_wasserstein), as train.select=wasserstein does. Two batches of "
           "the same density have one, too, and in many dimensions negatives that spread less than "
           "the data have a smaller one."},
  {"log.steps", LONG(train.log_steps), FROM(1), .unit = "steps", .help = "Between two log rows."},
  {"log.tensorboard", SWITCH(train.tensorboard), .class = RUN_ONLY,
   .help = "Each log row as an event for TensorBoard, too, with images where samples are images, "
           "in RUN/tensorboard."},
  {"stop.wall_minutes", REAL(train.wall_minutes), FROM(0), OR("never", 0), .unit = "min",
   .class = RUN_ONLY, .help = "Stop after so long with a checkpoint and exit code 75."},
  {"stop.margin_minutes", REAL(train.margin_minutes), FROM(0), .unit = "min",
   .class = RUN_ONLY,
   .help = "In a batch job: stop so long before its time limit (SLURM_JOB_END_TIME)."},
  {"watchdog.minutes", REAL(train.watchdog_minutes), FROM(0), OR("never", 0), .unit = "min",
   .class = RUN_ONLY,
   .help = "End the run when ranks have waited so long for others, and say for which."},

  {"generate.jets", LONG(jets), FROM(1), .class = RUN_ONLY, .help = "How many jets to make."},
  {"generate.table", SWITCH(generate_table), .class = RUN_ONLY,
   .help = "A plain table of the published top-tagging layout instead of a lean file."},
  {"prepare.layout", CHOICE(prepare_layout, prepare_names), .class = RUN_ONLY,
   .help = "Constituents as px, py, pz and the jet's mass; exact: their E too; pixels of images."},
  {"rows.from", LONG(rows_from), FROM(0), .class = RUN_ONLY,
   .help = "prepare: first row of data.input."},
  {"rows.to", LONG(rows_to), FROM(0), OR("end", 0), .class = RUN_ONLY,
   .help = "prepare: row behind the last."},
  {"scan.option", TEXT(scan_option), .class = RUN_ONLY,
   .help = "The option whose values are tried."},
  {"scan.values", TEXT(scan_values), .class = RUN_ONLY, .help = "Its values: 0,0.1,0.5,1"},
  {"scan.seeds", INT(scan_seeds), WITHIN(1, 1000), .class = RUN_ONLY,
   .help = "Runs for each value: seed, seed + 1, ..."},
  {"scan.groups", INT(scan_groups), FROM(0), OR("auto", 0), .class = RUN_ONLY,
   .help = "Groups of ranks that train side by side; auto: one for each rank."},
  {"scan.member", INT(scan_member), FROM(-1), OR("all", -1), .class = RUN_ONLY,
   .help = "Train this run only, numbered from 0, seeds of the first value first."},
  {"scan.test", PATH(scan_test), .class = RUN_ONLY,
   .help = "A labelled file to score; \"\": data.valid, or what is held out of data.input."},
  {"score.outliers", TEXT(outliers), .class = RUN_ONLY,
   .help = "score: sets to tell from the normal rows, by commas: constant (images of one random "
           "value), noise, or files of samples of the same shape."},
  {"import.weights", PATH(import_weights), .class = RUN_ONLY,
   .help = "import: a PyTorch state dict as HDF5 or safetensors."},
  {"import.map", PATH(import_map), .class = RUN_ONLY,
   .help = "import: lines `ours theirs`; without it layers are taken in order."},
  {"reconstruct.input", SWITCH(with_input), .class = RUN_ONLY,
   .help = "reconstruct: write the inputs beside what is made of them."},
  {"sample.count", LONG(sample_count), FROM(1), .class = RUN_ONLY,
   .help = "sample: how many; with sample.walk line: how many lines."},
  {"sample.walk", CHOICE(walk, walk_names), .class = RUN_ONLY,
   .help = "sample, vae: instead of draws, codes along lines between draws, or on a grid."},
  {"sample.walk_steps", INT(walk_steps), WITHIN(2, 1000), .class = RUN_ONLY,
   .help = "Points of a line, or of a side of the grid."},
  {"evidence.chains", LONG(evidence_chains), WITHIN(16, 1000000000), .class = RUN_ONLY,
   .help = "evidence: annealed chains, each of one weight."},
  {"evidence.steps", INT(evidence_steps), WITHIN(1, 1000000), .class = RUN_ONLY,
   .help = "evidence: rungs of the ladder from the Gaussian to the model."},
  {"evidence.transitions", INT(evidence_transitions), WITHIN(1, 10000), .class = RUN_ONLY,
   .help = "evidence: MALA steps of a chain on each rung."},
  {"floor.auc_direct", REAL(floor_auc_direct), WITHIN(0, 1), .class = RUN_ONLY,
   .help = "Quick start: fail below (train on QCD, find tops)."},
  {"floor.auc_inverse", REAL(floor_auc_inverse), WITHIN(0, 1), .class = RUN_ONLY,
   .help = "Quick start: fail below (train on tops, find QCD)."},
};
/* clang-format on */

const Option *option_at(int i) {
  int n = (int)(sizeof options / sizeof *options);
  return i >= 0 && i < n ? options + i : NULL;
}
