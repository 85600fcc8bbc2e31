#include "app/command.h"
#include "data/prepare.h"

static Err run_generate(const Comm *comm, Config *config) {
  if (!config->out) return err_user("out: found nothing, want the file to write (out=toy.h5)");
  if (config->generate_table)
    return prepare_table(comm, config->out, config->jets, config->data.source.seed);
  PrepareOpts opts = {.data = config->data, .layout = PREPARE_JETS};
  opts.data.source.reader = "toy";
  opts.data.source.path = NULL;
  opts.data.source.toy_jets = config->jets;
  return prepare_file(comm, config->out, &opts, "generate");
}

const Command cmd_generate = {
    .name = "generate",
    .usage = "out=FILE [generate.jets=N] [data.toy_seed=N] [generate.table=true]",
    .summary = "make toy jets",
    .help =
        "Makes toy jets, half of them QCD-like (label 0) and half top-like (label 1), of 550 to\n"
        "650 GeV, and writes them to one file in the lean layout, which train, score and prepare\n"
        "read; with generate.table=true as a plain table of the published top-tagging layout.\n"
        "The same jets for the same seed on any number of ranks; memory does not grow with their\n"
        "number. For trying things out, not for physics.\n"
        "\n"
        "  mpirun -n 4 jetnae generate out=toy.h5 generate.jets=50000\n"
        "  jetnae generate out=toy-table.h5 generate.jets=2000 generate.table=true "
        "data.toy_seed=2\n",
    .run = run_generate,
};
