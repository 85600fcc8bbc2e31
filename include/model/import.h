/* Weights from elsewhere into a model: which of their tensors is which of ours, of the right shape,
 * under spectral normalisation divided by the singular value that its vectors say.
 *
 * Ours are called encoder.0.weight, encoder.0.bias, encoder.1.slope, ... (`jetnae info` lists
 * them), and input.mean, input.scale where samples are standardised. A map is lines of text
 * `ours theirs`, each of ours once; `- theirs` leaves one of theirs out; # begins a comment.
 *
 * Without a map theirs must be called encoder.<layer>.<tensor>, decoder.<layer>.<tensor>, as in a
 * PyTorch module with two nn.Sequential: those of their layers that have tensors are taken for
 * those of ours, in order. Inside a layer names agree, except that a PReLU's `weight` is our
 * `slope` and a recurrent layer's tensors end with _l0. */
#ifndef MODEL_IMPORT_H
#define MODEL_IMPORT_H

#include "model/model.h"
#include "model/state_dict.h"

/* Fill model->w (P), and mean and scale if the map names them; model->net and model->input are
 * there. map NULL: none; `map_path` and `dict_path` are for messages. Owns: model_free frees what
 * this makes. Errors: a tensor that is missing, of another shape, not finite, or that no layer
 * takes; a map with a line that makes no sense. */
Err import_weights(Model *model, const StateDict *dict, const char *dict_path, const char *map,
                   const char *map_path);

#endif
