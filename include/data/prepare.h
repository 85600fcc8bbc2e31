/* From any source to a lean file (io/lean.h), read once by all ranks in turn of blocks; memory
 * does not grow with the number of rows. What training would refuse keeps its place as an empty
 * row. */
#ifndef DATA_PREPARE_H
#define DATA_PREPARE_H

#include "data/dataset.h"

typedef enum PrepareLayout {
  PREPARE_JETS,  /* px, py, pz of the constituents; mass of the jet */
  PREPARE_EXACT, /* and E of the constituents */
  PREPARE_PIXELS /* images before filter and power */
} PrepareLayout;

typedef struct PrepareOpts {
  DataOpts data;
  PrepareLayout layout;
  long from, to; /* rows of the source, to = 0: all */
} PrepareOpts;

/* Collective. Errors: those of the source; bad rows; rows that there are not; disk full. */
Err prepare_file(const Comm *comm, const char *out, const PrepareOpts *opts, const char *what);

/* Collective. Toy jets as a plain table of the published layout (io/table_write.h). */
Err prepare_table(const Comm *comm, const char *out, long jets, uint64_t seed);

#endif
