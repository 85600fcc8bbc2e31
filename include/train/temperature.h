/* The temperature of the energy, and the steps of `mala` that follow from it.
 *
 * With the mean square over d inputs as energy, exp(-E/T) has a variance of d T / 2 in each
 * direction off a manifold of dimension k, and the mean energy is (d - k) T / 2; so `auto` takes
 * T = 2 E+ / (d - k) from held-out data. Steps of mala are kept over T, so that they follow a
 * trained T. */
#ifndef TRAIN_TEMPERATURE_H
#define TRAIN_TEMPERATURE_H

#include "net/net.h"
#include "obj/negative.h"
#include "train/opts.h"
#include "train/packet.h"
#include "train/state.h"

double temperature_auto(double plus, long dim, long manifold);
/* l / T to start mala with: dim/2 is T's factor to a direction's variance s^2, and 1.65^2/2 s^2
 * n^(-1/3) is optimal for n such directions. Source: Roberts and Rosenthal 1998. */
double mala_start(long dim, long n);
/* Move l (over T) from this step's integer counts, aim 0.57: by 1.5 until the acceptance first
 * crosses the aim, since no guess knows the decoder's slopes, from then on by 1.05. move: the
 * last factor, 1 before the first. */
void mala_adapt(double *step, double *move, int64_t accepted, int64_t proposed);
/* T of the latent chain. */
double latent_temperature(const NaeOpts *nae, const Learned *now);
/* On the sphere no step is longer than it is wide, however flat the energy; nor are those that
 * start near the code of a datum. */
void bound_latent_step(Learned *now, const NaeOpts *nae, const Net *net);
/* One Adam step of log T on the loss (E+ - E-)/T. */
void temperature_train(Learned *now, const TrainOpts *opts, double plus, double minus);
/* The negative phase's options at the present T and steps. */
NegativeOpts negative_opts(const TrainOpts *opts, const Net *net, const Learned *now);
/* recovery: the frozen autoencoder of a step, and latent chains in its space. */
void choose_manifold(NegativeOpts *opts, const Manifolds *manifolds, uint32_t step);
/* s is learned, as T is. */
bool scale_trained(const TrainOpts *opts);
/* T at which a trained model is used: that of the options where it is a number, else that which the
 * training ended with. */
double temperature_used(const TrainOpts *opts, double trained);
/* Nominal temperature of a chain at its first and last step: T of mala, noise^2 T / (2 step) of
 * langevin. */
void nominal_temperature(const ChainOpts *chain, const Sampler *sampler, double *first,
                         double *last);

#endif
