/* Each layer and energy in terms of ONNX operators. Values are (N, c, h, w) between layers; a
 * layer without a row here has no ONNX form and is named in the error. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "onnx_graph.h"

static const int64_t features[] = {1, 2, 3};

static int attr(const Node *node, const char *name) {
  return (int)node->attr[layer_attr(node->op, name)];
}

static bool has_bias(const Node *node) { return attr(node, "bias") != 0; }

static Value bias_of(Graph *graph, const Node *node, const float *w) {
  if (!has_bias(node)) return NULL;
  return graph_floats(graph, w + node->tensor[0].size, (const int64_t[]){node->tensor[1].dims[0]},
                      1);
}

/* ---- linear layers ---- */

static Value dense(Graph *graph, Value x, const Node *node, const float *w) {
  const int64_t dims[] = {node->out.c, shape_size(node->in)};
  Value flat = op_out(OP(graph, "Flatten", x)), weight = graph_floats(graph, w, dims, 2);
  Op op = OP(graph, "Gemm", flat, weight, bias_of(graph, node, w));
  op_int(op, "transB", 1);
  return graph_reshape(graph, op_out(op), node->out);
}

/* Attributes that both convolutions have; a row of an image has no padding above and below. */
static Op convolution(Graph *graph, const char *type, Value x, const Node *node, const float *w) {
  const Tensor *t = &node->tensor[0];
  bool row = t->n_dims == 3;
  const int64_t rows = row ? 1 : t->dims[2], columns = t->dims[t->n_dims - 1];
  const int64_t dims[] = {t->dims[0], t->dims[1], rows, columns};
  const int64_t stride = attr(node, "stride"), pad = attr(node, "padding");
  Op op = OP(graph, type, x, graph_floats(graph, w, dims, 4), bias_of(graph, node, w));
  op_ints(op, "kernel_shape", dims + 2, 2);
  op_ints(op, "strides", (const int64_t[]){row ? 1 : stride, stride}, 2);
  op_ints(op, "pads", (const int64_t[]){row ? 0 : pad, pad, row ? 0 : pad, pad}, 4);
  return op;
}

static Value conv(Graph *graph, Value x, const Node *node, const float *w) {
  return op_out(convolution(graph, "Conv", x, node, w));
}

static Value conv_transpose(Graph *graph, Value x, const Node *node, const float *w) {
  Op op = convolution(graph, "ConvTranspose", x, node, w);
  const int64_t more = attr(node, "output_padding");
  op_ints(op, "output_padding", (const int64_t[]){node->tensor[0].n_dims == 3 ? 0 : more, more},
          2);
  return op_out(op);
}

/* ---- reduction and inflation ---- */

static Value pool(Graph *graph, const char *type, Value x, const Node *node) {
  const int64_t kernel = attr(node, "kernel"), stride = attr(node, "stride");
  const int64_t step = stride ? stride : kernel;
  Op op = OP(graph, type, x);
  op_ints(op, "kernel_shape", (const int64_t[]){kernel, kernel}, 2);
  op_ints(op, "strides", (const int64_t[]){step, step}, 2);
  return op_out(op);
}

static Value max_pool(Graph *graph, Value x, const Node *node, const float *w) {
  return pool(graph, "MaxPool", x, node);
}

static Value avg_pool(Graph *graph, Value x, const Node *node, const float *w) {
  return pool(graph, "AveragePool", x, node);
}

static Value upsample(Graph *graph, Value x, const Node *node, const float *w) {
  bool bilinear = attr(node, "mode") != 0, corners = attr(node, "align_corners") != 0;
  const float factor = (float)attr(node, "factor"), scales[] = {1, 1, factor, factor};
  Op op = OP(graph, "Resize", x, "", graph_floats(graph, scales, (const int64_t[]){4}, 1));
  op_text(op, "mode", bilinear ? "linear" : "nearest");
  op_text(op, "coordinate_transformation_mode",
          !bilinear ? "asymmetric"
          : corners ? "align_corners"
                    : "half_pixel");
  op_text(op, "nearest_mode", "floor");
  return op_out(op);
}

/* ---- activations ---- */

static Value relu(Graph *graph, Value x, const Node *node, const float *w) {
  return op_out(OP(graph, "Relu", x));
}

static Value leaky_relu(Graph *graph, Value x, const Node *node, const float *w) {
  Op op = OP(graph, "LeakyRelu", x);
  op_float(op, "alpha", node->attr[layer_attr(node->op, "slope")]);
  return op_out(op);
}

static Value prelu(Graph *graph, Value x, const Node *node, const float *w) {
  return op_out(OP(graph, "PRelu", x, graph_floats(graph, w, (const int64_t[]){1}, 1)));
}

static Value elu(Graph *graph, Value x, const Node *node, const float *w) {
  Op op = OP(graph, "Elu", x);
  op_float(op, "alpha", node->attr[layer_attr(node->op, "alpha")]);
  return op_out(op);
}

static Value sigmoid(Graph *graph, Value x, const Node *node, const float *w) {
  return op_out(OP(graph, "Sigmoid", x));
}

static Value hyperbolic(Graph *graph, Value x, const Node *node, const float *w) {
  return op_out(OP(graph, "Tanh", x));
}

static Value softplus(Graph *graph, Value x, const Node *node, const float *w) {
  return op_out(OP(graph, "Softplus", x));
}

/* ---- shapes ---- */

static Value same(Graph *graph, Value x, const Node *node, const float *w) { return x; }

static Value reshape(Graph *graph, Value x, const Node *node, const float *w) {
  return graph_reshape(graph, x, node->out);
}

/* The origin stays where it is. */
static Value sphere(Graph *graph, Value x, const Node *node, const float *w) {
  Value norm = graph_reduce(graph, "ReduceL2", x, features, 3, true);
  return op_out(OP(graph, "Div", x, op_out(OP(graph, "Max", norm, graph_float(graph, 1e-22)))));
}

/* The mean of mean and log variance. */
static Value gaussian(Graph *graph, Value x, const Node *node, const float *w) {
  Value flat = graph_reshape(graph, x, (Shape){(int)shape_size(node->in), 1, 1});
  return op_out(OP(graph, "Slice", flat, graph_ints(graph, (const int64_t[]){0}, 1),
                   graph_ints(graph, (const int64_t[]){node->out.c}, 1),
                   graph_ints(graph, (const int64_t[]){1}, 1)));
}

static Value repeat(Graph *graph, Value x, const Node *node, const float *w) {
  return op_out(
      OP(graph, "Expand", x, graph_ints(graph, (const int64_t[]){1, 1, 1, node->out.w}, 4)));
}

/* ---- sequences and sets ---- */

/* 1 where a point is there, (N, 1, 1, T). */
Value onnx_present(Graph *graph, Value x) {
  Value largest = graph_reduce(graph, "ReduceMax", op_out(OP(graph, "Abs", x)),
                               (const int64_t[]){1}, 1, true);
  Op cast = OP(graph, "Cast", op_out(OP(graph, "Greater", largest, graph_float(graph, 0))));
  op_int(cast, "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
  return op_out(cast);
}

/* How many points are there, (N) int32; they stand at the front. */
static Value length(Graph *graph, Value x) {
  Op cast = OP(graph, "Cast",
               graph_reduce(graph, "ReduceSum", onnx_present(graph, x), features, 3, false));
  op_int(cast, "to", ONNX__TENSOR_PROTO__DATA_TYPE__INT32);
  return op_out(cast);
}

/* PyTorch's order of gates is (r, z, n) and (i, f, g, o), that of ONNX (z, r, h) and (i, o, f, c).
 */
static const int gru_order[] = {1, 0, 2}, lstm_order[] = {0, 3, 1, 2};

static void reorder(float *to, const float *from, const int *order, int gates, long block) {
  for (int g = 0; g < gates; g++)
    memcpy(to + g * block, from + order[g] * block, (size_t)block * sizeof *to);
}

/* Tensor i of the layer in the order of ONNX: (1, gates H, columns). */
static Value gate_weights(Graph *graph, const Node *node, const float *w, int i, const int *order,
                          int gates) {
  const Tensor *t = &node->tensor[i];
  for (int k = 0; k < i; k++) w += node->tensor[k].size;
  float *turned = MEM_NEW(float, "ONNX weights", t->size);
  reorder(turned, w, order, gates, (long)t->size / gates);
  Value value = graph_floats(graph, turned, (const int64_t[]){1, t->dims[0], t->dims[1]}, 3);
  mem_free(&turned);
  return value;
}

/* Both biases, (1, 2 gates H). */
static Value gate_biases(Graph *graph, const Node *node, const float *w, const int *order,
                         int gates) {
  const long n = node->tensor[2].dims[0];
  float *turned = MEM_NEW(float, "ONNX weights", 2 * n);
  w += node->tensor[0].size + node->tensor[1].size;
  reorder(turned, w, order, gates, n / gates);
  reorder(turned + n, w + n, order, gates, n / gates);
  Value value = graph_floats(graph, turned, (const int64_t[]){1, 2 * n}, 2);
  mem_free(&turned);
  return value;
}

/* (N, F, 1, T) to (T, N, F). */
static Value time_first(Graph *graph, Value x) {
  Value flat = op_out(OP(graph, "Squeeze", x, graph_ints(graph, (const int64_t[]){2}, 1)));
  Op op = OP(graph, "Transpose", flat);
  op_ints(op, "perm", (const int64_t[]){2, 0, 1}, 3);
  return op_out(op);
}

/* (T, N, H) or (1, N, H) to (N, H, 1, T or 1). */
static Value time_last(Graph *graph, Value y) {
  Op op = OP(graph, "Transpose", y);
  op_ints(op, "perm", (const int64_t[]){1, 2, 0}, 3);
  return op_out(OP(graph, "Unsqueeze", op_out(op), graph_ints(graph, (const int64_t[]){2}, 1)));
}

static Value recurrent(Graph *graph, const char *type, Value x, const Node *node, const float *w,
                       const int *order, int gates) {
  Op op =
      OP(graph, type, time_first(graph, x), gate_weights(graph, node, w, 0, order, gates),
         gate_weights(graph, node, w, 1, order, gates), gate_biases(graph, node, w, order, gates),
         attr(node, "masked") ? length(graph, x) : "");
  op_int(op, "hidden_size", attr(node, "units"));
  if (gates == 3) op_int(op, "linear_before_reset", 1);
  if (attr(node, "reverse")) op_text(op, "direction", "reverse");
  if (!attr(node, "returns")) return time_last(graph, op_second(graph, op));
  Value all =
      op_out(OP(graph, "Squeeze", op_out(op), graph_ints(graph, (const int64_t[]){1}, 1)));
  return time_last(graph, all);
}

static Value gru(Graph *graph, Value x, const Node *node, const float *w) {
  return recurrent(graph, "GRU", x, node, w, gru_order, 3);
}

static Value lstm(Graph *graph, Value x, const Node *node, const float *w) {
  return recurrent(graph, "LSTM", x, node, w, lstm_order, 4);
}

/* ---- the tables ---- */

static Value scalar(Graph *graph, Value y, Value x, Shape shape) {
  return graph_reduce(graph, "ReduceMean", y, features, 3, false); /* of one number */
}

static const struct {
  const char *name;
  Value (*form)(Graph *graph, Value x, const Node *node, const float *w);
} forms[] = {{"dense", dense},
             {"conv2d", conv},
             {"conv1d", conv},
             {"conv_transpose2d", conv_transpose},
             {"conv_transpose1d", conv_transpose},
             {"max_pool2d", max_pool},
             {"avg_pool2d", avg_pool},
             {"upsample", upsample},
             {"relu", relu},
             {"leaky_relu", leaky_relu},
             {"prelu", prelu},
             {"elu", elu},
             {"sigmoid", sigmoid},
             {"tanh", hyperbolic},
             {"softplus", softplus},
             {"linear", same},
             {"reshape", reshape},
             {"sphere", sphere},
             {"gaussian", gaussian},
             {"repeat", repeat},
             {"gru", gru},
             {"lstm", lstm},
             {"edge_conv", onnx_edge_conv},
             {"pool_points", onnx_pool_points}};

Err onnx_layer(Graph *graph, Value *y, Value x, const Node *node, const float *w) {
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    if (!strcmp(forms[i].name, node->op->name)) return *y = forms[i].form(graph, x, node, w), OK;
  return err_user("%s: found the layer %s, which has no ONNX form; the model can be scored with "
                  "jetnae only",
                  node->name, node->op->name);
}

static Value squares(Graph *graph, Value y, Value x) {
  Value r = op_out(OP(graph, "Sub", y, x));
  return op_out(OP(graph, "Mul", r, r));
}

static Value mse(Graph *graph, Value y, Value x, Shape shape) {
  return graph_reduce(graph, "ReduceMean", squares(graph, y, x), features, 3, false);
}

static Value masked(Graph *graph, Value y, Value x, Shape shape) {
  Value here = onnx_present(graph, x),
        counted = op_out(OP(graph, "Mul", squares(graph, y, x), here));
  Value points = graph_reduce(graph, "ReduceSum", here, features, 3, false);
  Value unit = op_out(OP(graph, "Mul", op_out(OP(graph, "Max", points, graph_float(graph, 1))),
                         graph_float(graph, shape.c)));
  return op_out(
      OP(graph, "Div", graph_reduce(graph, "ReduceSum", counted, features, 3, false), unit));
}

/* p log(p / q), 0 at p = 0 */
static Value part(Graph *graph, Value p, Value q) {
  Value above = op_out(OP(graph, "Max", p, graph_float(graph, 1e-30)));
  return op_out(
      OP(graph, "Mul", p, op_out(OP(graph, "Log", op_out(OP(graph, "Div", above, q))))));
}

static Value bernoulli(Graph *graph, Value y, Value x, Shape shape) {
  Value one = graph_float(graph, 1);
  Value q = op_out(OP(graph, "Clip", y, graph_float(graph, 1e-6), graph_float(graph, 1 - 1e-6)));
  Value sum =
      op_out(OP(graph, "Add", part(graph, x, q),
                part(graph, op_out(OP(graph, "Sub", one, x)), op_out(OP(graph, "Sub", one, q)))));
  return graph_reduce(graph, "ReduceMean", sum, features, 3, false);
}

static const struct {
  const char *name;
  Value (*form)(Graph *graph, Value y, Value x, Shape shape);
} energies[] = {{"mse", mse},
                {"masked", masked},
                {"bernoulli", bernoulli},
                {"chamfer", onnx_chamfer},
                {"chamfer_pt", onnx_chamfer_pt},
                {"scalar", scalar}};

Err onnx_energy(Graph *graph, Value *e, Value y, Value x, Shape shape, const char *energy) {
  for (size_t i = 0; i < sizeof energies / sizeof *energies; i++)
    if (!strcmp(energies[i].name, energy)) return *e = energies[i].form(graph, y, x, shape), OK;
  return err_user("found the energy %s, which has no ONNX form", energy);
}
