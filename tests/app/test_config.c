/* The configuration: what is read, what is refused and in which words, and that its canonical
 * text reads back as the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/config.h"
#include "app/option.h"
#include "base/err.h"

static Config config;

static Err read_text(const char *text) { return config_read(&config, "a.yaml", text, 0, NULL); }

static void refused(const char *text, const char *message) {
  assert_int_equal(read_text(text), ERR_USER);
  assert_string_equal(err_message(), message);
}

static void argument_refused(char *argument, const char *message) {
  assert_int_equal(config_read(&config, NULL, NULL, 1, &argument), ERR_USER);
  assert_string_equal(err_message(), message);
}

static void values_land_in_their_place(void **state) {
  assert_int_equal(read_text("objective: nae\n"
                             "seed: 18446744073709551615\n"
                             "data: {input: a b.h5, normal: all, train_limit: 1e5}\n"
                             "nae:\n"
                             "  x_step_size: 2.5e-3\n"
                             "  x_clip: row\n"
                             "  temperature: auto\n"
                             "  x_sampler: mala\n"
                             "train.batch: 256\n"),
                   OK);
  assert_string_equal(config.train.objective, "nae");
  assert_true(config.train.seed == UINT64_MAX);
  assert_string_equal(config.data.source.path, "a b.h5");
  assert_int_equal(config.normal, CLASS_ALL);
  assert_int_equal(config.train_limit, 100000);
  assert_true(config.train.chain.x.step == 2.5e-3);
  assert_int_equal(config.train.chain.x.clip, CLIP_ROW);
  assert_int_equal(config.train.chain.temperature_mode, T_AUTO);
  assert_string_equal(config.train.chain.x_sampler, "mala");
  assert_int_equal(config.train.batch, 256);
}

static void empty_is_all_defaults(void **state) {
  Config defaults = config_defaults();
  assert_int_equal(read_text(""), OK);
  char *found = config_text(&config, false), *want = config_text(&defaults, false);
  assert_string_equal(found, want);
  free(found);
  free(want);
}

static void wrong_values_say_where(void **state) {
  refused("nae:\n  x_steps: 3\n  x_step_size: -0.1\n",
          "a.yaml:3: nae.x_step_size: found -0.1, want > 0, or auto");
  refused("train:\n  batch: 100\n",
          "a.yaml:2: train.batch: found 100, want >= 16, a multiple of 16");
  refused("nae: {z_sampler: hmc}\n",
          "a.yaml:1: nae.z_sampler: found hmc, want one of langevin, mala");
  refused("nae: {x_steps: many}\n", "a.yaml:1: nae.x_steps: found many, want an integer >= 0");
  refused("nae: {x_steps: 2.5}\n", "a.yaml:1: nae.x_steps: found 2.5, want an integer >= 0");
  refused("nae: {x_noise: nan}\n", "a.yaml:1: nae.x_noise: found nan, want a number >= 0");
  refused("nae: {x_noise: }\n", "a.yaml:1: nae.x_noise: found nothing, want a number >= 0");
  refused("nae: {temperature: hot}\n",
          "a.yaml:1: nae.temperature: found hot, want auto, trained or a number > 0");
  refused("nae: {temperature: 0}\n", "a.yaml:1: nae.temperature: found 0, want > 0");
  refused("\nfresh: yes\n", "a.yaml:2: fresh: found yes, want true or false");
  refused("seed: -1\n",
          "a.yaml:1: seed: found -1, want an integer from 0 to 18446744073709551615");
  refused("data: {normal: not}\n",
          "a.yaml:1: data.normal: found not, want a class from 0 to 127, "
          "\"not\" and a class, or all");
  refused("data: {normal: not 128}\n",
          "a.yaml:1: data.normal: found not 128, want a class from 0 to 127, \"not\" and a "
          "class, or all");
  refused("data:\n  normal: some\n", "a.yaml:2: data.normal: found some, want a class from 0 to "
                                     "127, \"not\" and a class, or all");
  refused("train.leaf: 3000000000\n",
          "a.yaml:1: train.leaf: found 3000000000, want from 1 to 1024");
  refused("nae: {x_steps: [1, 2]}\n", "a.yaml:1: nae.x_steps: found a list, want an integer");
}

static void unknown_keys_are_refused(void **state) {
  refused("nae:\n  x_stepsise: 1\n",
          "a.yaml:2: nae.x_stepsise: no such option; did you mean nae.x_step_size?");
  refused("sed: 1\n", "a.yaml:1: sed: no such option; did you mean seed?");
  refused("train: {x_steps: 1}\n",
          "a.yaml:1: train.x_steps: no such option; did you mean nae.x_steps?");
  refused("gaurd: {rows: 1}\n", "a.yaml:1: gaurd: no such option; did you mean guard?");
  refused("train: 5\n", "a.yaml:1: train: found 5, want a section of options");
  refused("seed: 1\nseed: 2\n", "a.yaml:2: seed: given twice, first in line 1");
  refused("nae: {z_steps: 1}\nz_step: 2\n",
          "a.yaml:2: nae.z_steps: given twice, first in line 1");
  refused("nae: {z_steps: 1}\nnae: {x_steps: 2}\n", "a.yaml:2: nae: given twice");
}

static void bad_yaml_is_refused(void **state) {
  refused("nae:\n  x_steps: [1, 2\nseed: 1\n",
          "a.yaml:3: not valid YAML: did not find expected ',' or ']'");
  refused("- 1\n", "a.yaml:1: found no `key: value`; `jetnae config` lists the options");
  refused("seed: 1\n---\nseed: 2\n", "a.yaml:3: a second YAML document starts here, want one");
  refused("? [a]\n: 1\n", "a.yaml:1: found a map or list as a key, want the name of an option");
  refused("out: \"a\\0b\"\n", "a.yaml:1: found a zero byte in a text");
}

static void layers_are_read(void **state) {
  assert_int_equal(read_text("net:\n"
                             "  spectral: true\n"
                             "  encoder:\n"
                             "    - conv2d: {channels: 8, kernel: 3, padding: 1}\n"
                             "    - prelu\n"
                             "    - dense: {features: 3, spectral: false}\n"
                             "  decoder: [dense: 100, sigmoid]\n"
                             "spherical: true\n"),
                   OK);
  const NetSpec *net = &config.net;
  const Layer *conv = layer_find("conv2d"), *dense = layer_find("dense");
  assert_int_equal(net->n_encoder, 4);
  assert_int_equal(net->n_decoder, 2);
  assert_string_equal(net->encoder[0].type, "conv2d");
  assert_true(net->encoder[0].attr[layer_attr(conv, "channels")] == 8);
  assert_true(net->encoder[0].attr[layer_attr(conv, "stride")] == 1);
  assert_true(net->encoder[0].attr[layer_attr(conv, "spectral")] == 1);
  assert_true(net->encoder[2].attr[layer_attr(dense, "spectral")] == 0);
  assert_string_equal(net->encoder[3].type, "sphere");
  assert_true(net->decoder[0].attr[layer_attr(dense, "features")] == 100);
  assert_true(net->decoder[0].attr[layer_attr(dense, "spectral")] == 1);
}

static void wrong_layers_are_refused(void **state) {
  refused("net:\n  encoder:\n    - prelu\n    - conv2d: {channels: 8, kernal: 3}\n",
          "a.yaml:4: net.encoder: layer 2 (conv2d): kernal: no such attribute; did you mean "
          "kernel?");
  refused("net: {encoder: [conv2d: {channels: 8}]}\n",
          "a.yaml:1: net.encoder: layer 1 (conv2d): kernel is missing: columns of the kernel, "
          "and rows if it has two dimensions");
  refused("net: {decoder: [desne: 3]}\n",
          "a.yaml:1: net.decoder: layer 1: no layer is called desne; did you mean dense?");
  refused("net: {decoder: [dense: -3]}\n",
          "a.yaml:1: net.decoder: layer 1 (dense): features: found -3, want an integer from 1 to "
          "1.04858e+06");
  refused("net: {decoder: [sigmoid: 3]}\n",
          "a.yaml:1: net.decoder: layer 1 (sigmoid): found 3, but this layer has no attributes");
  refused("net: {decoder: [{dense: 3, sigmoid: }]}\n",
          "a.yaml:1: net.decoder: layer 1: found a map of 2 keys, want one layer: `name: "
          "{attributes}`");
  refused("net: {decoder: [upsample: {mode: cubic}]}\n",
          "a.yaml:1: net.decoder: layer 1 (upsample): mode: found cubic, want one of nearest, "
          "bilinear");
  refused("net: {decoder: dense}\n", "a.yaml:1: net.decoder: found dense, want a list of layers");
}

static void options_must_fit_together(void **state) {
  refused("nae: {x_sampler: mala, x_bounded: true, x_high: 1}\n",
          "a.yaml: nae.x_bounded: found true with nae.x_sampler mala, want false: nearly "
          "every proposal would be refused (or use langevin)");
  refused("guard: {band_low: 2, band_high: 1}\n",
          "a.yaml: guard.band_low: found 2, want less than guard.band_high, which is 1");
}

static void mpdr_recovers(void **state) {
  assert_int_equal(read_text("objective: mpdr\nnae: {z_clip: unit}\nmpdr: {latents: \"3,8\", "
                             "sigma_low: 0.1, scale: fixed}\n"),
                   OK);
  const NaeOpts *nae = &config.train.chain;
  assert_int_equal(nae->mode, NEG_RECOVERY);
  assert_int_equal(nae->z.clip, CLIP_UNIT);
  assert_true(nae->recovery.sigma_low == 0.1 && nae->scale == SCALE_FIXED);
  assert_string_equal(config.latents, "3,8");
  refused("objective: mpdr\nnae: {mode: pcd}\n",
          "a.yaml: nae.mode: found pcd with objective mpdr, whose chains start in diffused codes "
          "of data; want it left out");
  refused("nae: {mode: recovery}\n",
          "a.yaml:1: nae.mode: found recovery, want one of on_manifold, pcd, cd");
  refused("mpdr: {sigma_low: 0}\n", "a.yaml:1: mpdr.sigma_low: found 0, want > 0");
  refused("mpdr: {scale: yes}\n", "a.yaml:1: mpdr.scale: found yes, want one of fixed, trained");
}

static void arguments_win(void **state) {
  char *arguments[] = {"nae.x_steps=7", "out=a=b c", "net.decoder=[dense: 5]",
                       "guard={steps: 9, rows: 3}"};
  assert_int_equal(
      config_read(&config, "a.yaml", "nae: {x_steps: 3, z_steps: 2}\n", 4, arguments), OK);
  assert_int_equal(config.train.chain.x.steps, 7);
  assert_int_equal(config.train.chain.z.steps, 2);
  assert_string_equal(config.out, "a=b c");
  assert_int_equal(config.net.n_decoder, 1);
  assert_int_equal(config.train.guard.steps, 9);
  assert_int_equal(config_read_text(&config, "model.h5", "nae: {x_steps: 4, z_steps: 5}\n"), OK);
  assert_int_equal(config.train.chain.x.steps, 7);
  assert_int_equal(config.train.chain.z.steps, 5);
}

static void wrong_arguments_are_refused(void **state) {
  argument_refused("nae.x_noise=-1", "command line: nae.x_noise: found -1, want >= 0");
  argument_refused("x_stepsizes=1",
                   "command line: x_stepsizes: no such option; did you mean nae.x_step_size?");
  argument_refused("net.encoder=[dens: 3]",
                   "command line: net.encoder: layer 1: no layer is called dens; did you mean "
                   "dense?");
  argument_refused("net.encoder=[dense: 3",
                   "command line: not valid YAML: did not find expected ',' or ']'");
}

/* The names of the published codes, in any of their sections. */
static void published_names_are_understood(void **state) {
  char *arguments[] = {
      "z_step=1",         "z_stepsize=2",   "z_noise_std=3",    "x_step=4",
      "x_stepsize=5",     "x_noise_std=6",  "gamma=7",          "x_noise_anneal=true",
      "replay_ratio=0.5", "spherical=true", "temperature=8",    "ae_epoch=9",
      "nae_epoch=10",     "ae_lr=11",       "nae_lr=12",        "batch_size=32",
      "buffer_size=100",  "train.ae_lr=13", "nae.z_stepsize=14"};
  int n = sizeof arguments / sizeof *arguments;
  assert_int_equal(config_read(&config, NULL, NULL, n, arguments), OK);
  const NaeOpts *nae = &config.train.chain;
  assert_int_equal(nae->z.steps, 1);
  assert_true(nae->z.step == 14 && nae->z.noise == 3 && nae->x.step == 5 && nae->x.noise == 6);
  assert_int_equal(nae->x.steps, 4);
  assert_true(nae->gamma == 7 && nae->replay_ratio == 0.5 && nae->x.anneal && config.sphere);
  assert_true(nae->temperature == 8 && nae->temperature_mode == T_FIXED);
  assert_int_equal(config.train.ae.epochs, 9);
  assert_int_equal(config.train.nae.epochs, 10);
  assert_true(config.train.ae.rate == 13 && config.train.nae.rate == 12);
  assert_int_equal(nae->replay_slots, 4); /* 100 states of 32 chains */
}

static void text_reads_back(bool result_only, const char *text) {
  assert_int_equal(read_text(text), OK);
  char *first = config_text(&config, result_only);
  assert_int_equal(read_text(first), OK);
  char *second = config_text(&config, result_only);
  assert_string_equal(first, second);
  free(first);
  free(second);
}

static const char *const long_example =
    "out: \"a: \\\"b\\\\ # c\"\n"
    "data: {normal: all, input: x y.h5, scale: 0.1, smooth: 0.30000000000000004}\n"
    "nae: {temperature: 1e-8, x_step_size: 0.3333333333333333, z_temperature: 12345.678}\n"
    "net:\n"
    "  spectral: true\n"
    "  sphere: true\n"
    "  encoder: [conv2d: {channels: 8, kernel: 3, bias: false}, prelu, max_pool2d, dense: 3]\n"
    "  decoder: [dense: {features: 9, spectral: false}, leaky_relu: 0.1, upsample: {mode: "
    "bilinear, align_corners: true}]\n";

static void canonical_text_reads_back(void **state) {
  text_reads_back(false, long_example);
  assert_true(config.data.view.image.smooth == 0.30000000000000004);
  assert_string_equal(config.out, "a: \"b\\ # c");
  text_reads_back(true, long_example);
  text_reads_back(false, "nae: {temperature: trained}\n");
  text_reads_back(true, "data: {normal: \"not 9\"}\n");
  assert_true(!class_chosen(config.normal, 9) && class_chosen(config.normal, 8));
  assert_false(class_chosen(config.normal, -1));
}

/* A resumed run compares only what makes the result. */
static void result_text_knows_its_options(void **state) {
  assert_int_equal(read_text("threads: 3\nout: b\ntrain: {ae_epochs: 7}\n"), OK);
  char *changed = config_text(&config, true);
  assert_int_equal(read_text(""), OK);
  char *same = config_text(&config, true);
  assert_string_equal(changed, same);
  assert_int_equal(read_text("train: {ae_rate: 0.5}\n"), OK);
  char *other = config_text(&config, true);
  assert_string_not_equal(other, same);
  assert_non_null(strstr(other, "  ae_rate: 0.5\n"));
  free(changed);
  free(same);
  free(other);
}

static void every_row_is_sound(void **state) {
  Config defaults = config_defaults();
  const Option *option;
  for (int i = 0; (option = option_at(i)); i++) {
    assert_int_equal(option_find(option->key), i);
    assert_non_null(option->help);
    if (!option->kind->parse) continue;
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    option->kind->print(to, option, &defaults);
    fclose(to);
    if (strcmp(text, "\"\"")) assert_int_equal(option_set(option, &config, text), OK);
    free(text);
  }
  char *reference = config_reference();
  assert_non_null(strstr(reference, "nae.x_step_size"));
  free(reference);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_land_in_their_place),
      cmocka_unit_test(empty_is_all_defaults),
      cmocka_unit_test(wrong_values_say_where),
      cmocka_unit_test(unknown_keys_are_refused),
      cmocka_unit_test(bad_yaml_is_refused),
      cmocka_unit_test(layers_are_read),
      cmocka_unit_test(wrong_layers_are_refused),
      cmocka_unit_test(options_must_fit_together),
      cmocka_unit_test(mpdr_recovers),
      cmocka_unit_test(arguments_win),
      cmocka_unit_test(wrong_arguments_are_refused),
      cmocka_unit_test(published_names_are_understood),
      cmocka_unit_test(canonical_text_reads_back),
      cmocka_unit_test(result_text_knows_its_options),
      cmocka_unit_test(every_row_is_sound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
