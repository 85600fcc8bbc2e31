/* repeat: the same features at each of T points, for a recurrent decoder to start from. */
#include "net/layer.h"
#include "num/vec.h"

enum { POINTS };

static const Attr attrs[] = {{.name = "points",
                              .kind = ATTR_INT,
                              .required = true,
                              .fallback = NAN,
                              .min = 1,
                              .max = 1 << 16,
                              .help = "length of the sequence"},
                             {0}};

static Err shape(Node *node) {
  node->out = (Shape){(int)shape_size(node->in), 1, (int)node->attr[POINTS]};
  return OK;
}

static void forward(const Node *node, float *y, void *kept, const float *x, const float *w,
                    const float *packed, Finish finish) {
  long points = node->out.w;
  for (long c = 0; c < node->out.c; c++)
    for (long t = 0; t < points; t++) LANES(l) v_store(y + l, c * points + t, v_load(x + l, c));
}

static void backward(const Node *node, float *dx, const float *dy, const void *kept,
                     const float *w, const float *packed, Finish finish) {
  long points = node->out.w;
  for (long c = 0; c < node->out.c; c++) LANES(l) {
      vec sum = v_set(0);
      for (long t = 0; t < points; t++) sum = sum + v_load(dy + l, c * points + t);
      v_store(dx + l, c, sum);
    }
}

const Layer PER_ISA(layer_repeat) = {
    .name = "repeat",
    .help = "the same features at each point of a sequence",
    .attrs = attrs,
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .jacobian = JACOBIAN_FORWARD,
};
