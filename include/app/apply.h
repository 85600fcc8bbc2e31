/* What the commands that use a trained model have in common: where the model lies and the result
 * goes, options below those of its training, data prepared as its training data were. */
#ifndef APP_APPLY_H
#define APP_APPLY_H

#include "app/config.h"
#include "model/model.h"

enum { APPLY_PATH = 4096 };

typedef struct Apply {
  char model_path[APPLY_PATH], out[APPLY_PATH];
  Model model;
  Dataset data; /* rows = 0: none was read */
  Range rows;   /* those asked for: rows.from, rows.to */
} Apply;

/* Collective. The model that config->run names, its configuration below the command line's
 * arguments; `file` is the result's name in the run directory unless out= gives another. Owns: the
 * caller, apply_close. Errors: no model; a result that cannot be written. */
Err apply_open(Apply *apply, const Comm *comm, Config *config, const char *file);
/* Collective. The same for a command whose result is not one file. */
Err apply_open_model(Apply *apply, const Comm *comm, Config *config);
/* Collective. Read data.input, with a progress line called `what`. Errors: those of the data; other
 * samples than the model knows. */
Err apply_read(Apply *apply, const Comm *comm, Config *config, const char *what);
void apply_close(Apply *apply);
/* Errors: a network without decoder, which has no `what`. */
Err apply_wants_decoder(const Apply *apply, const char *what);

/* "1000 rows read, 2 refused (...)" on stdout. */
void apply_print_refused(const Dataset *data);

#endif
