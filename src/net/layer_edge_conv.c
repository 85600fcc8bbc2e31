/* edge_conv: edge convolution on a graph of nearest neighbours (EdgeConv of arXiv 1801.07829,
 * section 3.1, with neighbourhoods in the plane of the detector, as the first block of ParticleNet,
 * arXiv 1902.08570, but with the point among its own neighbours),
 *
 *   y_i = max or mean over the neighbours j of i of  leak(W [x_i, x_j - x_i] + bias)
 *
 * with leak(v) = v > 0 ? v : slope v. Neighbours: see net/graph.h; they are found in the plane of
 * features 1 and 2, which no gradient reaches through that choice. Absent points stay zero. With
 * `coordinates` the first three features go before y unchanged, so that a next edge_conv finds
 * the same neighbours. The weight (O, 2 F) is that of a linear layer on [x_i, x_j - x_i].
 *
 * Channels go by blocks of sixteen, see net/edges.h. Kept: the graph, the winners or signs
 * of each block, and room for a gradient to the input. */
#include <math.h>

#include "base/whole.h"
#include "net/convolution.h"
#include "net/edges.h"

enum { CHANNELS, NEIGHBOURS, POOLING, SLOPE, COORDINATES, BIAS, SPECTRAL };
enum { PLANE = 3 }; /* pT, eta', phi' */

static const char *const poolings[] = {"max", "mean", NULL};

static const Attr attrs[] = {
    ROW_CHANNELS,
    {.name = "neighbours",
     .kind = ATTR_INT,
     .fallback = 8,
     .min = 1,
     .max = NEIGHBOURS_MAX,
     .help = "nearest points, itself among them; fewer where there are fewer"},
    {.name = "pooling",
     .kind = ATTR_CHOICE,
     .max = 1,
     .choices = poolings,
     .help = "what is taken of the neighbours"},
    {.name = "slope",
     .kind = ATTR_REAL,
     .fallback = 0.2,
     .min = 0,
     .max = 1,
     .help = "factor below zero of the activation inside"},
    {.name = "coordinates",
     .kind = ATTR_BOOL,
     .max = 1,
     .help = "the first three features go before the new ones"},
    ROW_BIAS,
    ROW_SPECTRAL,
    {0},
};

static Err shape(Node *node) {
  int outs = (int)node->attr[CHANNELS], ins = node->in.c;
  TRY(points_check(node->in));
  if (ins < PLANE)
    return err_user("found %d features, want at least %d: neighbours are near in the plane of "
                    "the second and third",
                    ins, PLANE);
  node->out = (Shape){outs + (node->attr[COORDINATES] ? PLANE : 0), 1, node->in.w};
  Tensor *weight = node_tensor(node, "weight", 2, (int[]){outs, 2 * ins});
  weight->bound = 1 / sqrt(2.0 * ins);
  if (node->attr[SPECTRAL]) weight->spectral_axis = 0;
  if (node->attr[BIAS]) node_tensor(node, "bias", 1, &outs)->bound = 1 / sqrt(2.0 * ins);
  return OK;
}

/* A present point's features are not all zero: they hold its coordinates, or values that a leak
 * does not cut off. */
static int points(const Node *node) {
  return POINTS_READ | (node->attr[COORDINATES] || node->attr[SLOPE] > 0 ? POINTS_LEAVE : 0);
}

/* ---- the parts of a block: channels o .. o + 15 ---- */

static int channels_of(const Node *node, int o) {
  int left = (int)node->attr[CHANNELS] - o;
  return left < EDGE_BLOCK ? left : EDGE_BLOCK;
}

static int blocks(const Node *node) {
  return ((int)node->attr[CHANNELS] + EDGE_BLOCK - 1) / EDGE_BLOCK;
}

static EdgeRule rule_of(const Node *node) {
  return (EdgeRule){.mean = node->attr[POOLING] == 1, .slope = (float)node->attr[SLOPE]};
}

static size_t packed_offset(const Node *node, int o) {
  return (size_t)(o / EDGE_BLOCK) * edge_packed_size(node->in.c);
}

/* Of y and dy. */
static long first_row(const Node *node, int o) {
  return (long)(o + (node->attr[COORDINATES] ? PLANE : 0)) * node->in.w * L;
}

static size_t packed_size(const Node *node) {
  return (size_t)blocks(node) * edge_packed_size(node->in.c);
}

static void pack(const Node *node, float *packed, const float *w) {
  const float *bias = node->attr[BIAS] ? w + node->tensor[0].size : NULL;
  for (int o = 0; o < (int)node->attr[CHANNELS]; o += EDGE_BLOCK)
    edge_pack(packed + packed_offset(node, o), w + (long)o * 2 * node->in.c,
              bias ? bias + o : NULL, channels_of(node, o), node->in.c);
}

/* ---- what is kept ---- */

static Graph graph_of(const Node *node, const void *memory) {
  return graph_in(memory, node->in.w, (int)node->attr[NEIGHBOURS]);
}

static size_t graph_size(const Node *node) {
  return graph_bytes(node->in.w, (int)node->attr[NEIGHBOURS]);
}

static size_t block_marks(const Node *node) {
  return (size_t)(L * node->in.w * edge_marks(rule_of(node), (int)node->attr[NEIGHBOURS]));
}

static size_t marks_bytes(const Node *node) {
  size_t bytes = (size_t)blocks(node) * block_marks(node) * sizeof(uint16_t);
  return whole_lines(bytes);
}

static size_t input_bytes(const Node *node) {
  return (size_t)shape_size(node->in) * L * sizeof(float);
}

static size_t kept_size(const Node *node) {
  return graph_size(node) + marks_bytes(node) + input_bytes(node);
}

static uint16_t *marks_of(const Node *node, const void *kept, int o) {
  uint16_t *marks = (uint16_t *)((uint8_t *)kept + graph_size(node));
  return marks + (size_t)(o / EDGE_BLOCK) * block_marks(node);
}

static float *room_of(const Node *node, void *kept) {
  return (float *)((uint8_t *)kept + graph_size(node) + marks_bytes(node));
}

/* ---- forward, backward ---- */

static void forward(const Node *node, float *y, void *kept, const float *x, const float *w,
                    const float *packed, Finish finish) {
  _Alignas(64) float u[EDGE_PANEL_MAX];
  _Alignas(64) uint8_t own[GRAPH_BYTES_MAX];
  Graph graph = graph_of(node, kept ? kept : own);
  EdgeRule rule = rule_of(node);
  graph_make(&graph, x, node->in);
  if (node->attr[COORDINATES]) memcpy(y, x, (size_t)(PLANE * node->in.w * L) * sizeof *y);
  for (int o = 0; o < (int)node->attr[CHANNELS]; o += EDGE_BLOCK) {
    edge_products(u, x, packed + packed_offset(node, o), node->in, true);
    edge_reduce(u, &graph, kept ? marks_of(node, kept, o) : NULL, rule);
    edge_store(y + first_row(node, o), u, node->in.w, channels_of(node, o));
  }
}

/* to = from in the coordinates of present points, 0 in those of absent ones. */
static void pass_coordinates(const Node *node, float *to, const float *from, const Graph *graph) {
  long rows = node->attr[COORDINATES] ? (long)PLANE * node->in.w : 0;
  for (long i = 0; i < rows; i++)
    for (int l = 0; l < L; l++)
      to[i * L + l] = graph->count[l * node->in.w + i % node->in.w] ? from[i * L + l] : 0;
}

/* Along the graph and the winners that forward has found. */
static void forward_dual(const Node *node, float *y, float *yt, void *kept, void *kept_t,
                         const float *x, const float *xt, const float *w, const float *packed) {
  _Alignas(64) float u[EDGE_PANEL_MAX];
  Graph graph = graph_of(node, kept);
  forward(node, y, kept, x, w, packed, (Finish){0});
  pass_coordinates(node, yt, xt, &graph);
  for (int o = 0; o < (int)node->attr[CHANNELS]; o += EDGE_BLOCK) {
    edge_products(u, xt, packed + packed_offset(node, o), node->in, false);
    edge_follow(u, &graph, marks_of(node, kept, o), rule_of(node));
    edge_store(yt + first_row(node, o), u, node->in.w, channels_of(node, o));
  }
}

/* dw NULL or dx NULL: not wanted. */
static void back(const Node *node, float *dw, float *dx, const float *x, const float *dy,
                 const void *kept, const float *packed) {
  _Alignas(64) float u[EDGE_PANEL_MAX], sum[EDGE_BLOCK];
  Graph graph = graph_of(node, kept);
  if (dx) {
    memset(dx, 0, input_bytes(node));
    pass_coordinates(node, dx, dy, &graph);
  }
  for (int o = 0; o < (int)node->attr[CHANNELS]; o += EDGE_BLOCK) {
    int channels = channels_of(node, o);
    edge_load(u, dy + first_row(node, o), node->in.w, channels);
    edge_spread(u, sum, &graph, marks_of(node, kept, o), rule_of(node));
    if (dx) edge_input(dx, u, packed + packed_offset(node, o), node->in);
    if (!dw) continue;
    edge_weights(dw + (long)o * 2 * node->in.c, x, u, node->in, channels);
    float *db = dw + node->tensor[0].size + o;
    for (int k = 0; node->attr[BIAS] && k < channels; k++) db[k] += sum[k];
  }
}

static void backward(const Node *node, float *dx, const float *dy, const void *kept,
                     const float *w, const float *packed, Finish finish) {
  back(node, NULL, dx, NULL, dy, kept, packed);
}

/* dx[t] may be x[t], which every block's weights want: it is made in the room kept for it. */
static void gradient_backward(const Node *node, float *dw, float *const *dx,
                              const float *const *x, const float *const *dy, void *const *kept,
                              int tiles, const float *w, const float *packed) {
  for (int t = 0; t < tiles; t++) {
    float *room = dx ? room_of(node, kept[t]) : NULL;
    back(node, dw, room, x[t], dy[t], kept[t], packed);
    if (dx) memcpy(dx[t], room, input_bytes(node));
  }
}

const Layer PER_ISA(layer_edge_conv) = {
    .name = "edge_conv",
    .help = "convolution over the edges of a graph of nearest points",
    .attrs = attrs,
    .shape = shape,
    .packed_size = packed_size,
    .pack = pack,
    .kept_size = kept_size,
    .forward = forward,
    .backward = backward,
    .gradient_backward = gradient_backward,
    .forward_dual = forward_dual,
    .points = points,
};
