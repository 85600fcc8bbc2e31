#include "nets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

float some(uint32_t stream, uint32_t i) {
  uint32_t v = i * 2654435761u + stream * 0x9e3779b9u;
  v = (v ^ v >> 16) * 0x85ebca6bu;
  v = (v ^ v >> 13) * 0xc2b2ae35u;
  v ^= v >> 16;
  return (float)((int)(v >> 8) * 2 - 0xffffff) / 0x1000000;
}

float *some_floats(uint32_t stream, size_t n) {
  float *x = MEM_NEW(float, "test", n);
  for (size_t i = 0; i < n; i++) x[i] = some(stream, (uint32_t)i);
  return x;
}

static void set_attr(LayerSpec *spec, const Layer *op, const char *word) {
  const char *equals = strchr(word, '=');
  char name[32] = "";
  if (equals) snprintf(name, sizeof name, "%.*s", (int)(equals - word), word);
  int i = equals ? layer_attr(op, name) : 0;
  CHECK(i >= 0, "%s has no attribute %s", spec->type, name);
  spec->attr[i] = atof(equals ? equals + 1 : word);
}

LayerSpec layer_parse(const char *text) {
  LayerSpec spec = {0};
  char copy[256], *rest;
  snprintf(copy, sizeof copy, "%s", text);
  char *word = strtok_r(copy, " ", &rest);
  snprintf(spec.type, sizeof spec.type, "%s", word);
  const Layer *op = layer_find(word);
  if (!op) return spec;
  layer_defaults(op, spec.attr);
  while ((word = strtok_r(NULL, " ", &rest))) set_attr(&spec, op, word);
  return spec;
}

static int list_parse(LayerSpec *list, const char *text) {
  char copy[1024], *rest;
  snprintf(copy, sizeof copy, "%s", text);
  int n = 0;
  for (char *layer = strtok_r(copy, ";", &rest); layer; layer = strtok_r(NULL, ";", &rest))
    list[n++] = layer_parse(layer);
  return n;
}

NetSpec net_parse(const char *encoder, const char *decoder) {
  NetSpec spec;
  memset(&spec, 0, sizeof spec);
  spec.n_encoder = list_parse(spec.encoder, encoder);
  spec.n_decoder = list_parse(spec.decoder, decoder);
  return spec;
}

Node node_make(const char *text, Shape in) {
  LayerSpec spec = layer_parse(text);
  Node node = {.op = layer_find(spec.type), .in = in};
  CHECK(node.op, "no layer %s", spec.type);
  memcpy(node.attr, spec.attr, sizeof node.attr);
  CHECK(!node.op->shape(&node), "%s: %s", text, err_message());
  return node;
}

size_t node_params(const Node *node) {
  size_t n = 0;
  for (int t = 0; t < node->n_tensors; t++) n += node->tensor[t].size;
  return n;
}
