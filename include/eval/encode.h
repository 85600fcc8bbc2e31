/* Rows through parts of a model, into files (eval/rowfile.h): their codes; their reconstructions.
 * One row per row asked for, in the order of the input, the same bits for any number of ranks and
 * threads; NaN where a row was refused. */
#ifndef EVAL_ENCODE_H
#define EVAL_ENCODE_H

#include "base/provenance.h"
#include "eval/crew.h"
#include "model/model.h"
#include "par/comm.h"

/* Collective. Write /code (rows, D) and, where there are labels, /label. Errors: cannot write;
 * cannot be read again (data/passing.h). */
Err codes_save(const Comm *comm, const char *path, const Model *model, const RowsAsked *asked,
               const Fact *facts);

/* On rank 0. */
typedef struct Cleaned {
  bool paired;
  double before, after; /* mean squared distance to the clean samples, of input and result */
  double gain_db;       /* 10 log10 (before / after) */
} Cleaned;

/* Collective. Write /reconstruction (rows, ...shape), /energy, with with_input /input, and
 * where there are labels /label; of pairs also /squares (rows, 2), the squared distances that
 * `cleaned` sums up. Errors: those of codes_save. */
Err reconstructions_save(const Comm *comm, const char *path, const Model *model,
                         const RowsAsked *asked, bool with_input, const Fact *facts,
                         Cleaned *cleaned);

#endif
