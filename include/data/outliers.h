/* Samples that nobody would take for data, to see whether a model does: images of one random
 * value each, and images of noise. A plain autoencoder reconstructs the first kind well.
 * Source: arXiv 2105.05735, section 6. */
#ifndef DATA_OUTLIERS_H
#define DATA_OUTLIERS_H

#include "data/dataset.h"

/* "constant", "noise"; NULL past the end. */
const char *outliers_at(int i);
bool outliers_known(const char *name);
/* Collective. So many rows of a kind, their values uniform between the least and the largest of
 * `like`; row i is a pure function of (seed, i). They are for rows that are taken in order, in
 * memory if they fit into memory_gb (0: they do). Owns: the caller, dataset_free. Errors: no room;
 * `like` cannot be read. */
Err outliers_make(Dataset *outliers, const Comm *comm, const char *name, const Dataset *like,
                  long rows, uint64_t seed, double memory_gb);

#endif
