/* The frozen autoencoders of objective mpdr: which there are, the configuration that trains one,
 * and all of them loaded. */
#ifndef APP_MANIFOLDS_H
#define APP_MANIFOLDS_H

#include "app/config.h"
#include "model/model.h"

enum { MANIFOLDS_MOST = 16, MANIFOLD_PATH = 4096 };

/* The loaded ones. */
typedef struct Frozen {
  int n;
  Model model[MANIFOLDS_MOST];
  Manifold at[MANIFOLDS_MOST];
  uint64_t hash[MANIFOLDS_MOST]; /* of weights and standardisation */
} Frozen;

/* How many are to be trained; 0: mpdr.manifold names them. Errors: mpdr.latents is no list of
 * lengths, or given beside mpdr.manifold; a network that is no autoencoder. */
Err manifolds_wanted(int *n, const Config *config);
/* What trains the k-th of them as an ordinary run, in DIR/manifold-k, where `out` is kept.
 * Errors: no layer of the encoder says how long the code is. */
Err manifolds_config(Config *one, char out[MANIFOLD_PATH], const Config *config, int k);
/* Load them: n trained ones, or what mpdr.manifold names. Owns: the caller, manifolds_free, on
 * errors too. Errors: no model; none of an autoencoder for such samples. Of their units:
 * manifolds_suit. */
Err manifolds_load(Frozen *frozen, const Config *config, int n, Shape input);
/* Errors: one of them is used to other units than samples that were standardised so. */
Err manifolds_suit(const Frozen *frozen, const Standard *standard);
void manifolds_free(Frozen *frozen);

#endif
