#include "train/temperature.h"

#include <math.h>

#include "num/elem.h"

double temperature_auto(double plus, long dim, long manifold) {
  return 2 * plus / (double)(dim - manifold);
}

double mala_start(long dim, long n) {
  double variance = (double)dim / 2; /* over T */
  return 1.65 * 1.65 / 2 * variance * elem_exp(-elem_log((double)n) / 3);
}

void mala_adapt(double *step, double *move, int64_t accepted, int64_t proposed) {
  const double coarse = 1.5, fine = 1.05;
  if (proposed == 0) return;
  bool up = 100 * accepted > 57 * proposed, first = *move == 1, was_up = *move > 1;
  bool searching = first || *move == coarse || *move == 1 / coarse;
  double factor = searching && (first || up == was_up) ? coarse : fine;
  *move = up ? factor : 1 / factor;
  *step *= *move;
}

double latent_temperature(const NaeOpts *nae, const Learned *now) {
  return nae->z_temperature > 0 ? nae->z_temperature : now->temperature;
}

void bound_latent_step(Learned *now, const NaeOpts *nae, const Net *net) {
  double most = 1 / latent_temperature(nae, now);
  bool narrow = net_on_sphere(net) || nae->mode == NEG_RECOVERY;
  if (narrow && now->z_step > most) now->z_step = most;
}

void temperature_train(Learned *now, const TrainOpts *opts, double plus, double minus) {
  const double epsilon = 1e-8;
  double slope = -(plus - minus) / now->temperature; /* d/d log T of (E+ - E-)/T */
  double b1 = opts->beta1, b2 = opts->beta2;
  now->log_t_m = b1 * now->log_t_m + (1 - b1) * slope;
  now->log_t_v = b2 * now->log_t_v + (1 - b2) * slope * slope;
  double m = now->log_t_m / (1 - now->beta1_power), v = now->log_t_v / (1 - now->beta2_power);
  double move = opts->chain.temperature_rate * m / (sqrt(v) + epsilon);
  now->temperature *= elem_exp(-move);
}

/* Features of a row of the last axis: pixels of an image's row, all of a flat state. */
static int row_of(Shape shape) { return shape.h == 1 && shape.w == 1 ? shape.c : shape.w; }

/* langevin with a step that follows from its noise has the nominal temperature T. */
static void chain_at(ChainOpts *chain, Shape shape, double temperature, bool exact,
                     double step_per_t) {
  chain->row = row_of(shape);
  chain->temperature = temperature;
  if (exact)
    chain->step = step_per_t * temperature;
  else if (chain->step == 0)
    chain->step = chain->noise * chain->noise / 2;
}

bool scale_trained(const TrainOpts *opts) {
  const NaeOpts *nae = &opts->chain;
  return nae->mode == NEG_RECOVERY && nae->temperature_mode == T_FIXED &&
         nae->scale == SCALE_TRAINED && !distance_find(opts->energy)->scalar;
}

double temperature_used(const TrainOpts *opts, double trained) {
  bool said = opts->chain.temperature_mode == T_FIXED && !scale_trained(opts);
  return said ? opts->chain.temperature : trained;
}

void choose_manifold(NegativeOpts *opts, const Manifolds *manifolds, uint32_t step) {
  opts->manifold = recovery_choice(opts->seed, step, manifolds->n);
  const Manifold *manifold = &manifolds->at[opts->manifold];
  opts->z.sphere = manifold->sphere;
  opts->z.row = row_of(net_latent(manifold->net));
}

NegativeOpts negative_opts(const TrainOpts *opts, const Net *net, const Learned *now) {
  const NaeOpts *nae = &opts->chain;
  NegativeOpts out = {.mode = nae->mode,
                      .z_sampler = sampler_find(nae->z_sampler),
                      .x_sampler = sampler_find(nae->x_sampler),
                      .z = nae->z,
                      .x = nae->x,
                      .x_warm = nae->x_warm,
                      .replay_ratio = nae->replay_ratio,
                      .recovery = nae->recovery,
                      .seed = opts->seed};
  double z_temperature = latent_temperature(nae, now);
  out.z.sphere = net_on_sphere(net);
  out.x.sphere = false;
  out.x.points = distance_leaves_out(distance_find(opts->energy), net) ? net->input.w : 0;
  chain_at(&out.z, net_latent(net), z_temperature, out.z_sampler->exact, now->z_step);
  chain_at(&out.x, net->input, now->temperature, out.x_sampler->exact, now->x_step);
  return out;
}

void nominal_temperature(const ChainOpts *chain, const Sampler *sampler, double *first,
                         double *last) {
  double steps = chain->anneal && chain->steps > 0 ? chain->steps : 1;
  *first = *last = chain->temperature;
  if (sampler->exact) return;
  *first *= chain->noise * chain->noise / (2 * chain->step);
  *last = *first / (steps * steps);
}
