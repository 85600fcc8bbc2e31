#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static int number(const char *variable) {
  const char *value = getenv(variable);
  return value ? atoi(value) : 0;
}

static bool offered(void) {
  return getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK") || getenv("PMI_RANK");
}

/* The innermost launcher speaks first: mpirun inside a SLURM job leaves the job's variables in
 * place. A batch script has SLURM_NTASKS and SLURM_PROCID = 0 too, but no step: there one copy
 * is what was asked for. */
Launch launch_seen(void) {
  static const struct {
    const char *copies, *rank;
  } launcher[] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                  {"PMI_SIZE", "PMI_RANK"},
                  {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}};
  for (size_t i = 0; i < sizeof launcher / sizeof *launcher; i++)
    if (getenv(launcher[i].copies))
      return (Launch){number(launcher[i].copies), number(launcher[i].rank), launcher[i].copies,
                      offered()};
  bool in_step = getenv("SLURM_STEP_ID") || number("SLURM_PROCID") > 0;
  if (in_step && getenv("SLURM_NTASKS"))
    return (Launch){number("SLURM_NTASKS"), number("SLURM_PROCID"), "SLURM_NTASKS", offered()};
  return (Launch){1, 0, "", offered()};
}

void comm_library(char *text, size_t size) {
  char name[MPI_MAX_LIBRARY_VERSION_STRING];
  int length;
  MPI(MPI_Get_library_version(name, &length));
  snprintf(text, size, "%.*s", (int)strcspn(name, "\n"), name);
}
