#include "app/yaml_text.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "app/layers_text.h"
#include "app/option.h"

enum { OPTIONS = 256, KEY = 128 };

typedef struct Yaml {
  Config *config;
  yaml_document_t document;
  int line;           /* of what is being read */
  int given[OPTIONS]; /* line that gave an option, 0: none yet */
} Yaml;

static yaml_node_t *node_at(Yaml *r, yaml_node_item_t item) {
  yaml_node_t *node = yaml_document_get_node(&r->document, item);
  r->line = (int)node->start_mark.line + 1;
  return node;
}

static const char *text_of(const yaml_node_t *node) {
  return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static Err set_layers(Yaml *r, const Option *option, yaml_node_t *node) {
  LayerSpec *list = (LayerSpec *)((char *)r->config + option->offset);
  int *n = (int *)((char *)r->config + option->also);
  return err_where(layers_read(list, n, &r->document, node, &r->line), "%s: ", option->key);
}

static Err set_option(Yaml *r, int i, yaml_node_t *node) {
  const Option *option = option_at(i);
  if (r->given[i]) return err_user("%s: given twice, first in line %d", option->key, r->given[i]);
  r->given[i] = r->line;
  if (option->kind == &kind_layers) return set_layers(r, option, node);
  if (node->type == YAML_SCALAR_NODE) return option_set(option, r->config, text_of(node));
  return err_user("%s: found a %s, want %s", option->key,
                  node->type == YAML_MAPPING_NODE ? "map" : "list", option->kind->want);
}

static Err unknown(const char *key) {
  return err_user("%s: no such option; did you mean %s?", text_show(key), option_nearest(key));
}

static Err read_map(Yaml *r, const char *section, yaml_node_t *map);

static Err read_value(Yaml *r, const char *key, yaml_node_t *value) {
  int i = option_find(key);
  if (i >= 0) return set_option(r, i, value);
  if (!option_section(key)) return unknown(key);
  if (value->type == YAML_MAPPING_NODE) return read_map(r, key, value);
  if (text_of(value) && !*text_of(value)) return OK; /* a section without a line */
  return err_user("%s: found %s, want a section of options", key,
                  text_of(value) ? text_show(text_of(value)) : "a list");
}

static Err once(Yaml *r, const yaml_node_pair_t *first, const yaml_node_pair_t *pair,
                const char *key) {
  for (; first < pair; first++)
    if (!strcmp(text_of(yaml_document_get_node(&r->document, first->key)), key))
      return err_user("%s: given twice", text_show(key));
  return OK;
}

static Err read_map(Yaml *r, const char *section, yaml_node_t *map) {
  yaml_node_pair_t *first = map->data.mapping.pairs.start, *pair = first;
  for (; pair < map->data.mapping.pairs.top; pair++) {
    char key[KEY];
    const char *name = text_of(node_at(r, pair->key));
    if (!name) return err_user("found a map or list as a key, want the name of an option");
    snprintf(key, sizeof key, "%s%s%s", section, *section ? "." : "", name);
    if (option_find(key) < 0) TRY(once(r, first, pair, name));
    yaml_node_t *value = yaml_document_get_node(&r->document, pair->value);
    TRY(read_value(r, key, value));
  }
  return OK;
}

/* C strings can not hold zero bytes, which YAML allows. */
static Err no_zero_bytes(Yaml *r) {
  yaml_node_t *node = r->document.nodes.start;
  for (; node < r->document.nodes.top; node++) {
    r->line = (int)node->start_mark.line + 1;
    if (text_of(node) && strlen(text_of(node)) != node->data.scalar.length)
      return err_user("found a zero byte in a text");
  }
  return OK;
}

static Err not_yaml(Yaml *r, const yaml_parser_t *parser) {
  r->line = (int)parser->problem_mark.line + 1;
  return err_user("not valid YAML: %s", parser->problem ? parser->problem : "unknown problem");
}

/* Parse the text's only document. *root NULL: empty. */
static Err parse(Yaml *r, const char *text, yaml_node_t **root) {
  yaml_parser_t parser;
  yaml_document_t second;
  CHECK(yaml_parser_initialize(&parser), "no memory");
  yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
  Err e = yaml_parser_load(&parser, &r->document) ? OK : not_yaml(r, &parser);
  if (e) memset(&r->document, 0, sizeof r->document);
  *root = e ? NULL : yaml_document_get_root_node(&r->document);
  if (*root && !yaml_parser_load(&parser, &second))
    e = not_yaml(r, &parser);
  else if (*root) {
    yaml_node_t *more = yaml_document_get_root_node(&second);
    if (more) {
      r->line = (int)more->start_mark.line + 1;
      e = err_user("a second YAML document starts here, want one");
    }
    yaml_document_delete(&second);
  }
  yaml_parser_delete(&parser);
  return e;
}

static Err read_document(Yaml *r, const char *text) {
  yaml_node_t *root;
  TRY(parse(r, text, &root));
  TRY(no_zero_bytes(r));
  if (!root) return OK;
  r->line = (int)root->start_mark.line + 1;
  if (root->type != YAML_MAPPING_NODE)
    return err_user("found no `key: value`; `jetnae config` lists the options");
  return read_map(r, "", root);
}

Err yaml_read(Config *config, const char *name, const char *text) {
  Yaml *r = calloc(1, sizeof *r);
  CHECK(r, "no memory");
  r->config = config;
  Err e = read_document(r, text);
  e = err_where(e, "%s:%d: ", name, r->line);
  yaml_document_delete(&r->document);
  free(r);
  return e;
}

/* A list or map given for a key: wrapped as the document `key: value`. */
static Err assign_yaml(Config *config, const char *key, const char *value) {
  char *text;
  CHECK(asprintf(&text, "%s: %s\n", key, value) >= 0, "no memory");
  Yaml *r = calloc(1, sizeof *r);
  CHECK(r, "no memory");
  r->config = config;
  Err e = read_document(r, text);
  yaml_document_delete(&r->document);
  free(r);
  free(text);
  return e;
}

Err yaml_assign(Config *config, const char *assignment) {
  char key[KEY];
  const char *value = strchr(assignment, '=');
  if (!value || value - assignment >= KEY)
    return err_user("command line: found %s, want key=value", text_show(assignment));
  snprintf(key, sizeof key, "%.*s", (int)(value - assignment), assignment);
  value++;
  int i = option_find(key);
  Err e = i < 0 && !option_section(key)         ? unknown(key)
          : i >= 0 && option_at(i)->kind->parse ? option_set(option_at(i), config, value)
                                                : assign_yaml(config, key, value);
  return err_where(e, "command line: ");
}
