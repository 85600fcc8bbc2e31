#include "app/command.h"
#include "data/prepare.h"

static Err run_prepare(const Comm *comm, Config *config) {
  if (!config->out)
    return err_user("out: found nothing, want the file to write (out=prepared.h5)");
  PrepareOpts opts = {.data = config->data,
                      .layout = config->prepare_layout,
                      .from = config->rows_from,
                      .to = config->rows_to};
  return prepare_file(comm, config->out, &opts, "prepare");
}

const Command cmd_prepare = {
    .name = "prepare",
    .usage = "[config.yaml] data.input=FILE out=FILE [prepare.layout=jets|exact|pixels] ...",
    .summary = "read a data file once, in parallel, into the lean layout",
    .help =
        "Reads any file that train reads, every rank its own rows, and writes one HDF5 file that\n"
        "is a fraction of its size, opens with h5py and is read fast: with prepare.layout=jets\n"
        "the px, py, pz of the constituents and each jet's mass; exact: the constituents' E too;\n"
        "pixels: the jet images before filter and power (data.image_size, data.pixel_merge, ...).\n"
        "Labels, weights and the truth record come along; attributes say from which file, rows\n"
        "and options it was made. Training on it gives the same bits as training on the source.\n"
        "\n"
        "  mpirun -n 4 jetnae prepare configs/jets-nae.yaml data.input=train.h5 out=lean.h5 \\\n"
        "    prepare.layout=pixels\n"
        "  mpirun -n 4 jetnae train configs/jets-nae.yaml data.input=lean.h5 out=runs/lean\n",
    .run = run_prepare,
};
