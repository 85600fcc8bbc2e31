/* Lists of layers, as the configuration writes them:
 *
 *   encoder:
 *     - conv2d: {channels: 8, kernel: 3, padding: 1}
 *     - prelu                      a bare word: all attributes at their defaults
 *     - dense: 100                 a single value: the layer's first attribute
 *
 * Attributes come from the layer's own description (net/layer.h). A `spectral` that a layer does
 * not give is NAN here until layers_resolve. */
#ifndef APP_LAYERS_TEXT_H
#define APP_LAYERS_TEXT_H

#include <stdio.h>
#include <yaml.h>

#include "net/net.h"

/* Errors: name the layer's number in its list, its type, the attribute; `line` is where. */
Err layers_read(LayerSpec *layer, int *n, yaml_document_t *document, yaml_node_t *list,
                int *line);
void layers_print(FILE *to, const LayerSpec *layer, int n, bool spectral);
/* Give layers without a `spectral` of their own this one. */
void layers_resolve(LayerSpec *layer, int n, bool spectral);

#endif
