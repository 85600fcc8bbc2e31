#include "model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "model/h5.h"

static const char format_name[] = "jetnae model";
static const char wanted[] = "a model written by jetnae train (model.h5 of a run directory)";

enum { NAME_SIZE = 64, DIM_TEXT = 64 };

/* ---- writing ---- */

static void put_attribute(hid_t group, const Attr *attr, double value) {
  if (attr->kind == ATTR_REAL)
    h5_put_real(group, attr->name, value);
  else if (attr->kind == ATTR_CHOICE)
    h5_put_text(group, attr->name, attr->choices[(int)value]);
  else
    h5_put_int(group, attr->name, (long)value);
}

static const char checksum[] = "crc32"; /* of the floats as they are in memory */

static long checksum_of(const float *x, size_t n) {
  return (long)crc32_z(crc32_z(0, NULL, 0), (const unsigned char *)x, n * sizeof *x);
}

static void put_floats(hid_t parent, const char *name, int rank, const long *dims,
                       const char *const *label, const float *x) {
  size_t n = 1;
  for (int i = 0; i < rank; i++) n *= (size_t)dims[i];
  hid_t set = h5_put_array(parent, name, H5T_NATIVE_FLOAT, rank, dims, label, x);
  h5_put_int(set, checksum, checksum_of(x, n));
  h5_close(set);
}

/* Names of a tensor's axes. Transposed convolutions keep inputs first, as PyTorch does. */
static void axis_labels(const char *label[4], const Node *node, const Tensor *tensor) {
  static const char *const forward[] = {"output", "input", "row", "column"};
  static const char *const transposed[] = {"input", "output", "row", "column"};
  bool swap = tensor->n_dims >= 3 && strstr(node->op->name, "transpose");
  memcpy(label, swap ? transposed : forward, sizeof forward);
}

static void put_tensor(hid_t group, const Node *node, const Tensor *tensor, const float *w) {
  const char *label[4];
  long dims[4];
  axis_labels(label, node, tensor);
  for (int i = 0; i < tensor->n_dims; i++) dims[i] = tensor->dims[i];
  put_floats(group, tensor->name, tensor->n_dims, dims, label, w);
}

static void put_layer(hid_t part, int i, const Node *node, const LayerSpec *spec,
                      const float *w) {
  char name[16];
  snprintf(name, sizeof name, "%d", i);
  hid_t group = h5_group(part, name);
  h5_put_text(group, "type", node->op->name);
  for (int a = 0; node->op->attrs && node->op->attrs[a].name; a++)
    put_attribute(group, &node->op->attrs[a], spec->attr[a]);
  for (int t = 0; t < node->n_tensors; t++) {
    put_tensor(group, node, &node->tensor[t], w);
    w += node->tensor[t].size;
  }
  h5_close(group);
}

static void put_part(hid_t file, const char *name, const Model *model, const Node *node,
                     const LayerSpec *spec, int n) {
  hid_t part = h5_group(file, name);
  h5_put_int(part, "layers", n);
  for (int i = 0; i < n; i++) put_layer(part, i, &node[i], &spec[i], model->w + node[i].w_offset);
  h5_close(part);
}

static void put_standard(hid_t input, const Model *model) {
  static const char *const label[] = {"channel", "row", "column"};
  const long dims[] = {model->input.c, model->input.h, model->input.w};
  put_floats(input, "mean", 3, dims, label, model->mean);
  put_floats(input, "scale", 3, dims, label, model->scale);
}

static void put_input(hid_t file, const Model *model) {
  hid_t input = h5_group(file, "input");
  h5_put_ints(input, "shape", (long[]){model->input.c, model->input.h, model->input.w}, 3);
  h5_put_text(input, "axes", "channel, row, column");
  if (model->features[0]) h5_put_text(input, "features", model->features);
  if (model->mean) put_standard(input, model);
  h5_close(input);
}

static void put_head(hid_t file, const Model *model) {
  h5_put_text(file, "format", format_name);
  h5_put_int(file, "format_version", model->mean ? MODEL_FORMAT : 1);
  h5_put_text(file, "objective", model->objective);
  h5_put_text(file, "energy", model->energy);
  h5_put_real(file, "temperature", model->temperature);
  h5_put_real(file, "z_step", model->z_step);
  h5_put_real(file, "x_step", model->x_step);
  h5_put_document(file, "config", model->config ? model->config : "");
  put_input(file, model);
}

static void put_arrays(hid_t file, const char *name, const ModelArray *array) {
  hid_t group = h5_group(file, name);
  for (; array->name; array++)
    h5_close(h5_put_array(group, array->name, H5T_NATIVE_DOUBLE, 1, &array->n, &array->axis,
                          array->value));
  h5_close(group);
}

Err model_save(const char *path, const Model *model, const Fact *provenance) {
  const NetSpec *spec = &model->spec;
  const Node *node = model->net->node;
  hid_t file = h5_new();
  put_head(file, model);
  put_part(file, "encoder", model, node, spec->encoder, spec->n_encoder);
  put_part(file, "decoder", model, node + spec->n_encoder, spec->decoder, spec->n_decoder);
  if (model->pca) put_arrays(file, "pca", model->pca);
  h5_put_facts(file, provenance);
  return h5_publish(file, path);
}

/* ---- reading ---- */

static Err damaged(const char *what) {
  return err_user("%s is missing or of another kind; want %s; take another copy of the file",
                  what, wanted);
}

static Err read_choice(hid_t group, const Attr *attr, double *value) {
  char text[NAME_SIZE];
  if (!h5_get_text(group, attr->name, text, sizeof text)) return damaged(attr->name);
  for (int i = 0; attr->choices[i]; i++)
    if (!strcmp(text, attr->choices[i])) return *value = i, OK;
  return err_user("%s: found %s, which this program does not know; use a newer jetnae",
                  attr->name, text);
}

static Err read_attribute(hid_t group, const Attr *attr, double *value) {
  long integer = 0;
  bool read;
  if (attr->kind == ATTR_CHOICE) return read_choice(group, attr, value);
  if (attr->kind == ATTR_REAL)
    read = h5_get_real(group, attr->name, value);
  else
    read = h5_get_int(group, attr->name, &integer), *value = (double)integer;
  if (!read) return damaged(attr->name);
  if (!(*value >= attr->min && *value <= attr->max))
    return err_user("%s: found %g, want %g to %g", attr->name, *value, attr->min, attr->max);
  return OK;
}

static Err read_layer(hid_t group, LayerSpec *spec) {
  if (group < 0) return damaged("the layer's group");
  if (!h5_get_text(group, "type", spec->type, sizeof spec->type)) return damaged("type");
  const Layer *op = layer_find(spec->type);
  if (!op)
    return err_user("found the layer type '%s', which this program does not know; use a newer "
                    "jetnae",
                    spec->type);
  layer_defaults(op, spec->attr);
  for (int a = 0; op->attrs && op->attrs[a].name; a++)
    TRY(read_attribute(group, &op->attrs[a], &spec->attr[a]));
  return OK;
}

static Err read_part(hid_t file, const char *name, LayerSpec *spec, int *n) {
  hid_t part = h5_find(file, name);
  long layers = 0;
  Err e = OK;
  if (!h5_get_int(part, "layers", &layers) || layers < 0 || layers > NET_LAYERS)
    e = damaged(name);
  for (int i = 0; !e && i < layers; i++) {
    char index[16];
    snprintf(index, sizeof index, "%d", i);
    hid_t group = h5_find(part, index);
    e = err_where(read_layer(group, &spec[i]), "/%s/%d: ", name, i);
    h5_close(group);
  }
  *n = (int)layers;
  h5_close(part);
  return e;
}

static Err read_input(hid_t file, Model *model) {
  hid_t input = h5_find(file, "input");
  long c_h_w[3] = {0};
  bool read = h5_get_ints(input, "shape", c_h_w, 3);
  if (!h5_get_text(input, "features", model->features, sizeof model->features))
    model->features[0] = 0;
  h5_close(input);
  for (int i = 0; i < 3; i++) read = read && c_h_w[i] > 0 && c_h_w[i] < 1 << 20;
  if (!read) return damaged("/input, attribute shape,");
  model->input = (Shape){(int)c_h_w[0], (int)c_h_w[1], (int)c_h_w[2]};
  return OK;
}

static Err read_head(hid_t file, Model *model) {
  char format[NAME_SIZE] = "";
  long version = 0;
  if (!h5_get_text(file, "format", format, sizeof format) || strcmp(format, format_name))
    return err_user("an HDF5 file, but not a model; want %s", wanted);
  if (!h5_get_int(file, "format_version", &version)) return damaged("format_version");
  if (version < 1 || version > MODEL_FORMAT)
    return err_user("found model format %ld, want at most %d; use a newer jetnae", version,
                    MODEL_FORMAT);
  if (!h5_get_text(file, "objective", model->objective, sizeof model->objective))
    return damaged("objective");
  if (!h5_get_text(file, "energy", model->energy, sizeof model->energy)) return damaged("energy");
  if (!h5_get_real(file, "temperature", &model->temperature)) return damaged("temperature");
  /* Older files have no steps. */
  h5_get_real(file, "z_step", &model->z_step);
  h5_get_real(file, "x_step", &model->x_step);
  model->config = h5_get_document(file, "config");
  return model->config ? OK : damaged("config");
}

/* The stored weights are already divided by their largest singular value: the network that uses
 * them has no spectral normalisation, whatever the layers say of their training. */
static NetSpec without_spectral(const NetSpec *spec) {
  NetSpec plain = *spec;
  for (int i = 0; i < spec->n_encoder + spec->n_decoder; i++) {
    LayerSpec *layer =
        i < spec->n_encoder ? &plain.encoder[i] : &plain.decoder[i - spec->n_encoder];
    int a = layer_attr(layer_find(layer->type), "spectral");
    if (a >= 0) layer->attr[a] = 0;
  }
  return plain;
}

static void shape_text(char text[DIM_TEXT], int n, const long *dims) {
  text[0] = 0;
  for (int i = 0; i < n; i++) {
    size_t at = strlen(text);
    snprintf(text + at, DIM_TEXT - at, i ? " x %ld" : "%ld", dims[i]);
  }
}

static Err check_shape(hid_t set, const Tensor *tensor) {
  hsize_t extent[H5S_MAX_RANK];
  long found[H5S_MAX_RANK], want[4];
  hid_t space = H5Dget_space(set);
  int n = H5Sget_simple_extent_dims(space, extent, NULL);
  H5Sclose(space);
  bool same = n == tensor->n_dims;
  for (int i = 0; i < n; i++) found[i] = (long)extent[i];
  for (int i = 0; i < tensor->n_dims; i++) want[i] = tensor->dims[i];
  for (int i = 0; same && i < n; i++) same = found[i] == want[i];
  if (same) return OK;
  char found_text[DIM_TEXT], want_text[DIM_TEXT];
  shape_text(found_text, n, found);
  shape_text(want_text, tensor->n_dims, want);
  return err_user("found the shape %s, want %s", found_text, want_text);
}

static bool is_float(hid_t set) {
  hid_t type = H5Dget_type(set);
  bool real = H5Tget_class(type) == H5T_FLOAT;
  H5Tclose(type);
  return real;
}

/* Older files have none. */
static Err check_sum(hid_t set, const float *x, size_t n) {
  long want, found = checksum_of(x, n);
  if (!h5_get_int(set, checksum, &want) || found == want) return OK;
  return err_user("damaged: found numbers of checksum %08lx, want %08lx; take another copy of the "
                  "file",
                  (unsigned long)found, (unsigned long)want);
}

/* w NULL: only look whether it is there. */
static Err read_tensor(hid_t set, const Tensor *tensor, float *w) {
  if (set < 0 || H5Iget_type(set) != H5I_DATASET || !is_float(set)) return damaged("the tensor");
  TRY(check_shape(set, tensor));
  if (!w) return OK;
  if (H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, w) < 0)
    return err_user("cannot be read; take another copy of the file");
  for (size_t i = 0; i < tensor->size; i++)
    if (!isfinite(w[i])) return err_user("element %zu is not a finite number", i);
  return check_sum(set, w, tensor->size);
}

/* Without model->w only look. */
static Err read_weights(hid_t file, const Model *model) {
  const Net *net = model->net;
  for (int n = 0; n < net->n_nodes; n++) {
    const Node *node = &net->node[n];
    bool decoder = n >= net->n_encoder;
    float *w = model->w ? model->w + node->w_offset : NULL;
    for (int t = 0; t < node->n_tensors; t++) {
      char name[NAME_SIZE];
      snprintf(name, sizeof name, "/%s/%d/%s", decoder ? "decoder" : "encoder",
               decoder ? n - net->n_encoder : n, node->tensor[t].name);
      hid_t set = h5_find(file, name);
      Err e = read_tensor(set, &node->tensor[t], w);
      h5_close(set);
      if (e) return err_where(e, "%s: ", name);
      if (w) w += node->tensor[t].size;
    }
  }
  return OK;
}

/* An array of one number for each element of a sample. */
static Err read_element_wise(hid_t file, const char *name, Shape shape, float **x) {
  const Tensor like = {
      .n_dims = 3, .dims = {shape.c, shape.h, shape.w}, .size = (size_t)shape_size(shape)};
  *x = MEM_NEW(float, "standardisation", like.size);
  hid_t set = h5_find(file, name);
  Err e = read_tensor(set, &like, *x);
  h5_close(set);
  return err_where(e, "%s: ", name);
}

static Err read_standard(hid_t file, Model *model) {
  hid_t mean = h5_find(file, "/input/mean"), scale = h5_find(file, "/input/scale");
  bool absent = mean < 0 && scale < 0;
  h5_close(mean);
  h5_close(scale);
  if (absent) return OK;
  TRY(read_element_wise(file, "/input/mean", model->input, &model->mean));
  TRY(read_element_wise(file, "/input/scale", model->input, &model->scale));
  for (long i = 0; i < shape_size(model->input); i++)
    if (!(model->scale[i] > 0))
      return err_user("/input/scale: element %ld: found %g, want > 0", i, model->scale[i]);
  return OK;
}

static Err read_all(hid_t file, Model *model) {
  TRY(read_head(file, model));
  TRY(read_input(file, model));
  TRY(read_standard(file, model));
  TRY(read_part(file, "encoder", model->spec.encoder, &model->spec.n_encoder));
  TRY(read_part(file, "decoder", model->spec.decoder, &model->spec.n_decoder));
  NetSpec plain = without_spectral(&model->spec);
  TRY(net_new(&model->net, &plain, model->input));
  TRY(read_weights(file, model)); /* before there is memory for what may be a damaged size */
  model->w = MEM_NEW(float, "model weights", model->net->n_params);
  return read_weights(file, model);
}

Err model_load(const char *path, Model *model) {
  *model = (Model){0};
  hid_t file;
  TRY(h5_open(&file, path, wanted));
  Err e = err_where(read_all(file, model), "%s: ", path);
  h5_close(file);
  if (e) model_free(model);
  return e;
}

void model_free(Model *model) {
  if (model->net) net_free(&model->net);
  mem_free(&model->w);
  mem_free(&model->mean);
  mem_free(&model->scale);
  mem_free(&model->config);
}
