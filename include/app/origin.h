/* Where results come from, and back: the facts that every output keeps under /provenance (or, in a
 * run directory, in provenance.json and config.yaml), and the configuration of the training that
 * any of them can be traced to. */
#ifndef APP_ORIGIN_H
#define APP_ORIGIN_H

#include "app/config.h"
#include "par/comm.h"

/* Collective. Note what this program runs as: command, ranks and hosts, libraries,
 * configuration. */
void origin_note_run(const Comm *comm, const char *command, const Config *config);
/* Note a data set: `what`, `what`_bytes (of a file), `what`_checksum (of the samples). */
void origin_note_data(const char *what, const char *path, const char *otherwise,
                      uint64_t checksum);
/* Note the configuration of the training that made the model. */
void origin_note_model(const char *path);

/* The configuration of the training behind `path`: a run directory, anything in it, a model, a
 * checkpoint, scores, or a configuration itself. Owns: the caller, free(). Errors: there is
 * none. */
Err origin_config(char **text, const char *path);

#endif
