/* A command of the program. One file each, src/app/cmd_<name>.c; src/app/commands.c lists them.
 */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

#include "app/config.h"
#include "par/comm.h"

typedef struct Command {
  const char *name;
  const char *usage;   /* "[config.yaml] [key=value ...]" */
  const char *summary; /* one line */
  const char *help;    /* teaches: what it does, what it needs, what it leaves, an example */
  bool takes_run;      /* the first argument names a run directory or file: config.run */
  bool takes_runs;     /* all arguments do: config.runs */
  bool needs_config;
  /* Collective: every rank runs it with the same configuration. */
  Err (*run)(const Comm *comm, Config *config);
} Command;

extern const Command cmd_generate, cmd_prepare, cmd_train, cmd_score, cmd_bench, cmd_config,
    cmd_info, cmd_scan, cmd_encode, cmd_reconstruct, cmd_sample, cmd_evidence, cmd_export,
    cmd_import, cmd_report, cmd_watch;

/* Of the program as a whole, as of a command. */
extern const char command_program[], command_usage[], command_overview[];

/* NULL: no such command. */
const Command *command_find(const char *name);
/* The i-th command; NULL past the end. */
const Command *command_at(int i);
/* The command whose name looks most like it. */
const char *command_nearest(const char *name);

#endif
