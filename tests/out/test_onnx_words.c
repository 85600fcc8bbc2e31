/* What ONNX has no form for is named, and nothing is left behind. Every layer and energy there is
 * has one (test_onnx.py), so these are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "out/onnx.h"

static const NetSpec spec = {.encoder = {{.type = "dense", .attr = {2}}},
                             .n_encoder = 1,
                             .decoder = {{.type = "dense", .attr = {4}}, {.type = "relu"}},
                             .n_decoder = 2};
static char folder[] = "/tmp/jetnae-onnx-XXXXXX";

static bool there(const char *name) {
  char path[64];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return !access(path, F_OK);
}

static int start(void **state) {
  static Model model = {.input = {4, 1, 1}, .energy = "mse", .objective = "ae"};
  Err e = net_new(&model.net, &spec, model.input);
  if (e || !mkdtemp(folder)) return 1;
  model.w = calloc(model.net->n_params, sizeof *model.w);
  *state = &model;
  return 0;
}

static int end(void **state) {
  static const char *const name[] = {"encoder", "decoder", "energy"};
  Model *model = *state;
  char path[64];
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name[i]);
    unlink(path);
  }
  net_free(&model->net);
  free(model->w);
  return rmdir(folder);
}

static void names_the_layer(void **state) {
  Model *model = *state;
  Node *node = &model->net->node[2];
  const Layer *relu = node->op;
  Layer spline = *relu;
  spline.name = "spline";
  node->op = &spline;
  assert_int_equal(onnx_export(folder, model), ERR_USER);
  assert_string_equal(err_message(), "decoder.1: found the layer spline, which has no ONNX form; "
                                     "the model can be scored with jetnae only");
  assert_false(there("decoder.onnx"));
  node->op = relu;
}

static void names_the_energy(void **state) {
  Model *model = *state;
  strcpy(model->energy, "cosine");
  assert_int_equal(onnx_export(folder, model), ERR_USER);
  assert_string_equal(err_message(), "found the energy cosine, which has no ONNX form");
  assert_false(there("energy.onnx"));
  strcpy(model->energy, "mse");
  assert_int_equal(onnx_export(folder, model), OK);
  assert_true(there("energy.onnx"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(names_the_layer),
                                     cmocka_unit_test(names_the_energy)};
  return cmocka_run_group_tests(tests, start, end);
}
