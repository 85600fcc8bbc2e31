/* The format: a little-endian 64-bit length, a JSON header of that length, {"name": {"dtype",
 * "shape", "data_offsets": [from, to]}, ...}, then the data that the offsets point into. Source:
 * https://github.com/huggingface/safetensors, "Format". */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/state_dict.h"

enum { HEADER_MOST = 100 << 20, LENGTH_SIZE = 8 };

typedef struct Type {
  const char *name;
  int bytes;
  float (*value)(const unsigned char *bytes);
} Type;

static uint64_t word(const unsigned char *bytes, int n) {
  uint64_t w = 0;
  for (int i = n - 1; i >= 0; i--) w = w << 8 | bytes[i];
  return w;
}

static float bits(uint32_t w) {
  float x;
  memcpy(&x, &w, sizeof x);
  return x;
}

static float from_f64(const unsigned char *bytes) {
  uint64_t w = word(bytes, 8);
  double x;
  memcpy(&x, &w, sizeof x);
  return (float)x;
}

static float from_f32(const unsigned char *bytes) { return bits((uint32_t)word(bytes, 4)); }

static float from_bf16(const unsigned char *bytes) {
  return bits((uint32_t)word(bytes, 2) << 16);
}

/* Exponents are moved by a multiplication, which also normalises subnormal numbers. */
static float from_f16(const unsigned char *bytes) {
  uint32_t w = (uint32_t)word(bytes, 2), sign = (w & 0x8000) << 16, rest = w & 0x7fff;
  if (rest >= 0x7c00) return bits(sign | 0x7f800000 | (rest & 0x3ff) << 13);
  return bits(sign | rest << 13) * 0x1p112f;
}

static const Type types[] = {{"F32", 4, from_f32},
                             {"F64", 8, from_f64},
                             {"F16", 2, from_f16},
                             {"BF16", 2, from_bf16},
                             {NULL, 0, NULL}};

typedef struct File {
  const char *path;
  FILE *stream;
  uint64_t data, size; /* where the data begin; bytes behind that */
} File;

static Err nonsense(const File *file, const char *name, const char *what) {
  return err_user("%s: %s: %s makes no sense; want a state dict saved as safetensors", file->path,
                  name, what);
}

static Err cut(const File *file) {
  return err_user("%s: truncated or damaged; take another copy of the file", file->path);
}

static bool read_dims(long dims[STATE_RANK], int *n, const json_t *shape) {
  *n = (int)json_array_size(shape);
  if (!json_is_array(shape) || json_array_size(shape) > STATE_RANK) return false;
  for (int i = 0; i < *n; i++)
    dims[i] = (long)json_integer_value(json_array_get(shape, (size_t)i));
  return true;
}

static Err read_values(File *file, StateTensor *tensor, const Type *type, uint64_t from) {
  size_t bytes = tensor->size * (size_t)type->bytes;
  unsigned char *raw = MEM_NEW(unsigned char, "weights to import", bytes);
  bool good = !fseeko(file->stream, (off_t)(file->data + from), SEEK_SET) &&
              fread(raw, 1, bytes, file->stream) == bytes;
  for (size_t i = 0; good && i < tensor->size; i++)
    tensor->x[i] = type->value(raw + i * (size_t)type->bytes);
  mem_free(&raw);
  return good ? OK : cut(file);
}

static const Type *find_type(const char *name) {
  const Type *type = types;
  while (type->name && (!name || strcmp(type->name, name))) type++;
  return type;
}

/* Tensors of other types (counters) are known by name only. */
static Err read_tensor(File *file, StateDict *dict, const char *name, const json_t *about) {
  const Type *type = find_type(json_string_value(json_object_get(about, "dtype")));
  const json_t *span = json_object_get(about, "data_offsets");
  json_int_t from = json_integer_value(json_array_get(span, 0));
  json_int_t to = json_integer_value(json_array_get(span, 1));
  long dims[STATE_RANK];
  int n;
  if (!read_dims(dims, &n, json_object_get(about, "shape"))) return nonsense(file, name, "shape");
  if (json_array_size(span) != 2 || from < 0 || to < from)
    return nonsense(file, name, "data_offsets");
  if ((uint64_t)to > file->size) return cut(file);
  size_t size = 1;
  for (int i = 0; i < n; i++)
    if (dims[i] < 0 || __builtin_mul_overflow(size, (size_t)dims[i], &size) ||
        size > (size_t)(to - from))
      return nonsense(file, name, "shape");
  if (type->name && size * (size_t)type->bytes != (size_t)(to - from))
    return nonsense(file, name, "data_offsets");
  StateTensor *tensor = state_dict_add(dict, name, n, dims);
  if (type->name) return read_values(file, tensor, type, (uint64_t)from);
  mem_free(&tensor->x);
  return OK;
}

static Err read_tensors(File *file, StateDict *dict, json_t *header) {
  const char *name;
  json_t *about;
  json_object_foreach(header, name, about) {
    if (!strcmp(name, "__metadata__")) continue;
    if (!json_is_object(about)) return nonsense(file, name, "the header's entry");
    TRY(read_tensor(file, dict, name, about));
  }
  return OK;
}

static Err read_header(File *file, StateDict *dict, uint64_t length) {
  json_error_t where;
  char *text = MEM_NEW(char, "header", length + 1);
  bool whole = fread(text, 1, length, file->stream) == length;
  json_t *header = whole ? json_loadb(text, length, JSON_REJECT_DUPLICATES, &where) : NULL;
  Err e;
  if (!whole)
    e = cut(file);
  else if (!json_is_object(header))
    e = err_user("%s: the header is no JSON object (%s); want a state dict saved as safetensors",
                 file->path, header ? "another value" : where.text);
  else
    e = read_tensors(file, dict, header);
  json_decref(header);
  mem_free(&text);
  return e;
}

/* Bytes of the whole file; 0: cannot be told. */
static uint64_t file_size(FILE *stream) {
  if (fseeko(stream, 0, SEEK_END)) return 0;
  off_t size = ftello(stream);
  rewind(stream);
  return size > 0 ? (uint64_t)size : 0;
}

static Err read_stream(File *file, StateDict *dict) {
  unsigned char length[LENGTH_SIZE + 1];
  uint64_t size = file_size(file->stream);
  if (fread(length, 1, sizeof length, file->stream) != sizeof length ||
      length[LENGTH_SIZE] != '{')
    return err_user(
        "%s: neither HDF5 nor safetensors; want a state dict saved as one of them, not what "
        "torch.save writes (examples/export_pytorch.py shows how)",
        file->path);
  uint64_t n = word(length, LENGTH_SIZE);
  if (n > HEADER_MOST || n > size - LENGTH_SIZE) return cut(file);
  file->data = LENGTH_SIZE + n;
  file->size = size - file->data;
  fseeko(file->stream, LENGTH_SIZE, SEEK_SET);
  return read_header(file, dict, n);
}

Err safetensors_read(StateDict *dict, const char *path) {
  File file = {.path = path, .stream = fopen(path, "rb")};
  if (!file.stream)
    return err_user("%s: %s; want a state dict as HDF5 or safetensors", path, strerror(errno));
  Err e = read_stream(&file, dict);
  fclose(file.stream);
  return e;
}
