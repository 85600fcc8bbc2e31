#include <stdio.h>

#include "app/apply.h"
#include "app/command.h"
#include "eval/encode.h"

static void print_gain(const Cleaned *cleaned) {
  printf("signal-to-noise gain %.2f dB: mean squared distance to the clean samples %.5g before, "
         "%.5g after\n",
         cleaned->gain_db, cleaned->before, cleaned->after);
}

static Err reconstruct(const Apply *apply, const Comm *comm, const Config *config) {
  RowsAsked asked = {&apply->data, apply->rows, config->train.threads};
  Cleaned cleaned = {0};
  TRY(reconstructions_save(comm, apply->out, &apply->model, &asked, config->with_input,
                           provenance_facts(), &cleaned));
  if (comm_rank(comm)) return OK;
  apply_print_refused(&apply->data);
  if (cleaned.paired) print_gain(&cleaned);
  printf("reconstructions of %ld rows are in %s\n", apply->rows.to - apply->rows.from,
         apply->out);
  return OK;
}

static Err run(const Comm *comm, Config *config) {
  Apply apply;
  TRY(apply_open(&apply, comm, config, "reconstructions.h5"));
  Err e = apply_wants_decoder(&apply, "reconstructions");
  if (!e) e = apply_read(&apply, comm, config, "reading the rows to reconstruct");
  if (!e) e = reconstruct(&apply, comm, config);
  apply_close(&apply);
  return e;
}

const Command cmd_reconstruct = {
    .name = "reconstruct",
    .usage = "RUN data.input=FILE [out=reconstructions.h5] [key=value ...]",
    .summary = "what a model makes of every row of a file: its reconstruction, or it denoised",
    .help =
        "RUN is a run directory or a model file. The rows are prepared as the training data were\n"
        "and go through encoder and decoder. Writes /reconstruction (rows, ...), /energy, with\n"
        "reconstruct.input=true /input, the row itself, and, where the input has labels,\n"
        "/label: one row per input row, in input order, NaN for refused rows.\n"
        "\n"
        "Where the data are pairs of noisy and clean samples (data.target, or data.source=chirp)\n"
        "the energy is the distance to the clean one, /squares holds the squared distances of\n"
        "input and reconstruction to it, and the signal-to-noise gain is printed: ten times the\n"
        "logarithm to base ten of the ratio of their sums.\n"
        "\n"
        "  jetnae train configs/chirp-denoise.yaml out=runs/chirps\n"
        "  jetnae reconstruct runs/chirps data.source=chirp data.toy_seed=2 out=clean.h5\n"
        "  jetnae reconstruct runs/digits data.input=t10k-images-idx3-ubyte.gz\n",
    .takes_run = true,
    .run = run,
};
