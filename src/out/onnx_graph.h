/* An ONNX graph while it is being built: values are named, every node makes one or two new ones.
 * Names are the graph's. */
#ifndef OUT_ONNX_GRAPH_H
#define OUT_ONNX_GRAPH_H

#include <stdint.h>

#include "net/net.h"
#include "onnx.pb-c.h"

typedef struct Graph {
  Onnx__ModelProto *model;
  Onnx__GraphProto *proto;
  int values; /* made so far */
} Graph;

typedef const char *Value;

Graph graph_new(const char *name, int opset);
void graph_free(Graph *graph);
/* Errors: cannot write. */
Err graph_save(const Graph *graph, const char *path);

/* dims[0] = 0 is the batch. */
Value graph_input(Graph *graph, const char *name, const int64_t *dims, int n);
void graph_output(Graph *graph, const char *name, Value value, const int64_t *dims, int n);
Value graph_floats(Graph *graph, const float *x, const int64_t *dims, int n);
Value graph_float(Graph *graph, double x); /* a scalar */
Value graph_ints(Graph *graph, const int64_t *x, int n);

/* A node with its inputs ended by NULL ("": an optional one left out) and one output. */
typedef Onnx__NodeProto *Op;
Op graph_op(Graph *graph, const char *type, const Value *inputs);
#define OP(graph, type, ...) graph_op(graph, type, (const Value[]){__VA_ARGS__, NULL})
void op_int(Op op, const char *name, int64_t value);
void op_ints(Op op, const char *name, const int64_t *value, int n);
void op_float(Op op, const char *name, double value);
void op_text(Op op, const char *name, const char *value);
Value op_out(Op op);
Value op_second(Graph *graph, Op op); /* adds an output */

/* Often needed. */
Value graph_reshape(Graph *graph, Value x, Shape shape); /* (N, c, h, w) */
Value graph_reduce(Graph *graph, const char *type, Value x, const int64_t *axes, int n,
                   bool keep);

/* src/out/onnx_layers.c. y = the layer's output, (N, c, h, w), from x. Errors: no form for it. */
Err onnx_layer(Graph *graph, Value *y, Value x, const Node *node, const float *w);
/* src/out/onnx_points.c. The same for sets of points. */
Value onnx_pool_points(Graph *graph, Value x, const Node *node, const float *w);
Value onnx_edge_conv(Graph *graph, Value x, const Node *node, const float *w);
Value onnx_chamfer(Graph *graph, Value y, Value x, Shape shape);
Value onnx_chamfer_pt(Graph *graph, Value y, Value x, Shape shape);
/* 1 where a point is there, 0 where all its features are zero: (N, 1, 1, T) from (N, F, 1, T). */
Value onnx_present(Graph *graph, Value x);
/* Errors: no form for it. e (N) */
Err onnx_energy(Graph *graph, Value *e, Value y, Value x, Shape shape, const char *energy);

#endif
