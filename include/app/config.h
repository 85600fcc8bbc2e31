/* The configuration: one struct of plain options, filled from one table (app/option.h) that
 * drives parsing, overrides, help, the reference and the checks. Only this room sees YAML.
 *
 * Strings that options point to live as long as the program. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "data/dataset.h"
#include "data/prepare.h"
#include "data/standard.h"
#include "eval/sample.h"
#include "net/net.h"
#include "train/train.h"

typedef struct Config {
  const char *file;        /* the configuration file; NULL: none */
  const char *run;         /* `jetnae score RUN`: the run directory, model or file named after the
                        command */
  const char *const *runs; /* (n_runs) all of them, for a command that takes several */
  int n_runs;
  const char *out;   /* run directory, or output of a command that writes one; NULL: not given */
  const char *from;  /* a file or directory whose training is run again; NULL: none */
  const char *valid; /* data.valid: file to validate on, NULL: a hashed split of data.input */
  double valid_fraction;         /* of that split */
  int normal;                    /* the classes that count as normal (data/classes.h) */
  const char *start;             /* train.start: a model to begin with; NULL: random weights */
  const char *latents;           /* mpdr.latents: lengths by commas; "": as the network */
  const char *manifold;          /* mpdr.manifold: models by commas; NULL: train them */
  long train_limit, valid_limit; /* samples of the normal class to use, 0: all */
  long block, window;            /* data order: data.block, data.window */
  Standardise standardise;       /* data.standardise */
  DataOpts data;                 /* data.source.path is data.input */
  NetSpec net;
  const char *cases; /* bench: part of the names of those to run; "": all */
  bool spectral;     /* net.spectral: of the layers that do not say it themselves */
  bool sphere;       /* net.sphere: the encoder ends on the unit sphere */
  TrainOpts train;
  NegativeMode mode;   /* nae.mode; that of the objective: train.chain.mode */
  long replay_buffer;  /* states that all chains together remember; 0: as train.chain.replay_slots
                        */
  const char *isa;     /* "auto", "c", "avx2", "avx512" */
  long jets;           /* generate: how many */
  bool generate_table; /* generate: the published layout */
  PrepareLayout prepare_layout;
  long rows_from, rows_to;                    /* prepare, score: row range, to = 0: all */
  double floor_auc_direct, floor_auc_inverse; /* quick start: fail below, 0: none */
  double contamination;                       /* share of anomalies among what is trained on */
  const char *scan_option, *scan_values, *scan_test; /* scan_test NULL: held-out rows */
  int ensemble;                             /* train: so many members, each with its own seed */
  int scan_seeds, scan_groups, scan_member; /* groups 0: auto; member -1: all */
  const char *outliers;                     /* score: names and files, by commas */
  const char *import_weights, *import_map;  /* import: a state dict; its map, NULL: none */
  bool with_input;                          /* reconstruct: write the inputs, too */
  long sample_count;                        /* sample: how many */
  Walk walk;                                /* through the codes of a vae */
  int walk_steps;
  long evidence_chains;                     /* evidence: how many */
  int evidence_steps, evidence_transitions; /* rungs, MALA steps on each */
  bool csv;                                 /* bench: machine-readable */
  bool quiet;
  int n_assignments; /* key=value arguments of the command line */
  char *const *assignments;
} Config;

Config config_defaults(void);
/* Defaults, then the YAML text of the file called `name` (NULL: none), then key=value arguments.
 * Errors: file:line: key: found, want; unknown key with the nearest valid one. */
Err config_read(Config *config, const char *name, const char *text, int n,
                char *const *assignments);
/* Read YAML text below the key=value arguments that the configuration has from config_read: text
 * of a model or a run, so that scoring prepares data as training did, and arguments still win. */
Err config_read_text(Config *config, const char *name, const char *text);
/* Errors: standardised samples for an energy of pixels. */
Err config_check_standardised(const Config *config, bool standardised);
/* The bytes of a configuration file. Owns: the caller, free(). */
Err config_file(char **text, const char *path);

/* The resolved configuration as YAML text; only options of class MAKES_RESULT when `result_only`.
 * Owns: the caller, free(). */
char *config_text(const Config *config, bool result_only);
/* The reference of all options, for people. Owns: the caller, free(). */
char *config_reference(void);

#endif
