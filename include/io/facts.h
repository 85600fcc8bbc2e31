/* Provenance in the files that many ranks write: the group /provenance with one text attribute for
 * each fact. Outside contract C1: readers of results do not look at it. */
#ifndef IO_FACTS_H
#define IO_FACTS_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/provenance.h"

/* facts: ended by a NULL name; NULL: none. Errors: false when HDF5 fails. */
bool facts_put(hid_t file, const Fact *facts);
/* Bytes, more than HDF5 takes for them. */
int64_t facts_size(const Fact *facts);

#endif
