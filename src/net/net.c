#include "net/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/whole.h"

/* More than any network for jets has; keeps sizes far from overflow. */
enum { FEATURES_MAX = 1 << 26, PARAMS_MAX = 1 << 30 };

static const char *half(const Net *net, int i) {
  return i < net->n_encoder ? "encoder" : "decoder";
}

static int place(const Net *net, int i) { return i < net->n_encoder ? i : i - net->n_encoder; }

/* ---- one layer ---- */

static Err unknown_type(const char *type) {
  char names[512] = "";
  for (int i = 0; layer_at(i); i++) {
    size_t n = strlen(names);
    snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", layer_at(i)->name);
  }
  return err_user("found a layer of type '%s', want one of %s", type, names);
}

static Err check_attr(const Attr *attr, double value) {
  if (attr->required && isnan(value)) return err_user("%s is missing", attr->name);
  if (!(value >= attr->min && value <= attr->max))
    return err_user("%s: found %g, want %g to %g", attr->name, value, attr->min, attr->max);
  if (attr->kind != ATTR_REAL && value != floor(value))
    return err_user("%s: found %g, want a whole number", attr->name, value);
  return OK;
}

static Err check_shape(Shape s) {
  if (s.c < 1 || s.h < 1 || s.w < 1)
    return err_user("its output would be %d x %d x %d, want at least one of each", s.c, s.h, s.w);
  if ((double)s.c * s.h * s.w > FEATURES_MAX)
    return err_user("its output would be %d x %d x %d, want at most %d features", s.c, s.h, s.w,
                    FEATURES_MAX);
  return OK;
}

static Err fill_node(Node *node, const LayerSpec *spec, Shape in) {
  node->op = layer_find(spec->type);
  if (!node->op) return unknown_type(spec->type);
  memcpy(node->attr, spec->attr, sizeof node->attr);
  node->in = in;
  const Attr *attrs = node->op->attrs;
  for (int i = 0; attrs && attrs[i].name; i++) TRY(check_attr(&attrs[i], node->attr[i]));
  TRY(node->op->shape(node));
  for (int t = 0; t < node->n_tensors; t++)
    if (node->tensor[t].size > PARAMS_MAX)
      return err_user("its %s would have %zu numbers, want at most %d", node->tensor[t].name,
                      node->tensor[t].size, PARAMS_MAX);
  return check_shape(node->out);
}

/* ---- the chain ---- */

static Err fill_nodes(Net *net, const NetSpec *spec) {
  Shape shape = net->input;
  for (int i = 0; i < net->n_nodes; i++) {
    Node *node = &net->node[i];
    int at = place(net, i);
    const LayerSpec *layer = i < net->n_encoder ? &spec->encoder[at] : &spec->decoder[at];
    snprintf(node->name, sizeof node->name, "%s.%d", half(net, i), at);
    Err e = fill_node(node, layer, shape);
    if (e) return err_where(e, "%s layer %d (%s): ", half(net, i), at + 1, layer->type);
    shape = node->out;
  }
  return OK;
}

static int points_of(const Node *node) { return node->op->points ? node->op->points(node) : 0; }

/* A layer that takes points of zeros as absent must see the sample itself, or what a layer left
 * that keeps them zero. */
static Err check_points(const Net *net) {
  for (int i = 1; i < net->n_nodes; i++) {
    const Node *node = &net->node[i], *before = node - 1;
    if (points_of(node) & POINTS_READ && !(points_of(before) & POINTS_LEAVE))
      return err_user("%s layer %d (%s): found it behind %s, whose output has no absent points "
                      "any more; want it first, or behind a layer that leaves them out",
                      half(net, i), place(net, i) + 1, node->op->name, before->op->name);
  }
  return OK;
}

static bool is_flat(Shape s) { return s.h == 1 && s.w == 1; }

static Err check_output(const Net *net) {
  Shape in = net->input, out = net->node[net->n_nodes - 1].out;
  bool same_size = shape_size(in) == shape_size(out);
  if (net_scalar(net)) {
    if (shape_size(out) == 1) return OK;
    return err_user("encoder: its output is %d x %d x %d = %ld features, want one number for a "
                    "network without decoder, or a decoder",
                    out.c, out.h, out.w, shape_size(out));
  }
  if (shape_equal(in, out) || (same_size && (is_flat(in) || is_flat(out)))) return OK;
  return err_user(
      "decoder: its output is %d x %d x %d = %ld features, want %d x %d x %d = %ld as "
      "the input; %s",
      out.c, out.h, out.w, shape_size(out), in.c, in.h, in.w, shape_size(in),
      same_size ? "add a reshape layer" : "change its last layers");
}

static Err check_spec(const NetSpec *spec, Shape input) {
  if (spec->n_encoder < 1 || spec->n_encoder > NET_LAYERS || spec->n_decoder < 0 ||
      spec->n_decoder > NET_LAYERS)
    return err_user("network: found %d encoder and %d decoder layers, want 1 to %d of each, or "
                    "no decoder behind an encoder with one feature",
                    spec->n_encoder, spec->n_decoder, NET_LAYERS);
  Err e = check_shape(input);
  return e ? err_where(e, "network input: ") : OK;
}

/* ---- offsets ---- */

static void place_node(Net *net, Node *node) {
  node->w_offset = net->n_params;
  for (int t = 0; t < node->n_tensors; t++) net->n_params += node->tensor[t].size;
  node->packed_offset = net->n_packed;
  if (node->op->packed_size) net->n_packed += whole_up(node->op->packed_size(node), 16);
  node->kept_offset = net->n_kept;
  if (node->op->kept_size) net->n_kept += whole_lines(node->op->kept_size(node));
  net->n_tensors += node->n_tensors;
  if (shape_size(node->out) > net->widest) net->widest = shape_size(node->out);
}

/* Floats of u and v. */
static size_t spectral_size(const Tensor *t) {
  if (t->spectral_axis < 0) return 0;
  size_t rows = (size_t)t->dims[t->spectral_axis];
  return rows + t->size / rows;
}

static void place_tensors(Net *net) {
  size_t n = (size_t)net->n_tensors;
  net->tensor_offset = MEM_NEW(size_t, "network", n + 1);
  net->spectral_offset = MEM_NEW(size_t, "network", n + 1);
  net->tensor_node = MEM_NEW(int, "network", n + 1);
  int i = 0;
  for (int k = 0; k < net->n_nodes; k++)
    for (int t = 0; t < net->node[k].n_tensors; t++, i++) {
      const Tensor *tensor = &net->node[k].tensor[t];
      net->tensor_node[i] = k;
      net->tensor_offset[i + 1] = net->tensor_offset[i] + tensor->size;
      net->spectral_offset[i + 1] = net->spectral_offset[i] + spectral_size(tensor);
    }
  net->n_spectral = net->spectral_offset[n];
}

Err net_new(Net **out, const NetSpec *spec, Shape input) {
  *out = NULL;
  TRY(check_spec(spec, input));
  Net *net = MEM_NEW(Net, "network", 1);
  net->input = input;
  net->n_encoder = spec->n_encoder;
  net->n_nodes = spec->n_encoder + spec->n_decoder;
  net->node = MEM_NEW(Node, "network", net->n_nodes);
  net->widest = shape_size(input);
  Err e = fill_nodes(net, spec);
  if (!e) e = check_points(net);
  if (!e) e = check_output(net);
  if (e) {
    net_free(&net);
    return e;
  }
  for (int i = 0; i < net->n_nodes; i++) place_node(net, &net->node[i]);
  place_tensors(net);
  *out = net;
  return OK;
}

void net_free(Net **net) {
  if (!*net) return;
  mem_free(&(*net)->node);
  mem_free(&(*net)->tensor_offset);
  mem_free(&(*net)->spectral_offset);
  mem_free(&(*net)->tensor_node);
  mem_free(net);
}

Shape net_output(const Net *net) { return net->node[net->n_nodes - 1].out; }

bool net_scalar(const Net *net) { return net->n_nodes == net->n_encoder; }

Shape net_latent(const Net *net) { return net->node[net->n_encoder - 1].out; }

int net_code(const Net *net) { return net->node[net->n_encoder - 1].op->code; }

bool net_on_sphere(const Net *net) { return net_code(net) == CODE_SPHERE; }

long net_manifold(const Net *net) {
  return shape_size(net_latent(net)) - (net_on_sphere(net) ? 1 : 0);
}

const Node *net_reads_points(const Net *net) {
  for (int i = 0; i < net->n_nodes; i++)
    if (points_of(&net->node[i]) & POINTS_READ) return &net->node[i];
  return NULL;
}

const Tensor *net_tensor(const Net *net, int i, char name[48], const Node **node) {
  int first = i;
  while (first > 0 && net->tensor_node[first - 1] == net->tensor_node[i]) first--;
  const Node *owner = &net->node[net->tensor_node[i]];
  const Tensor *tensor = &owner->tensor[i - first];
  if (name) snprintf(name, 48, "%s.%s", owner->name, tensor->name);
  if (node) *node = owner;
  return tensor;
}
