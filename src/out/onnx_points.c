/* Layers and energies of sets of points, (N, F, 1, T), in terms of ONNX operators. A point whose
 * features are all zero is absent; `present` is (N, 1, 1, T), 1 or 0. Lists of neighbours come
 * from TopK, which takes the first of equals, as net/graph.h does. */
#include "base/mem.h"
#include "onnx_graph.h"

/* Beyond every distance and below every value. */
#define FAR 1e30

enum { PLANE = 3 }; /* pT, eta', phi' */

static Value axes(Graph *graph, int64_t axis) { return graph_ints(graph, &axis, 1); }

static Value times(Graph *graph, Value a, Value b) { return op_out(OP(graph, "Mul", a, b)); }

static Value minus(Graph *graph, Value a, Value b) { return op_out(OP(graph, "Sub", a, b)); }

static Value plus(Graph *graph, Value a, Value b) { return op_out(OP(graph, "Add", a, b)); }

static Value at_least(Graph *graph, Value a, double least) {
  return op_out(OP(graph, "Max", a, graph_float(graph, least)));
}

/* The sum or the like over an axis, which goes. */
static Value over(Graph *graph, const char *type, Value x, int64_t axis) {
  return graph_reduce(graph, type, x, &axis, 1, false);
}

static Value transpose(Graph *graph, Value x, const int64_t *order, int n) {
  Op op = OP(graph, "Transpose", x);
  op_ints(op, "perm", order, n);
  return op_out(op);
}

/* (N, F, 1, T) to (N, F, T, 1) */
static Value upright(Graph *graph, Value x) {
  return transpose(graph, x, (const int64_t[]){0, 1, 3, 2}, 4);
}

/* Features from .. to - 1. */
static Value slice(Graph *graph, Value x, int64_t from, int64_t to) {
  return op_out(OP(graph, "Slice", x, graph_ints(graph, &from, 1), graph_ints(graph, &to, 1),
                   axes(graph, 1)));
}

/* FAR where the mask is 0, else 0. */
static Value far_where_not(Graph *graph, Value mask) {
  return times(graph, minus(graph, graph_float(graph, 1), mask), graph_float(graph, FAR));
}

/* 1 where a < b, else 0 */
static Value less(Graph *graph, Value a, Value b) {
  Op cast = OP(graph, "Cast", op_out(OP(graph, "Less", a, b)));
  op_int(cast, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
  return op_out(cast);
}

/* ---- pool_points ---- */

static Value largest(Graph *graph, Value x) {
  Value here = onnx_present(graph, x),
        any = graph_reduce(graph, "ReduceMax", here, (const int64_t[]){3}, 1, true);
  Value low = minus(graph, x, far_where_not(graph, here));
  return times(graph, graph_reduce(graph, "ReduceMax", low, (const int64_t[]){3}, 1, true), any);
}

Value onnx_pool_points(Graph *graph, Value x, const Node *node, const float *w) {
  enum { MEAN, MAX, SUM };
  const int64_t points[] = {3};
  int pooling = (int)node->attr[layer_attr(node->op, "pooling")];
  bool weighted = node->attr[layer_attr(node->op, "weighted")] != 0;
  if (pooling == MAX) return largest(graph, x);
  Value share = weighted ? slice(graph, x, 0, 1) : onnx_present(graph, x);
  Value sum =
      graph_reduce(graph, "ReduceSum", weighted ? times(graph, share, x) : x, points, 1, true);
  if (pooling == SUM) return sum;
  Value total = graph_reduce(graph, "ReduceSum", share, points, 1, true);
  Value some = less(graph, graph_float(graph, 0), total);
  return times(graph, some, op_out(OP(graph, "Div", sum, at_least(graph, total, 1e-30))));
}

/* ---- edge_conv ---- */

/* (T, T) with -1 on the diagonal: a point is its own first neighbour. */
static Value self_first(Graph *graph, int64_t points) {
  float *x = MEM_NEW(float, "a diagonal", points *points);
  for (int64_t i = 0; i < points; i++) x[i * points + i] = -1;
  Value value = graph_floats(graph, x, (const int64_t[]){points, points}, 2);
  mem_free(&x);
  return value;
}

/* Squared distances (N, T, T) of point i to point j, FAR where j is absent. */
static Value distances(Graph *graph, Value x, Value here) {
  Value plane = slice(graph, x, 1, PLANE), r = minus(graph, upright(graph, plane), plane);
  Value square = over(graph, "ReduceSum", times(graph, r, r), 1);
  return plus(graph, square,
              op_out(OP(graph, "Squeeze", far_where_not(graph, here), axes(graph, 1))));
}

/* Indices (N, T, K, 1) of the nearest; *valid (N, T, K, 1): 1 where there is one. */
static Value nearest(Graph *graph, Value *valid, Value x, Value here, int64_t points, int64_t k) {
  Value distance = plus(graph, distances(graph, x, here), self_first(graph, points));
  Op top = OP(graph, "TopK", distance, graph_ints(graph, &k, 1));
  op_int(top, "axis", 2);
  op_int(top, "largest", 0);
  Value last = axes(graph, 3);
  *valid = less(graph, op_out(OP(graph, "Unsqueeze", op_out(top), last)),
                graph_float(graph, FAR / 10));
  return op_out(OP(graph, "Unsqueeze", op_second(graph, top), last));
}

/* (N, F, 1, T) times the transpose of sign_1 W_1 + sign_2 W_2, where W = [W_1 W_2] (O, 2 F):
 * (N, T, O). */
static Value product(Graph *graph, Value x, const Node *node, const float *w, float sign_1,
                     float sign_2) {
  int64_t ins = node->in.c, outs = node->tensor[0].dims[0];
  float *turned = MEM_NEW(float, "weights", ins *outs);
  for (int64_t f = 0; f < ins; f++)
    for (int64_t o = 0; o < outs; o++)
      turned[f * outs + o] = sign_1 * w[o * 2 * ins + f] + sign_2 * w[(o * 2 + 1) * ins + f];
  Value rows = transpose(graph, op_out(OP(graph, "Squeeze", x, axes(graph, 2))),
                         (const int64_t[]){0, 2, 1}, 3);
  Value y = op_out(
      OP(graph, "MatMul", rows, graph_floats(graph, turned, (const int64_t[]){ins, outs}, 2)));
  mem_free(&turned);
  return y;
}

/* The activation of each edge, (N, T, K, O), of
 * W [x_i, x_j - x_i] = (W_1 - W_2) x_i + W_2 x_j. */
static Value edges(Graph *graph, Value x, Value which, const Node *node, const float *w) {
  const int64_t outs = node->tensor[0].dims[0];
  Value own = product(graph, x, node, w, 1, -1);
  if (node->n_tensors > 1)
    own = plus(graph, own, graph_floats(graph, w + node->tensor[0].size, &outs, 1));
  Op gather = OP(graph, "GatherND", product(graph, x, node, w, 0, 1), which);
  op_int(gather, "batch_dims", 1);
  Value sum = plus(graph, op_out(OP(graph, "Unsqueeze", own, axes(graph, 2))), op_out(gather));
  Op leak = OP(graph, "LeakyRelu", sum);
  op_float(leak, "alpha", node->attr[layer_attr(node->op, "slope")]);
  return op_out(leak);
}

Value onnx_edge_conv(Graph *graph, Value x, const Node *node, const float *w) {
  int64_t points = node->in.w, k = (int64_t)node->attr[layer_attr(node->op, "neighbours")];
  bool mean = node->attr[layer_attr(node->op, "pooling")] != 0;
  Value valid, here = onnx_present(graph, x), y;
  Value which = nearest(graph, &valid, x, here, points, k < points ? k : points);
  Value edge = edges(graph, x, which, node, w);
  if (mean)
    y = op_out(OP(graph, "Div", over(graph, "ReduceSum", times(graph, edge, valid), 2),
                  at_least(graph, over(graph, "ReduceSum", valid, 2), 1)));
  else
    y = over(graph, "ReduceMax", minus(graph, edge, far_where_not(graph, valid)), 2);
  Value turned = op_out(
      OP(graph, "Unsqueeze", transpose(graph, y, (const int64_t[]){0, 2, 1}, 3), axes(graph, 2)));
  y = times(graph, turned, here);
  if (!node->attr[layer_attr(node->op, "coordinates")]) return y;
  Op concat = OP(graph, "Concat", slice(graph, x, 0, PLANE), y);
  op_int(concat, "axis", 1);
  return op_out(concat);
}

/* ---- Chamfer distances ---- */

/* Sum over points of weight times square, over the sum of weights, (N); all (N, T). */
static Value weighted_mean(Graph *graph, Value weight, Value square) {
  return op_out(OP(graph, "Div", over(graph, "ReduceSum", times(graph, weight, square), 1),
                   at_least(graph, over(graph, "ReduceSum", weight, 1), 1e-30)));
}

/* (N, 1, 1, T) to (N, T) */
static Value flat(Graph *graph, Value x) { return op_out(OP(graph, "Flatten", x)); }

static Value chamfer(Graph *graph, Value y, Value x, bool by_pt) {
  Value here = onnx_present(graph, x);
  Value any = graph_reduce(graph, "ReduceMax", here, (const int64_t[]){3}, 1, true);
  Value r = minus(graph, upright(graph, x), y);
  Value square = over(graph, "ReduceSum", times(graph, r, r), 1); /* (N, T of x, T of y) */
  Value of_x = over(graph, "ReduceMin", square, 2);
  Value absent =
      op_out(OP(graph, "Squeeze", far_where_not(graph, upright(graph, here)), axes(graph, 1)));
  Value of_y = over(graph, "ReduceMin", plus(graph, square, absent), 1);
  Value p = by_pt ? times(graph, at_least(graph, slice(graph, x, 0, 1), 0), here) : here;
  Value q = by_pt ? at_least(graph, slice(graph, y, 0, 1), 0)
                  : at_least(graph, here, 1); /* every point of y */
  return plus(graph, weighted_mean(graph, flat(graph, p), of_x),
              weighted_mean(graph, flat(graph, times(graph, q, any)), of_y));
}

Value onnx_chamfer(Graph *graph, Value y, Value x, Shape shape) {
  return chamfer(graph, y, x, false);
}

Value onnx_chamfer_pt(Graph *graph, Value y, Value x, Shape shape) {
  return chamfer(graph, y, x, true);
}
