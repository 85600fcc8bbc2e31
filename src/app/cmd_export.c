#include <stdio.h>

#include "app/apply.h"
#include "app/command.h"
#include "out/onnx.h"

static Err run(const Comm *comm, Config *config) {
  Apply apply;
  if (!config->out)
    return err_user("out: found nothing, want out=FOLDER for encoder.onnx, decoder.onnx and "
                    "energy.onnx");
  TRY(apply_open_model(&apply, comm, config));
  bool scalar = net_scalar(apply.model.net);
  Err e = comm_rank(comm) ? OK : onnx_export(config->out, &apply.model);
  if (!e && comm_rank(comm) == 0)
    printf("%senergy.onnx (opset %d) %s in %s\n", scalar ? "" : "encoder.onnx, decoder.onnx and ",
           ONNX_OPSET, scalar ? "is" : "are", config->out);
  apply_close(&apply);
  return e;
}

const Command cmd_export = {
    .name = "export",
    .usage = "RUN out=FOLDER",
    .summary = "write a model as ONNX, for other software",
    .help =
        "RUN is a run directory or a model file. Writes three ONNX models (opset 17, batch free):\n"
        "encoder.onnx from x (N, channels, rows, columns) to code (N, D), decoder.onnx back, and\n"
        "energy.onnx from x to energy (N), the anomaly score. x is a sample as training saw it,\n"
        "before standardisation, which is part of the models: for jets the finished image.\n"
        "A network without decoder (energy scalar) has an energy.onnx only.\n"
        "\n"
        "  jetnae export runs/qcd out=runs/qcd/onnx\n"
        "  python3 -c \"import onnx; print(onnx.load('runs/qcd/onnx/energy.onnx').graph.input)\"\n",
    .takes_run = true,
    .run = run,
};
