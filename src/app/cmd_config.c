#include <stdio.h>
#include <stdlib.h>

#include "app/command.h"

static Err run(const Comm *comm, Config *config) {
  if (comm_rank(comm)) return OK;
  bool alone = !config->file && !config->n_assignments;
  char *text = alone ? config_reference() : config_text(config, false);
  fputs(text, stdout);
  free(text);
  return fflush(stdout) ? err_user("standard output: cannot be written") : OK;
}

const Command cmd_config = {
    .name = "config",
    .usage = "[config.yaml] [key=value ...]",
    .summary = "check a configuration and print it resolved; alone: all options",
    .help = "Alone it prints the reference: every option with its meaning, range, default, the\n"
            "names that published codes give it, and every layer with its attributes. With a\n"
            "file or key=value arguments it checks them, without opening data, and prints the\n"
            "configuration with all defaults filled in: what a run directory keeps as\n"
            "config.yaml.\n"
            "\n"
            "  jetnae config\n"
            "  jetnae config configs/jets-nae.yaml z_step=10\n",
    .run = run,
};
