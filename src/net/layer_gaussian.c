/* The code of a variational autoencoder: its 2 D inputs are the means and then the logarithms of
 * the variances of a Gaussian in D dimensions; what goes on is the mean. The objective `vae` runs
 * the encoder up to here and draws the code itself. Source: arXiv 1312.6114, section 3. */
#include <string.h>

#include "net/layer.h"
#include "num/vec.h"

static Err shape(Node *node) {
  long n = shape_size(node->in);
  if (n % 2)
    return err_user("found %ld features coming in, want an even number: means and variances", n);
  node->out = (Shape){(int)(n / 2), 1, 1};
  return OK;
}

static void forward(const Node *node, float *y, void *kept, const float *x, const float *w,
                    const float *packed, Finish finish) {
  memcpy(y, x, (size_t)node->out.c * L * sizeof *y);
}

static void backward(const Node *node, float *dx, const float *dy, const void *kept,
                     const float *w, const float *packed, Finish finish) {
  size_t half = (size_t)node->out.c * L;
  memcpy(dx, dy, half * sizeof *dx);
  memset(dx + half, 0, half * sizeof *dx);
}

const Layer PER_ISA(layer_gaussian) = {
    .name = "gaussian",
    .help = "ends the encoder of a vae: means and log variances come in, the mean goes on",
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .code = CODE_GAUSSIAN,
};
