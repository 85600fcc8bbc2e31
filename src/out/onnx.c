#include "out/onnx.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "onnx_graph.h"

enum { PATH = 4096 };

/* Layers [from, to) of the model. */
static Err layers(Graph *graph, Value *y, Value x, const Model *model, int from, int to) {
  *y = x;
  for (int i = from; i < to; i++) {
    const Node *node = &model->net->node[i];
    TRY(onnx_layer(graph, y, *y, node, model->w + node->w_offset));
  }
  return OK;
}

static Value per_feature(Graph *graph, const Model *model, const float *numbers) {
  Shape in = model->input;
  return graph_floats(graph, numbers, (const int64_t[]){1, in.c, in.h, in.w}, 4);
}

/* (x - mean) / scale, and back. */
static Value standardised(Graph *graph, Value x, const Model *model) {
  if (!model->mean) return x;
  Value shifted = op_out(OP(graph, "Sub", x, per_feature(graph, model, model->mean)));
  return op_out(OP(graph, "Div", shifted, per_feature(graph, model, model->scale)));
}

static Value restored(Graph *graph, Value x, const Model *model) {
  if (!model->mean) return x;
  Value scaled = op_out(OP(graph, "Mul", x, per_feature(graph, model, model->scale)));
  return op_out(OP(graph, "Add", scaled, per_feature(graph, model, model->mean)));
}

static Value sample_input(Graph *graph, const Model *model) {
  Shape in = model->input;
  Value x = graph_input(graph, "x", (const int64_t[]){0, in.c, in.h, in.w}, 4);
  return standardised(graph, x, model);
}

static Err encoder(Graph *graph, const Model *model) {
  const int64_t dims[] = {0, shape_size(net_latent(model->net))};
  Value z;
  TRY(layers(graph, &z, sample_input(graph, model), model, 0, model->net->n_encoder));
  graph_output(graph, "code", op_out(OP(graph, "Flatten", z)), dims, 2);
  return OK;
}

static Err decoder(Graph *graph, const Model *model) {
  const Net *net = model->net;
  const Shape in = model->input, latent = net_latent(net);
  Value z = graph_input(graph, "code", (const int64_t[]){0, shape_size(latent)}, 2), x;
  TRY(layers(graph, &x, graph_reshape(graph, z, latent), model, net->n_encoder, net->n_nodes));
  x = restored(graph, graph_reshape(graph, x, in), model);
  graph_output(graph, "x", x, (const int64_t[]){0, in.c, in.h, in.w}, 4);
  return OK;
}

static Err energy(Graph *graph, const Model *model) {
  Value x = sample_input(graph, model), y, e;
  TRY(layers(graph, &y, x, model, 0, model->net->n_nodes));
  if (!net_scalar(model->net)) y = graph_reshape(graph, y, model->input);
  TRY(onnx_energy(graph, &e, y, x, model->input, model->energy));
  graph_output(graph, "energy", e, (const int64_t[]){0}, 1);
  return OK;
}

static Err export(const char *folder, const char *name, const Model *model,
                  Err (*build)(Graph *graph, const Model *model)) {
  char path[PATH];
  Graph graph = graph_new(name, ONNX_OPSET);
  snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
  Err e = build(&graph, model);
  if (!e) e = graph_save(&graph, path);
  graph_free(&graph);
  return e;
}

Err onnx_export(const char *folder, const Model *model) {
  if (mkdir(folder, 0777) && errno != EEXIST)
    return err_user("%s: cannot make this folder: %s", folder, strerror(errno));
  bool scalar = net_scalar(model->net);
  if (!scalar) TRY(export(folder, "encoder", model, encoder));
  if (!scalar) TRY(export(folder, "decoder", model, decoder));
  return export(folder, "energy", model, energy);
}
