/* Upsampling by a whole factor: each input repeated (nearest), or interpolated between its
 * neighbours (bilinear). With align_corners the corner pixels' centres of input and output agree,
 * else their outer edges do and what would lie outside is the edge's value: PyTorch's
 * definitions.
 *
 * Twice as large without align_corners is what decoders use: every output is 3/4 of one input and
 * 1/4 of the next in each direction, so a kernel of its own blends whole rows. */
#include <string.h>

#include "net/finish.h"

enum { FACTOR, MODE, ALIGN };
enum { NEAREST, BILINEAR };

static const char *const modes[] = {"nearest", "bilinear", NULL};
static const Attr upsample_attrs[] = {
    {.name = "factor",
     .kind = ATTR_INT,
     .fallback = 2,
     .min = 1,
     .max = 64,
     .help = "how many times as high and wide"},
    {.name = "mode",
     .kind = ATTR_CHOICE,
     .fallback = NEAREST,
     .min = NEAREST,
     .max = BILINEAR,
     .choices = modes,
     .help = "how new pixels are made"},
    {.name = "align_corners",
     .kind = ATTR_BOOL,
     .fallback = 0,
     .min = 0,
     .max = 1,
     .help = "bilinear only: corners of input and output agree at the pixels' centres"},
    {0}};

static Err upsample_shape(Node *node) {
  if (node->attr[ALIGN] && node->attr[MODE] != BILINEAR)
    return err_user("align_corners: found true with mode nearest, want mode bilinear");
  int factor = (int)node->attr[FACTOR];
  node->out = (Shape){node->in.c, node->in.h * factor, node->in.w * factor};
  return OK;
}

/* ---- nearest ---- */

INLINE void nearest_forward(int kind, const Node *node, float *y, const float *x, Finish f) {
  Shape in = node->in;
  int factor = (int)node->attr[FACTOR];
  long site = 0;
  for (long r = 0; r < (long)in.c * in.h * factor; r++)
    for (long j = 0; j < in.w; j++)
      for (int b = 0; b < factor; b++, site++) LANES(l) {
          vec v = v_load(x + l, r / factor * in.w + j);
          v_store(y + l, site, finish_row(kind, f, v, site, l));
        }
}

INLINE void nearest_backward(int kind, const Node *node, float *dx, const float *dy, Finish f) {
  Shape in = node->in;
  int factor = (int)node->attr[FACTOR];
  long width = (long)in.w * factor;
  for (long i = 0; i < shape_size(in); i++) LANES(l) {
      const float *block = dy + L * factor * (i / in.w * width + i % in.w) + l;
      vec sum = v_set(0);
      for (int p = 0; p < factor * factor; p++)
        sum = sum + v_load(block, p / factor * width + p % factor);
      v_store(dx + l, i, finish_row(kind, f, sum, i, l));
    }
}

/* ---- bilinear, any factor ---- */

/* Where an output looks along one axis: `part` of the way from input `at` to input `next`. */
typedef struct Look {
  int at, next;
  float part;
} Look;

static Look look_from(int i, int n, int factor, bool align) {
  long over = align ? (long)i * (n - 1) : 2L * i + 1 - factor;
  long under = align ? (long)factor * n - 1 : 2L * factor;
  if (over < 0 || under == 0) return (Look){0, 0, 0};
  int at = (int)(over / under);
  return (Look){at, at + 1 < n ? at + 1 : at, (float)(over % under) / (float)under};
}

INLINE vec blend(vec a, vec b, vec part) { return v_fma(b - a, part, a); }

INLINE void bilinear_forward(int kind, const Node *node, float *y, const float *x, Finish f) {
  Shape in = node->in, out = node->out;
  int factor = (int)node->attr[FACTOR];
  bool align = node->attr[ALIGN] != 0;
  long site = 0;
  for (long r = 0; r < (long)out.c * out.h; r++) {
    Look down = look_from((int)(r % out.h), in.h, factor, align);
    const float *p = x + L * in.w * (r / out.h * in.h + down.at);
    const float *q = x + L * in.w * (r / out.h * in.h + down.next);
    for (int j = 0; j < out.w; j++, site++) {
      Look along = look_from(j, in.w, factor, align);
      LANES(l) {
        vec part = v_set(down.part);
        vec a = blend(v_load(p + l, along.at), v_load(q + l, along.at), part);
        vec b = blend(v_load(p + l, along.next), v_load(q + l, along.next), part);
        v_store(y + l, site, finish_row(kind, f, blend(a, b, v_set(along.part)), site, l));
      }
    }
  }
}

INLINE void add_two(float *p, Look along, vec v) {
  vec far = v * v_set(along.part);
  v_store(p, along.at, v_load(p, along.at) + (v - far));
  v_store(p, along.next, v_load(p, along.next) + far);
}

static void bilinear_backward(const Node *node, float *dx, const float *dy) {
  Shape in = node->in, out = node->out;
  int factor = (int)node->attr[FACTOR];
  bool align = node->attr[ALIGN] != 0;
  long site = 0;
  memset(dx, 0, (size_t)shape_size(in) * L * sizeof(float));
  for (long r = 0; r < (long)out.c * out.h; r++) {
    Look down = look_from((int)(r % out.h), in.h, factor, align);
    float *p = dx + L * in.w * (r / out.h * in.h + down.at);
    float *q = dx + L * in.w * (r / out.h * in.h + down.next);
    for (int j = 0; j < out.w; j++, site++) {
      Look along = look_from(j, in.w, factor, align);
      LANES(l) {
        vec v = v_load(dy + l, site), below = v * v_set(down.part);
        add_two(p + l, along, v - below);
        add_two(q + l, along, below);
      }
    }
  }
}

/* ---- bilinear, twice as large, no align_corners ---- */

/* Three quarters of b and one of a. */
INLINE vec nearer(vec a, vec b) { return v_fma(a - b, v_set(0.25f), b); }

/* A row of n blended values, twice: output columns 2j and 2j + 1. */
INLINE void store_pair(int kind, float *y, long site, vec before, vec here, vec after, Finish f,
                       int l) {
  v_store(y + l, site, finish_row(kind, f, nearer(before, here), site, l));
  v_store(y + l, site + 1, finish_row(kind, f, nearer(after, here), site + 1, l));
}

/* From input rows above, here, below (n columns) to output rows that start at `site`. */
INLINE void double_rows(int kind, float *y, long site, const float *above, const float *here,
                        const float *below, int n, Finish f, int l) {
  vec v = v_load(here, 0);
  vec top[3], low[3]; /* columns j - 1, j, j + 1 of the two output rows */
  top[0] = top[1] = nearer(v_load(above, 0), v);
  low[0] = low[1] = nearer(v_load(below, 0), v);
  for (int j = 0; j < n; j++, site += 2) {
    int next = j + 1 < n ? j + 1 : j;
    v = v_load(here, next);
    top[2] = nearer(v_load(above, next), v);
    low[2] = nearer(v_load(below, next), v);
    store_pair(kind, y, site, top[0], top[1], top[2], f, l);
    store_pair(kind, y, site + 2L * n, low[0], low[1], low[2], f, l);
    top[0] = top[1], top[1] = top[2];
    low[0] = low[1], low[1] = low[2];
  }
}

INLINE void double_forward(int kind, const Node *node, float *y, const float *x, Finish f) {
  Shape in = node->in;
  for (long r = 0; r < (long)in.c * in.h; r++) {
    const float *here = x + L * r * in.w;
    const float *above = r % in.h ? here - L * in.w : here;
    const float *below = r % in.h < in.h - 1 ? here + L * in.w : here;
    LANES(l) double_rows(kind, y, 4 * r * in.w, above + l, here + l, below + l, in.w, f, l);
  }
}

/* Each input gets 1/4, 3/4, 3/4, 1/4 of four output rows and columns; outside, the edge's once
 * more, because there the edge was its own neighbour. */
INLINE vec quarters(vec a, vec b, vec c, vec d) {
  return v_fma(a + d, v_set(0.25f), (b + c) * v_set(0.75f));
}

INLINE vec four_rows(const float *const row[4], long j, int l) {
  return quarters(v_load(row[0] + l, j), v_load(row[1] + l, j), v_load(row[2] + l, j),
                  v_load(row[3] + l, j));
}

INLINE void halve_row(int kind, float *dx, long site, const float *const row[4], int n, Finish f,
                      int l) {
  vec a = four_rows(row, 0, l), b = a; /* columns 2j - 1 and 2j */
  for (int j = 0; j < n; j++, site++) {
    vec c = four_rows(row, 2L * j + 1, l);
    vec d = j + 1 < n ? four_rows(row, 2L * j + 2, l) : c;
    v_store(dx + l, site, finish_row(kind, f, quarters(a, b, c, d), site, l));
    a = c, b = d;
  }
}

INLINE void double_backward(int kind, const Node *node, float *dx, const float *dy, Finish f) {
  Shape in = node->in;
  long width = 2L * L * in.w;
  for (long r = 0; r < (long)in.c * in.h; r++) {
    const float *mid = dy + 2 * r * width;
    const float *row[4] = {r % in.h ? mid - width : mid, mid, mid + width,
                           mid + (r % in.h < in.h - 1 ? 2 : 1) * width};
    LANES(l) halve_row(kind, dx, r * in.w, row, in.w, f, l);
  }
}

/* ---- the layer ---- */

static bool doubles(const Node *node) { return node->attr[FACTOR] == 2 && !node->attr[ALIGN]; }

static void upsample_forward(const Node *node, float *y, void *kept, const float *x,
                             const float *w, const float *packed, Finish f) {
  bool leak = f.kind == FINISH_LEAK;
  if (node->attr[MODE] == NEAREST && leak)
    nearest_forward(FINISH_LEAK, node, y, x, f);
  else if (node->attr[MODE] == NEAREST)
    nearest_forward(FINISH_NONE, node, y, x, f);
  else if (doubles(node) && leak)
    double_forward(FINISH_LEAK, node, y, x, f);
  else if (doubles(node))
    double_forward(FINISH_NONE, node, y, x, f);
  else if (leak)
    bilinear_forward(FINISH_LEAK, node, y, x, f);
  else
    bilinear_forward(FINISH_NONE, node, y, x, f);
}

static void upsample_backward(const Node *node, float *dx, const float *dy, const void *kept,
                              const float *w, const float *packed, Finish f) {
  bool masked = f.kind == FINISH_MASK;
  if (node->attr[MODE] == NEAREST && masked)
    nearest_backward(FINISH_MASK, node, dx, dy, f);
  else if (node->attr[MODE] == NEAREST)
    nearest_backward(FINISH_NONE, node, dx, dy, f);
  else if (doubles(node) && masked)
    double_backward(FINISH_MASK, node, dx, dy, f);
  else if (doubles(node))
    double_backward(FINISH_NONE, node, dx, dy, f);
  else {
    bilinear_backward(node, dx, dy);
    if (masked) finish_mask(f, dx, shape_size(node->in));
  }
}

const Layer PER_ISA(layer_upsample) = {
    .name = "upsample",
    .help = "a whole factor larger, by repetition or interpolation",
    .attrs = upsample_attrs,
    .shape = upsample_shape,
    .forward = upsample_forward,
    .backward = upsample_backward,
    .jacobian = JACOBIAN_FORWARD,
    .takes_finish = true,
};
