/* Layers that move nothing: reshape, which gives the features another shape (the layout in memory
 * has no padding, so it stays), and linear, the activation that does nothing. */
#include <math.h>

#include "net/layer.h"
#include "num/vec.h"

enum { CHANNELS, HEIGHT, WIDTH };

static const Attr reshape_attrs[] = {
    {.name = "channels",
     .kind = ATTR_INT,
     .required = true,
     .fallback = NAN,
     .min = 1,
     .max = 1e8,
     .help = "channels of the new shape"},
    {.name = "height",
     .kind = ATTR_INT,
     .fallback = 1,
     .min = 1,
     .max = 1e6,
     .help = "its height"},
    {.name = "width", .kind = ATTR_INT, .fallback = 1, .min = 1, .max = 1e6, .help = "its width"},
    {0}};

static Err reshape_shape(Node *node) {
  Shape in = node->in;
  Shape out = {(int)node->attr[CHANNELS], (int)node->attr[HEIGHT], (int)node->attr[WIDTH]};
  if (shape_size(in) != shape_size(out))
    return err_user("found %d x %d x %d = %ld features coming in, want %d x %d x %d = %ld", in.c,
                    in.h, in.w, shape_size(in), out.c, out.h, out.w, shape_size(out));
  node->out = out;
  return OK;
}

static Err linear_shape(Node *node) {
  node->out = node->in;
  return OK;
}

const Layer PER_ISA(layer_reshape) = {
    .name = "reshape",
    .help = "the same features as channels x height x width",
    .attrs = reshape_attrs,
    .shape = reshape_shape,
};

const Layer PER_ISA(layer_linear) = {
    .name = "linear",
    .help = "no activation: y = x",
    .shape = linear_shape,
};
