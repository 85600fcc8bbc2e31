/* A trained model as ONNX, for the experiment's own software: three files with the batch as a free
 * dimension, opset 17, float:
 *
 *   encoder.onnx   x (N, C, H, W) -> code (N, D)
 *   decoder.onnx   code (N, D) -> x (N, C, H, W)
 *   energy.onnx    x (N, C, H, W) -> energy (N)
 *
 * x is what a sample is before standardisation, if there is one; it is part of the graphs. Flat
 * features are (N, C, 1, 1). */
#ifndef OUT_ONNX_H
#define OUT_ONNX_H

#include "model/model.h"

enum { ONNX_OPSET = 17 };

/* Local. Write the three files, or energy.onnx alone where there is no decoder, into the folder,
 * which is made if need be. Errors: a layer or an
 * energy that ONNX has no form for here (named); cannot write. */
Err onnx_export(const char *folder, const Model *model);

#endif
