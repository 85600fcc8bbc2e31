#include "onnx_graph.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/provenance.h"

enum { NAME = 32, IR_VERSION = 8 };

/* Everything in a message comes from malloc, so that protobuf-c can free it. */
static void *claim(size_t n, size_t size) {
  void *p = calloc(n ? n : 1, size);
  CHECK(p, "no memory for an ONNX graph");
  return p;
}

static char *copy(const char *text) {
  char *p = strdup(text);
  CHECK(p, "no memory for an ONNX graph");
  return p;
}

#define NEW(type, init) memcpy(claim(1, sizeof(type)), &(type)init, sizeof(type))

/* Append to a repeated field. */
#define APPEND(list, n, element)                                                                 \
  do {                                                                                           \
    (list) = realloc(list, ((n) + 1) * sizeof *(list));                                          \
    CHECK(list, "no memory for an ONNX graph");                                                  \
    (list)[(n)++] = element;                                                                     \
  } while (0)

static void put_fact(Graph *graph, const Fact *fact) {
  Onnx__StringStringEntryProto *entry =
      NEW(Onnx__StringStringEntryProto, ONNX__STRING_STRING_ENTRY_PROTO__INIT);
  entry->key = copy(fact->name);
  entry->value = copy(fact->value);
  APPEND(graph->model->metadata_props, graph->model->n_metadata_props, entry);
}

Graph graph_new(const char *name, int opset) {
  Graph graph = {.model = NEW(Onnx__ModelProto, ONNX__MODEL_PROTO__INIT),
                 .proto = NEW(Onnx__GraphProto, ONNX__GRAPH_PROTO__INIT)};
  Onnx__OperatorSetIdProto *set =
      NEW(Onnx__OperatorSetIdProto, ONNX__OPERATOR_SET_ID_PROTO__INIT);
  set->domain = copy("");
  set->has_version = true, set->version = opset;
  graph.model->has_ir_version = true, graph.model->ir_version = IR_VERSION;
  graph.model->producer_name = copy("jetnae");
  graph.model->graph = graph.proto;
  graph.proto->name = copy(name);
  for (const Fact *fact = provenance_facts(); fact->name; fact++) put_fact(&graph, fact);
  APPEND(graph.model->opset_import, graph.model->n_opset_import, set);
  return graph;
}

void graph_free(Graph *graph) {
  onnx__model_proto__free_unpacked(graph->model, NULL);
  *graph = (Graph){0};
}

static Err write_bytes(const char *path, const void *bytes, size_t n) {
  FILE *file = fopen(path, "wb");
  if (!file) return err_user("%s: cannot be written: %s", path, strerror(errno));
  bool written = fwrite(bytes, 1, n, file) == n;
  if (!fclose(file) && written) return OK;
  return err_user("%s: cannot be written: %s", path, strerror(errno));
}

Err graph_save(const Graph *graph, const char *path) {
  size_t n = onnx__model_proto__get_packed_size(graph->model);
  uint8_t *bytes = claim(n, 1);
  onnx__model_proto__pack(graph->model, bytes);
  Err e = write_bytes(path, bytes, n);
  free(bytes);
  return e;
}

/* ---- values ---- */

static char *fresh_name(Graph *graph) {
  char name[NAME];
  snprintf(name, sizeof name, "v%d", graph->values++);
  return copy(name);
}

static Onnx__TensorShapeProto__Dimension *dimension(int64_t n) {
  Onnx__TensorShapeProto__Dimension *dim =
      NEW(Onnx__TensorShapeProto__Dimension, ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT);
  dim->value_case = n ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                      : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
  if (n)
    dim->dim_value = n;
  else
    dim->dim_param = copy("N");
  return dim;
}

static Onnx__ValueInfoProto *value_info(const char *name, const int64_t *dims, int n) {
  Onnx__ValueInfoProto *info = NEW(Onnx__ValueInfoProto, ONNX__VALUE_INFO_PROTO__INIT);
  Onnx__TypeProto *type = NEW(Onnx__TypeProto, ONNX__TYPE_PROTO__INIT);
  Onnx__TypeProto__Tensor *tensor = NEW(Onnx__TypeProto__Tensor, ONNX__TYPE_PROTO__TENSOR__INIT);
  tensor->has_elem_type = true, tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
  tensor->shape = NEW(Onnx__TensorShapeProto, ONNX__TENSOR_SHAPE_PROTO__INIT);
  for (int i = 0; i < n; i++)
    APPEND(tensor->shape->dim, tensor->shape->n_dim, dimension(dims[i]));
  type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE, type->tensor_type = tensor;
  info->name = copy(name), info->type = type;
  return info;
}

Value graph_input(Graph *graph, const char *name, const int64_t *dims, int n) {
  Onnx__ValueInfoProto *info = value_info(name, dims, n);
  APPEND(graph->proto->input, graph->proto->n_input, info);
  return info->name;
}

void graph_output(Graph *graph, const char *name, Value value, const int64_t *dims, int n) {
  Op op = OP(graph, "Identity", value);
  free(op->output[0]);
  op->output[0] = copy(name);
  APPEND(graph->proto->output, graph->proto->n_output, value_info(name, dims, n));
}

static Onnx__TensorProto *tensor_new(Graph *graph, int type, const int64_t *dims, int n) {
  Onnx__TensorProto *tensor = NEW(Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);
  tensor->has_data_type = true, tensor->data_type = type;
  tensor->name = fresh_name(graph);
  for (int i = 0; i < n; i++) APPEND(tensor->dims, tensor->n_dims, dims[i]);
  APPEND(graph->proto->initializer, graph->proto->n_initializer, tensor);
  return tensor;
}

Value graph_floats(Graph *graph, const float *x, const int64_t *dims, int n) {
  Onnx__TensorProto *tensor = tensor_new(graph, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, dims, n);
  tensor->n_float_data = 1;
  for (int i = 0; i < n; i++) tensor->n_float_data *= (size_t)dims[i];
  tensor->float_data = claim(tensor->n_float_data, sizeof(float));
  memcpy(tensor->float_data, x, tensor->n_float_data * sizeof(float));
  return tensor->name;
}

Value graph_float(Graph *graph, double x) {
  float value = (float)x;
  return graph_floats(graph, &value, NULL, 0);
}

Value graph_ints(Graph *graph, const int64_t *x, int n) {
  Onnx__TensorProto *tensor =
      tensor_new(graph, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, (const int64_t[]){n}, 1);
  for (int i = 0; i < n; i++) APPEND(tensor->int64_data, tensor->n_int64_data, x[i]);
  return tensor->name;
}

/* ---- nodes ---- */

Op graph_op(Graph *graph, const char *type, const Value *inputs) {
  Op op = NEW(Onnx__NodeProto, ONNX__NODE_PROTO__INIT);
  op->op_type = copy(type);
  for (int i = 0; inputs[i]; i++) APPEND(op->input, op->n_input, copy(inputs[i]));
  APPEND(op->output, op->n_output, fresh_name(graph));
  APPEND(graph->proto->node, graph->proto->n_node, op);
  return op;
}

static Onnx__AttributeProto *attribute(Op op, const char *name, int type) {
  Onnx__AttributeProto *a = NEW(Onnx__AttributeProto, ONNX__ATTRIBUTE_PROTO__INIT);
  a->name = copy(name);
  a->has_type = true, a->type = (Onnx__AttributeProto__AttributeType)type;
  APPEND(op->attribute, op->n_attribute, a);
  return a;
}

void op_int(Op op, const char *name, int64_t value) {
  Onnx__AttributeProto *a = attribute(op, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
  a->has_i = true, a->i = value;
}

void op_ints(Op op, const char *name, const int64_t *value, int n) {
  Onnx__AttributeProto *a = attribute(op, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
  for (int i = 0; i < n; i++) APPEND(a->ints, a->n_ints, value[i]);
}

void op_float(Op op, const char *name, double value) {
  Onnx__AttributeProto *a = attribute(op, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
  a->has_f = true, a->f = (float)value;
}

void op_text(Op op, const char *name, const char *value) {
  Onnx__AttributeProto *a = attribute(op, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
  a->has_s = true, a->s.len = strlen(value), a->s.data = (uint8_t *)copy(value);
}

Value op_out(Op op) { return op->output[0]; }

Value op_second(Graph *graph, Op op) {
  APPEND(op->output, op->n_output, fresh_name(graph));
  return op->output[1];
}

Value graph_reshape(Graph *graph, Value x, Shape shape) {
  const int64_t dims[] = {0, shape.c, shape.h, shape.w}; /* 0: as it is */
  return op_out(OP(graph, "Reshape", x, graph_ints(graph, dims, 4)));
}

Value graph_reduce(Graph *graph, const char *type, Value x, const int64_t *axes, int n,
                   bool keep) {
  bool sum = !strcmp(type, "ReduceSum"); /* whose axes are an input in this opset */
  Op op = sum ? OP(graph, type, x, graph_ints(graph, axes, n)) : OP(graph, type, x);
  if (!sum) op_ints(op, "axes", axes, n);
  op_int(op, "keepdims", keep);
  return op_out(op);
}
