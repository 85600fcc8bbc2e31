#include "app/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/layers_text.h"
#include "app/option.h"
#include "app/yaml_text.h"

static DataOpts data_defaults(void) {
  return (DataOpts){
      .source = {.reader = "auto",
                 .x_path = "",
                 .target_path = "",
                 .label_path = "",
                 .weight_path = "",
                 .layout = "dense",
                 .labels = "",
                 .scale = 1.0 / 255,
                 .toy_jets = 20000,
                 .seed = 1,
                 .chirp = chirp_defaults()},
      .view = view_defaults(),
      .bad_rows = BAD_ERROR,
      .memory_gb = 8,
  };
}

Config config_defaults(void) {
  return (Config){
      .valid_fraction = 0.1,
      .normal = 0,
      .cases = "",
      .latents = "",
      .block = 1024,
      .window = 64,
      .data = data_defaults(),
      .train = train_defaults(),
      .mode = train_defaults().chain.mode,
      .ensemble = 1,
      .scan_option = "data.contamination",
      .scan_values = "",
      .scan_seeds = 1,
      .scan_member = -1,
      .isa = "auto",
      .jets = 100000,
      .outliers = "",
      .sample_count = 1000,
      .walk_steps = 9,
      .evidence_chains = 512,
      .evidence_steps = 500,
      .evidence_transitions = 4,
  };
}

static bool on_sphere(const NetSpec *net) {
  return net->n_encoder && !strcmp(net->encoder[net->n_encoder - 1].type, "sphere");
}

/* The published codes have one buffer; here each chain has slots of its own. */
static Err resolve_replay(const Config *config, NaeOpts *nae) {
  long chains = nae->chains ? nae->chains : config->train.batch;
  long slots = (config->replay_buffer + chains - 1) / chains;
  if (slots > UINT8_MAX)
    return err_user("nae.replay_buffer: found %ld for %ld chains, want at most %ld",
                    config->replay_buffer, chains, UINT8_MAX * chains);
  if (slots) nae->replay_slots = (int)slots;
  return OK;
}

/* mpdr has one of its own. */
static Err resolve_mode(Config *config) {
  const Objective *objective = objective_find(config->train.objective);
  bool recovers = objective && objective->manifold;
  config->train.chain.mode = recovers ? NEG_RECOVERY : config->mode;
  if (!recovers || config->mode == NEG_ON_MANIFOLD) return OK;
  return err_user("nae.mode: found %s with objective %s, whose chains start in diffused codes of "
                  "data; want it left out",
                  negative_mode_name((int)config->mode), config->train.objective);
}

/* What follows from other options. */
static Err resolve(Config *config) {
  NetSpec *net = &config->net;
  TRY(resolve_mode(config));
  TRY(resolve_replay(config, &config->train.chain));
  layers_resolve(net->encoder, net->n_encoder, config->spectral);
  layers_resolve(net->decoder, net->n_decoder, config->spectral);
  if (!config->sphere || !net->n_encoder || on_sphere(net)) return OK;
  if (net->n_encoder == NET_LAYERS)
    return err_user("net.sphere: no room for a sphere behind %d layers", NET_LAYERS);
  net->encoder[net->n_encoder++] = (LayerSpec){.type = "sphere"};
  return OK;
}

Err config_check_standardised(const Config *config, bool standardised) {
  if (!standardised || strcmp(config->train.energy, "bernoulli") != 0) return OK;
  return err_user("energy: found bernoulli with standardised samples, want mse, or "
                  "data.standardise=false: it wants values from 0 to 1");
}

/* Options that can not go together. */
static Err check(const Config *config) {
  const NaeOpts *nae = &config->train.chain;
  TRY(chain_check('z', nae->z_sampler, &nae->z));
  TRY(chain_check('x', nae->x_sampler, &nae->x));
  if (config->train.guard.band_low >= config->train.guard.band_high)
    return err_user("guard.band_low: found %g, want less than guard.band_high, which is %g",
                    config->train.guard.band_low, config->train.guard.band_high);
  TRY(config_check_standardised(config, config->standardise == STANDARDISE_TRUE));
  if (config->rows_to && config->rows_to <= config->rows_from)
    return err_user("rows.to: found %ld, want more than rows.from, which is %ld", config->rows_to,
                    config->rows_from);
  return OK;
}

Err config_read_text(Config *config, const char *name, const char *text) {
  if (text) TRY(yaml_read(config, name, text));
  for (int i = 0; i < config->n_assignments; i++)
    TRY(yaml_assign(config, config->assignments[i]));
  TRY(err_where(resolve(config), "%s: ", name ? name : "command line"));
  return err_where(check(config), "%s: ", name ? name : "command line");
}

Err config_read(Config *config, const char *name, const char *text, int n,
                char *const *assignments) {
  *config = config_defaults();
  config->n_assignments = n;
  config->assignments = assignments;
  return config_read_text(config, name, text);
}

static Err read_all(char **text, FILE *file, const char *path) {
  size_t size;
  char part[4096];
  FILE *to = open_memstream(text, &size);
  CHECK(to, "no memory");
  for (size_t n; (n = fread(part, 1, sizeof part, file));) fwrite(part, 1, n, to);
  fclose(to);
  Err e = ferror(file) ? err_user("%s: can not read: %s", path, strerror(errno)) : OK;
  if (!e && strlen(*text) != size)
    e = err_user("%s: found a zero byte, want a YAML text file", path);
  if (e) free(*text), *text = NULL;
  return e;
}

Err config_file(char **text, const char *path) {
  FILE *file = fopen(path, "r");
  *text = NULL;
  if (!file) return err_user("%s: can not open: %s", path, strerror(errno));
  Err e = read_all(text, file, path);
  fclose(file);
  return e;
}
