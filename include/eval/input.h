/* Rows as a model wants them: prepared like those that it was trained on. */
#ifndef EVAL_INPUT_H
#define EVAL_INPUT_H

#include "data/dataset.h"
#include "model/model.h"

/* Collective. Load a data set for a model, for rows taken in order (data/passing.h) by `threads` of
 * each rank: opts are those of its configuration, with another input. Owns: the caller,
 * dataset_free. Errors: those of dataset_load; samples of another shape. */
Err input_load(Dataset *data, const Comm *comm, const DataOpts *opts, const Model *model,
               int threads, const char *what);

#endif
