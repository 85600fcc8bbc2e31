#include "app/command.h"

#include <string.h>

#include "base/spelling.h"

static const Command *const commands[] = {
    &cmd_generate, &cmd_prepare,  &cmd_train,  &cmd_score,  &cmd_encode, &cmd_reconstruct,
    &cmd_sample,   &cmd_evidence, &cmd_scan,   &cmd_report, &cmd_watch,  &cmd_export,
    &cmd_import,   &cmd_bench,    &cmd_config, &cmd_info};

const char command_program[] = "find anomalous jets by normalized autoencoders";
const char command_usage[] = "<command> [config.yaml] [key=value ...]";
const char command_overview[] =
    "Trains autoencoders on jets, above all normalized ones, and gives every jet an anomaly\n"
    "score: its energy. A run is a directory; train makes it, other commands read it and add to\n"
    "it. The program runs alone or on as many ranks as mpirun or srun start, and the results are\n"
    "the same bits.\n"
    "\n"
    "  jetnae generate out=toy.h5\n"
    "  mpirun -n 4 jetnae train configs/quickstart.yaml out=runs/quick\n"
    "  jetnae score runs/quick data.input=toy.h5\n"
    "  jetnae report runs/quick\n"
    "\n"
    "Options read key=value, in the configuration file or behind it, where they win; `jetnae\n"
    "config` lists them all. Exit codes: 0 done, 2 something to mend in the input, 75 stopped\n"
    "early: the same command again goes on; others are faults.\n";

const Command *command_at(int i) {
  int n = (int)(sizeof commands / sizeof *commands);
  return i >= 0 && i < n ? commands[i] : NULL;
}

const Command *command_find(const char *name) {
  const Command *command;
  for (int i = 0; (command = command_at(i)); i++)
    if (!strcmp(command->name, name)) return command;
  return NULL;
}

static const char *name_at(const void *of, int i) {
  const Command *command = command_at(i);
  return command ? command->name : NULL;
}

const char *command_nearest(const char *name) { return spelling_nearest(name, name_at, NULL); }
