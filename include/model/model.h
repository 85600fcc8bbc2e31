/* A trained model in a file: written by train, read by everything else and by the C library.
 * Plain HDF5, no MPI, opens with h5py: /encoder/0 ... /decoder/3, one group per layer with its
 * type and attributes and one dataset per tensor (named dimensions), what the layers see
 * (spectral weights are already divided), with its CRC-32 as an attribute, verified on reading;
 * /input shape, names of features, mean and scale where samples are standardised; temperature;
 * /config, the options that make the result as text, so that scoring prepares data as training
 * did; /provenance. The same model gives the same bytes. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/provenance.h"
#include "net/net.h"

/* Version 1 knows nothing of mean and scale, and is what a model without them has. */
enum { MODEL_FORMAT = 2, FEATURES_TEXT = 256 };

/* Numbers beside the network, for people and plots. */
typedef struct ModelArray {
  const char *name, *axis;
  long n;
  const double *value; /* (n) */
} ModelArray;

typedef struct Model {
  NetSpec spec;
  Shape input;
  char features[FEATURES_TEXT]; /* what its channels are: "mass, pt, ..."; "": not said */
  float *mean, *scale;          /* (input) a sample is (x - mean) / scale; NULL: x as it is */
  Net *net;
  float *w; /* (P) effective weights */
  char objective[24];
  char energy[24];       /* "mse", ...: what the reconstruction error is */
  double temperature;    /* 0: none */
  double z_step, x_step; /* mala: l / T of the chains; 0: none */
  char *config;          /* resolved configuration (YAML text) */
  const ModelArray *pca; /* datasets of /pca, ended by a NULL name; NULL: none; not read back */
} Model;

/* model->w holds what the layers see. Errors: cannot write (disk full: the old file stays;
 * written to a temporary name, synced, renamed). */
Err model_save(const char *path, const Model *model, const Fact *provenance);
/* The layers keep their attribute `spectral`, the network of the loaded model applies none.
 * Owns: free with model_free. Errors: no file, not HDF5, not a model, damaged, newer format. */
Err model_load(const char *path, Model *model);
void model_free(Model *model);

#endif
