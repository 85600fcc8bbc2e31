/* The configuration: one struct of plain options, filled from one table (app/options.c) that drives
 * parsing, overrides, help, the reference and the checks. Only this room sees YAML. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "data/dataset.h"
#include "net/net.h"
#include "train/train.h"

typedef struct Config {
  const char *run;      /* `jetnae score RUN`: the run directory, model or file named after the command */
  const char *out;      /* run directory, or output of a command that writes one; NULL: not given */
  const char *valid;    /* data.valid: file to validate on, NULL: a hashed split of data.input */
  double valid_fraction; /* of that split */
  int normal;           /* the class that counts as normal; CLASS_ALL */
  long train_limit, valid_limit; /* samples of the normal class to use, 0: all */
  long block, window;   /* data order: data.block, data.window */
  DataOpts data;        /* data.source.path is data.input */
  NetSpec net;
  TrainOpts train;
  const char *isa;      /* "auto", "c", "avx2", "avx512" */
  long jets;            /* generate: how many */
  long rows_from, rows_to; /* prepare, score: row range, to = 0: all */
  double floor_auc_direct, floor_auc_inverse; /* quick start: fail below, 0: none */
  bool csv;             /* bench: machine-readable */
  bool quiet;
} Config;

/* Whether an option makes the result (a resumed run must not change it), may be extended, or concerns
 * the run only. */
typedef enum OptionClass { MAKES_RESULT, MAY_EXTEND, RUN_ONLY } OptionClass;

Config config_defaults(void);
/* Defaults, then the file (NULL: none), then key=value arguments. Errors: file:line: key: found, want;
 * unknown key with the nearest valid one. */
Err config_read(Config *config, const char *file, int n, char *const *assignments);
/* Read YAML text, as stored in a model, instead of a file. */
Err config_read_text(Config *config, const char *name, const char *text);
/* The resolved configuration as YAML text; only options of class MAKES_RESULT when `result_only`.
 * Owns: the caller, free(). */
char *config_text(const Config *config, bool result_only);
/* The reference of all options, for people. Owns: the caller. */
char *config_reference(void);

#endif
