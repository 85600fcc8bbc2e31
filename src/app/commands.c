#include "app/command.h"

#include <string.h>

#include "base/nearest.h"

static const Command *const commands[] = {
    &cmd_generate, &cmd_prepare,  &cmd_train,  &cmd_score,  &cmd_encode, &cmd_reconstruct,
    &cmd_sample,   &cmd_evidence, &cmd_scan,   &cmd_report, &cmd_watch,  &cmd_export,
    &cmd_import,   &cmd_bench,    &cmd_config, &cmd_info};

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

const char *command_nearest(const char *name) { return nearest_word(name, name_at, NULL); }
