#include <stdio.h>

#include "app/apply.h"
#include "app/command.h"
#include "eval/encode.h"

static Err encode(const Apply *apply, const Comm *comm, const Config *config) {
  RowsAsked asked = {&apply->data, apply->rows, config->train.threads};
  TRY(codes_save(comm, apply->out, &apply->model, &asked, provenance_facts()));
  if (comm_rank(comm)) return OK;
  apply_print_refused(&apply->data);
  printf("codes of %ld rows, %ld features each, are in %s\n", apply->rows.to - apply->rows.from,
         shape_size(net_latent(apply->model.net)), apply->out);
  return OK;
}

static Err run(const Comm *comm, Config *config) {
  Apply apply;
  TRY(apply_open(&apply, comm, config, "codes.h5"));
  Err e = apply_wants_decoder(&apply, "codes");
  if (!e) e = apply_read(&apply, comm, config, "reading the rows to encode");
  if (!e) e = encode(&apply, comm, config);
  apply_close(&apply);
  return e;
}

const Command cmd_encode = {
    .name = "encode",
    .usage = "RUN data.input=FILE [out=codes.h5] [key=value ...]",
    .summary = "give every row of a file its code, for use as features elsewhere",
    .help =
        "RUN is a run directory or a model file. The rows are prepared as the training data were\n"
        "and go through the encoder; a vae gives the mean. Writes /code (rows, D) and, where the\n"
        "input has labels, /label: one row per input row, in input order, NaN for refused rows.\n"
        "rows.from and rows.to choose a range of rows. Ranks write their own rows, so the file\n"
        "may be larger than the memory of one.\n"
        "\n"
        "  mpirun -n 4 jetnae encode runs/qcd data.input=test.h5 out=codes.h5\n"
        "  python3 -c \"import h5py; print(h5py.File('codes.h5')['code'][:3])\"\n",
    .takes_run = true,
    .run = run,
};
