#include "app/layers_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/yaml_text.h"
#include "base/spelling.h"

typedef struct Reading {
  yaml_document_t *document;
  const Layer *op;
  int number; /* of the layer, from 1 */
  int *line;  /* where the reader is, for messages */
} Reading;

static yaml_node_t *node_at(Reading *r, yaml_node_item_t item) {
  yaml_node_t *node = yaml_document_get_node(r->document, item);
  *r->line = (int)node->start_mark.line + 1;
  return node;
}

static const char *scalar(const yaml_node_t *node) {
  if (node->type == YAML_MAPPING_NODE) return "a map";
  if (node->type == YAML_SEQUENCE_NODE) return "a list";
  return (const char *)node->data.scalar.value;
}

static bool is_nothing(const yaml_node_t *node) {
  return node->type == YAML_SCALAR_NODE && !node->data.scalar.length &&
         node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static const char *layer_name(const void *of, int i) {
  const Layer *op = layer_at(i);
  return op ? op->name : NULL;
}

static const char *attr_name(const void *of, int i) {
  const Layer *op = of;
  return op->attrs ? op->attrs[i].name : NULL;
}

static Err bad(const Reading *r, const Attr *attr, const char *text, const char *want) {
  return err_user("layer %d (%s): %s: found %s, want %s", r->number, r->op->name, attr->name,
                  text_show(text), want);
}

static Err read_number(const Reading *r, const Attr *attr, double *value, const char *text) {
  char want[96], *end;
  const char *kind = attr->kind == ATTR_INT ? "an integer" : "a number";
  snprintf(want, sizeof want, "%s from %g to %g", kind, attr->min, attr->max);
  *value = strtod(text, &end);
  if (end == text || *end || !isfinite(*value)) return bad(r, attr, text, want);
  if (attr->kind == ATTR_INT && *value != floor(*value)) return bad(r, attr, text, want);
  if (*value < attr->min || *value > attr->max) return bad(r, attr, text, want);
  return OK;
}

static Err read_choice(const Reading *r, const Attr *attr, double *value, const char *text) {
  char want[256] = "one of";
  for (int i = 0; attr->choices[i]; i++) {
    if (!strcmp(text, attr->choices[i])) return *value = i, OK;
    size_t used = strlen(want);
    snprintf(want + used, sizeof want - used, "%s%s", i ? ", " : " ", attr->choices[i]);
  }
  return bad(r, attr, text, want);
}

static Err read_attr(const Reading *r, const Attr *attr, double *value, const char *text) {
  if (attr->kind == ATTR_CHOICE) return read_choice(r, attr, value, text);
  if (attr->kind != ATTR_BOOL) return read_number(r, attr, value, text);
  *value = !strcmp(text, "true");
  return *value || !strcmp(text, "false") ? OK : bad(r, attr, text, "true or false");
}

static Err read_attrs(Reading *r, LayerSpec *layer, bool given[LAYER_ATTRS], yaml_node_t *map) {
  yaml_node_pair_t *pair = map->data.mapping.pairs.start;
  for (; pair < map->data.mapping.pairs.top; pair++) {
    const char *name = scalar(node_at(r, pair->key));
    int i = layer_attr(r->op, name);
    if (i < 0 && !attr_name(r->op, 0))
      return err_user("layer %d (%s): %s: this layer has no attributes", r->number, r->op->name,
                      text_show(name));
    if (i < 0)
      return err_user("layer %d (%s): %s: no such attribute; did you mean %s?", r->number,
                      r->op->name, text_show(name), spelling_nearest(name, attr_name, r->op));
    if (given[i]) return err_user("layer %d (%s): %s: given twice", r->number, r->op->name, name);
    given[i] = true;
    TRY(read_attr(r, &r->op->attrs[i], &layer->attr[i], scalar(node_at(r, pair->value))));
  }
  return OK;
}

static Err read_body(Reading *r, LayerSpec *layer, yaml_node_t *body) {
  bool given[LAYER_ATTRS] = {false};
  layer_defaults(r->op, layer->attr);
  if (body && body->type == YAML_MAPPING_NODE)
    TRY(read_attrs(r, layer, given, body));
  else if (body && !is_nothing(body)) {
    if (!attr_name(r->op, 0))
      return err_user("layer %d (%s): found %s, but this layer has no attributes", r->number,
                      r->op->name, text_show(scalar(body)));
    given[0] = true;
    TRY(read_attr(r, &r->op->attrs[0], &layer->attr[0], scalar(body)));
  }
  for (int i = 0; attr_name(r->op, i); i++) {
    const Attr *attr = &r->op->attrs[i];
    if (attr->required && !given[i])
      return err_user("layer %d (%s): %s is missing: %s", r->number, r->op->name, attr->name,
                      attr->help);
    if (!strcmp(attr->name, "spectral") && !given[i]) layer->attr[i] = NAN;
  }
  return OK;
}

static Err read_layer(Reading *r, LayerSpec *layer, yaml_node_t *node) {
  yaml_node_t *name = node, *body = NULL;
  if (node->type == YAML_MAPPING_NODE) {
    yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    if (node->data.mapping.pairs.top - pair != 1)
      return err_user("layer %d: found a map of %d keys, want one layer: `name: {attributes}`",
                      r->number, (int)(node->data.mapping.pairs.top - pair));
    name = node_at(r, pair->key);
    body = yaml_document_get_node(r->document, pair->value);
  }
  if (name->type != YAML_SCALAR_NODE)
    return err_user("layer %d: found %s, want the name of a layer", r->number, scalar(name));
  r->op = layer_find(scalar(name));
  if (!r->op)
    return err_user("layer %d: no layer is called %s; did you mean %s?", r->number,
                    text_show(scalar(name)), spelling_nearest(scalar(name), layer_name, NULL));
  snprintf(layer->type, sizeof layer->type, "%s", r->op->name);
  return read_body(r, layer, body);
}

Err layers_read(LayerSpec *layer, int *n, yaml_document_t *document, yaml_node_t *list,
                int *line) {
  Reading r = {.document = document, .line = line};
  if (list->type != YAML_SEQUENCE_NODE)
    return err_user("found %s, want a list of layers", text_show(scalar(list)));
  yaml_node_item_t *item = list->data.sequence.items.start;
  for (*n = 0; item < list->data.sequence.items.top; item++, (*n)++) {
    r.number = *n + 1;
    if (*n == NET_LAYERS) return err_user("more than %d layers", NET_LAYERS);
    TRY(read_layer(&r, &layer[*n], node_at(&r, *item)));
  }
  return OK;
}

static bool print_attr(FILE *to, const Attr *attr, double value, bool first) {
  fprintf(to, "%s%s: ", first ? ": {" : ", ", attr->name);
  if (attr->kind == ATTR_CHOICE)
    fputs(attr->choices[(int)value], to);
  else if (attr->kind == ATTR_BOOL)
    fputs(value ? "true" : "false", to);
  else
    fprintf(to, "%.17g", value);
  return false;
}

void layers_print(FILE *to, const LayerSpec *layer, int n, bool spectral) {
  if (!n) fputs(" []", to);
  for (int k = 0; k < n; k++) {
    const Layer *op = layer_find(layer[k].type);
    bool first = true;
    fprintf(to, "\n    - %s", layer[k].type);
    for (int i = 0; op && attr_name(op, i); i++) {
      bool is_spectral = !strcmp(op->attrs[i].name, "spectral");
      double usual = is_spectral ? spectral : op->attrs[i].fallback;
      if (op->attrs[i].required || layer[k].attr[i] != usual)
        first = print_attr(to, &op->attrs[i], layer[k].attr[i], first);
    }
    if (!first) fputc('}', to);
  }
}

void layers_resolve(LayerSpec *layer, int n, bool spectral) {
  for (int k = 0; k < n; k++) {
    const Layer *op = layer_find(layer[k].type);
    int i = op ? layer_attr(op, "spectral") : -1;
    if (i >= 0 && isnan(layer[k].attr[i])) layer[k].attr[i] = spectral;
  }
}
