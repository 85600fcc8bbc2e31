/* The parameters of a model that was trained elsewhere, by name: a PyTorch state dict saved as
 * safetensors, or as HDF5 with one dataset per key.
 *
 * Layers under spectral normalisation keep W and the vectors of its power iteration, as
 * `weight_orig`, `weight_u`, `weight_v` or as `parametrizations.weight.original`, `.0._u`,
 * `.0._v`; here they are one tensor, `weight`, with u and v. */
#ifndef MODEL_STATE_DICT_H
#define MODEL_STATE_DICT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { STATE_RANK = 8 };

typedef struct StateTensor {
  char *name;
  int n_dims;
  long dims[STATE_RANK];
  size_t size;  /* numbers; the product of dims */
  float *x;     /* (size); NULL: not of floating-point type */
  float *u, *v; /* of the power iteration; NULL: not normalised */
  size_t n_u, n_v;
} StateTensor;

typedef struct StateDict {
  int n;
  StateTensor *tensor; /* (n) in natural order of names: layer 2 before layer 10 */
} StateDict;

/* Owns: the caller, state_dict_free, on errors too. Errors: no such file; of another format;
 * truncated; a header that makes no sense. */
Err state_dict_read(StateDict *dict, const char *path);
void state_dict_free(StateDict *dict);
/* Index of the tensor of that name; -1. */
int state_dict_find(const StateDict *dict, const char *name);

/* For the readers of formats: append a tensor of that shape, x zeroed. */
StateTensor *state_dict_add(StateDict *dict, const char *name, int n_dims, const long *dims);
Err safetensors_read(StateDict *dict, const char *path);

#endif
