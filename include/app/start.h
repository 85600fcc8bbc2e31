/* Training that begins with the weights of a model: one that was imported, or that another run
 * left. */
#ifndef APP_START_H
#define APP_START_H

#include "app/config.h"
#include "model/model.h"

/* The model of config->start. Owns: the caller, model_free. Errors: no model; layers or samples
 * other than those of the configuration. */
Err start_load(Model *start, const Config *config, Shape input);
/* Whether both have the same tensors. */
bool start_fits(const Net *net, const Net *start);
/* Of the model's weights and standardisation: other ones make another run. */
uint64_t start_hash(const Model *start);

#endif
