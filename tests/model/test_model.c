/* A model comes back bit for bit, the same model gives the same bytes, and a file that is no good
 * model is refused with words that say why. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/h5.h"
#include "model/model.h"

static const Fact facts[] = {{"ranks", "3"}, {"command", "jetnae train"}, {NULL, NULL}};
static char folder[] = "jetnae-test-XXXXXX";
static char path[64];

static void set(LayerSpec *layer, const char *type, const char *attr, double value) {
  if (!layer->type[0]) {
    snprintf(layer->type, sizeof layer->type, "%s", type);
    layer_defaults(layer_find(type), layer->attr);
  }
  if (attr) layer->attr[layer_attr(layer_find(type), attr)] = value;
}

/* 1 x 6 x 6 -> conv -> prelu -> dense on the sphere -> dense -> transposed conv */
static NetSpec small_net(void) {
  NetSpec spec = {.n_encoder = 4, .n_decoder = 4};
  set(&spec.encoder[0], "conv2d", "channels", 2);
  set(&spec.encoder[0], "conv2d", "kernel", 3);
  set(&spec.encoder[0], "conv2d", "spectral", 1);
  set(&spec.encoder[1], "prelu", NULL, 0);
  set(&spec.encoder[2], "dense", "features", 3);
  set(&spec.encoder[3], "sphere", NULL, 0);
  set(&spec.decoder[0], "dense", "features", 32);
  set(&spec.decoder[1], "leaky_relu", "slope", 0.125);
  set(&spec.decoder[2], "reshape", "channels", 2);
  set(&spec.decoder[2], "reshape", "height", 4);
  set(&spec.decoder[2], "reshape", "width", 4);
  set(&spec.decoder[3], "conv_transpose2d", "channels", 1);
  set(&spec.decoder[3], "conv_transpose2d", "kernel", 3);
  return spec;
}

static Model small_model(void) {
  Model m = {.spec = small_net(),
             .input = {1, 6, 6},
             .objective = "nae",
             .energy = "mse",
             .features = "pt_share",
             .temperature = 1.25e-8};
  assert_int_equal(net_new(&m.net, &m.spec, m.input), OK);
  m.w = MEM_NEW(float, "weights", m.net->n_params);
  for (size_t i = 0; i < m.net->n_params; i++) m.w[i] = (float)i / 64 - 1;
  m.mean = MEM_NEW(float, "mean", 36);
  m.scale = MEM_NEW(float, "scale", 36);
  for (int i = 0; i < 36; i++) m.mean[i] = (float)(3 - i), m.scale[i] = (float)(1 + i);
  static const char text[] = "data:\n  image: {size: 6}\n# caf\xc3\xa9\n";
  m.config = MEM_NEW(char, "text", sizeof text);
  memcpy(m.config, text, sizeof text);
  return m;
}

static void save(void) {
  Model m = small_model();
  assert_int_equal(model_save(path, &m, facts), OK);
  model_free(&m);
}

static char *bytes_of(const char *name, size_t *size) {
  FILE *f = fopen(name, "rb");
  struct stat info;
  assert_non_null(f);
  fstat(fileno(f), &info);
  *size = (size_t)info.st_size;
  char *bytes = malloc(*size + 1);
  assert_int_equal(fread(bytes, 1, *size, f), *size);
  fclose(f);
  return bytes;
}

static void write_bytes(const char *name, const char *bytes, size_t size) {
  FILE *f = fopen(name, "wb");
  assert_int_equal(fwrite(bytes, 1, size, f), size);
  fclose(f);
}

/* Loading fails and says so in these words. */
static void refused(const char *words) {
  Model m;
  assert_int_equal(model_load(path, &m), ERR_USER);
  if (!strstr(err_message(), words)) fail_msg("found '%s', want '%s'", err_message(), words);
  if (!strstr(err_message(), path)) fail_msg("no path in '%s'", err_message());
}

static void same_layers(const LayerSpec *found, const LayerSpec *want, int n) {
  for (int i = 0; i < n; i++) {
    assert_string_equal(found[i].type, want[i].type);
    assert_memory_equal(found[i].attr, want[i].attr, sizeof want[i].attr);
  }
}

static void test_round_trip(void **state) {
  (void)state;
  Model want = small_model(), found;
  save();
  assert_int_equal(model_load(path, &found), OK);
  assert_int_equal(found.net->n_params, want.net->n_params);
  assert_memory_equal(found.w, want.w, want.net->n_params * sizeof *want.w);
  assert_string_equal(found.config, want.config);
  assert_string_equal(found.objective, "nae");
  assert_true(found.temperature == 1.25e-8);
  assert_string_equal(found.features, "pt_share");
  assert_memory_equal(found.mean, want.mean, 36 * sizeof *want.mean);
  assert_memory_equal(found.scale, want.scale, 36 * sizeof *want.scale);
  assert_true(shape_equal(found.input, want.input));
  same_layers(found.spec.encoder, want.spec.encoder, 4);
  same_layers(found.spec.decoder, want.spec.decoder, 4);
  /* the stored weights are effective: nothing divides them again */
  assert_true(want.net->n_spectral > 0);
  assert_int_equal(found.net->n_spectral, 0);
  model_free(&found);
  model_free(&want);
}

static void test_same_bytes(void **state) {
  (void)state;
  size_t n1, n2;
  save();
  char *first = bytes_of(path, &n1);
  sleep(1); /* time stamps have a resolution of 1 s */
  save();
  char *second = bytes_of(path, &n2);
  assert_int_equal(n1, n2);
  assert_memory_equal(first, second, n1);
  free(first);
  free(second);
}

static void test_not_a_model(void **state) {
  (void)state;
  unlink(path);
  refused("No such file");
  write_bytes(path, "hello, this is no HDF5 file, as anybody can see", 47);
  refused("not an HDF5 file");
  assert_int_equal(h5_publish(h5_new(), path), OK);
  refused("an HDF5 file, but not a model");
}

/* Whatever the length: an error, no crash. */
static void test_truncated(void **state) {
  (void)state;
  size_t n;
  save();
  char *bytes = bytes_of(path, &n);
  for (size_t keep = 8; keep < n; keep += n / 37) {
    write_bytes(path, bytes, keep);
    refused("truncated or damaged");
  }
  free(bytes);
}

/* Bytes turned over: an error or a model, never a crash. */
static void test_damaged(void **state) {
  (void)state;
  size_t n;
  save();
  char *bytes = bytes_of(path, &n), *broken = malloc(n);
  for (size_t at = 0; at < n; at += 61) {
    Model m;
    memcpy(broken, bytes, n);
    broken[at] = (char)~broken[at];
    write_bytes(path, broken, n);
    if (model_load(path, &m) == OK) model_free(&m);
  }
  free(bytes);
  free(broken);
}

static hid_t edit(void) {
  save();
  hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
  assert_true(file >= 0);
  return file;
}

/* The lowest bit of a float of each tensor, where the file has it. */
static void test_flipped(void **state) {
  (void)state;
  size_t n;
  save();
  Model m = small_model();
  char *bytes = bytes_of(path, &n);
  const float *part[] = {m.w, m.w + m.net->node[2].w_offset, m.mean, m.scale};
  for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
    char *at = memmem(bytes, n, part[i], 3 * sizeof **part);
    assert_non_null(at);
    at[sizeof **part] ^= 1;
    write_bytes(path, bytes, n);
    refused("damaged: found numbers of checksum ");
    at[sizeof **part] ^= 1;
  }
  free(bytes);
  model_free(&m);
}

/* Of an older program: nothing says what the numbers were. */
static void test_without_checksum(void **state) {
  (void)state;
  Model m;
  hid_t file = edit(), bias = h5_find(file, "encoder/2/bias");
  long crc;
  float found[3];
  assert_true(H5Dread(bias, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, found) >= 0);
  assert_true(h5_get_int(bias, "crc32", &crc));
  assert_int_equal(crc, crc32(0, (const unsigned char *)found, sizeof found));
  found[0] += 1;
  H5Dwrite(bias, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, found);
  assert_true(H5Adelete(bias, "crc32") >= 0);
  h5_close(bias);
  H5Fclose(file);
  assert_int_equal(model_load(path, &m), OK);
  model_free(&m);
}

static void test_newer(void **state) {
  (void)state;
  hid_t file = edit();
  H5Adelete(file, "format_version");
  h5_put_int(file, "format_version", 3);
  H5Fclose(file);
  refused("found model format 3, want at most 2");
}

static void test_layers_refused(void **state) {
  (void)state;
  hid_t file = edit();
  H5Adelete_by_name(file, "encoder/2", "type", H5P_DEFAULT);
  hid_t group = h5_find(file, "encoder/2");
  h5_put_text(group, "type", "quantum");
  h5_close(group);
  H5Fclose(file);
  refused("/encoder/2: found the layer type 'quantum'");

  file = edit();
  H5Ldelete(file, "decoder/1", H5P_DEFAULT);
  H5Fclose(file);
  refused("/decoder/1: ");

  file = edit();
  H5Adelete_by_name(file, "decoder/0", "features", H5P_DEFAULT);
  H5Fclose(file);
  refused("/decoder/0: features is missing");
}

static void test_tensors_refused(void **state) {
  (void)state;
  static const char *const labels[] = {"output", "input"};
  hid_t file = edit();
  H5Ldelete(file, "encoder/2/weight", H5P_DEFAULT);
  H5Fclose(file);
  refused("/encoder/2/weight: the tensor is missing");

  file = edit();
  H5Ldelete(file, "encoder/2/weight", H5P_DEFAULT);
  float w[6] = {0};
  h5_close(
      h5_put_array(file, "encoder/2/weight", H5T_NATIVE_FLOAT, 2, (long[]){2, 3}, labels, w));
  H5Fclose(file);
  refused("/encoder/2/weight: found the shape 2 x 3, want 3 x 32");

  file = edit();
  hid_t bias = h5_find(file, "encoder/2/bias");
  H5Dwrite(bias, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, (float[]){1, 1.0f / 0.0f, 0});
  h5_close(bias);
  H5Fclose(file);
  refused("/encoder/2/bias: element 1 is not a finite number");
}

/* A model without mean and scale is what older programs read. */
static void test_not_standardised(void **state) {
  (void)state;
  long version;
  Model m = small_model();
  mem_free(&m.mean);
  mem_free(&m.scale);
  assert_int_equal(model_save(path, &m, facts), OK);
  model_free(&m);
  assert_int_equal(model_load(path, &m), OK);
  assert_true(!m.mean && !m.scale);
  model_free(&m);
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  assert_true(h5_get_int(file, "format_version", &version) && version == 1);
  H5Fclose(file);
}

static void test_standard_refused(void **state) {
  (void)state;
  static const char *const labels[] = {"channel"};
  hid_t file = edit();
  H5Ldelete(file, "input/mean", H5P_DEFAULT);
  H5Fclose(file);
  refused("/input/mean: the tensor is missing");

  file = edit();
  H5Ldelete(file, "input/mean", H5P_DEFAULT);
  h5_close(
      h5_put_array(file, "input/mean", H5T_NATIVE_FLOAT, 1, (long[]){1}, labels, (float[]){0}));
  H5Fclose(file);
  refused("/input/mean: found the shape 1, want 1 x 6 x 6");

  file = edit();
  hid_t scale = h5_find(file, "input/scale");
  float zeros[36] = {1};
  H5Dwrite(scale, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros);
  H5Adelete(scale, "crc32");
  h5_close(scale);
  H5Fclose(file);
  refused("/input/scale: element 1: found 0, want > 0");
}

/* A file size limit stands for a full disk. */
static void test_disk_full(void **state) {
  (void)state;
  size_t n1, n2;
  save();
  char *before = bytes_of(path, &n1);
  struct rlimit old, small = {2000, 2000};
  getrlimit(RLIMIT_FSIZE, &old);
  small.rlim_max = old.rlim_max;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  Model m = small_model();
  Err e = model_save(path, &m, facts);
  setrlimit(RLIMIT_FSIZE, &old);
  assert_int_equal(e, ERR_USER);
  assert_non_null(strstr(err_message(), "cannot write"));
  char *after = bytes_of(path, &n2);
  assert_int_equal(n1, n2);
  assert_memory_equal(before, after, n1);
  char temporary[80];
  snprintf(temporary, sizeof temporary, "%s.tmp", path);
  assert_int_equal(access(temporary, F_OK), -1);
  assert_int_equal(model_save("no/such/folder/model.h5", &m, facts), ERR_USER);
  assert_non_null(strstr(err_message(), "cannot be written"));
  model_free(&m);
  free(before);
  free(after);
}

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/model.h5", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  unlink(path);
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_same_bytes),
      cmocka_unit_test(test_not_a_model),      cmocka_unit_test(test_truncated),
      cmocka_unit_test(test_damaged),          cmocka_unit_test(test_newer),
      cmocka_unit_test(test_layers_refused),   cmocka_unit_test(test_tensors_refused),
      cmocka_unit_test(test_disk_full),        cmocka_unit_test(test_not_standardised),
      cmocka_unit_test(test_standard_refused), cmocka_unit_test(test_flipped),
      cmocka_unit_test(test_without_checksum),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
