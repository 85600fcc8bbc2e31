#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/command.h"
#include "model/import.h"

enum { PATH_SIZE = 4096 };

static bool makes_rows(const char *name) {
  const Reader *reader;
  for (int i = 0; (reader = reader_at(i)); i++)
    if (!strcmp(reader->name, name)) return reader->makes_rows;
  return false;
}

/* Of one sample: what the data say, if there are any, else what jets become. */
static Err input_shape(Shape *shape, const Config *config) {
  const DataOpts *data = &config->data;
  Source source;
  if (!data->source.path && !makes_rows(data->source.reader)) {
    const View *view = view_find(data->view.name);
    if (view->check) TRY(view->check(&data->view));
    *shape = view->shape(&data->view);
    return OK;
  }
  TRY(source_open(&source, &data->source));
  Err e = view_check(&source, &data->view);
  if (!e) *shape = view_shape(&source, &data->view);
  source_close(&source);
  return e;
}

static void describe(Model *model, const Config *config) {
  const View *view = view_find(config->data.view.name);
  model->spec = config->net;
  model->config = config_text(config, true);
  if (config->train.chain.temperature_mode == T_FIXED)
    model->temperature = config->train.chain.temperature;
  snprintf(model->objective, sizeof model->objective, "%s", config->train.objective);
  snprintf(model->energy, sizeof model->energy, "%s", config->train.energy);
  if (shape_equal(model->input, view->shape(&config->data.view)))
    view_features_text(model->features, sizeof model->features, view);
}

static Err fill(Model *model, const Config *config) {
  StateDict dict;
  char *map = NULL;
  Err e = state_dict_read(&dict, config->import_weights);
  if (!e && config->import_map) e = config_file(&map, config->import_map);
  if (!e) e = import_weights(model, &dict, config->import_weights, map, config->import_map);
  state_dict_free(&dict);
  free(map);
  return e;
}

/* DIR/model.h5, where none is yet. */
static Err find_place(char path[PATH_SIZE], const Config *config) {
  struct stat info;
  snprintf(path, PATH_SIZE, "%s/model.h5", config->out);
  if (mkdir(config->out, 0777) && errno != EEXIST)
    return err_user("%s: cannot be made (%s); choose another out=", config->out, strerror(errno));
  if (!config->train.fresh && !stat(path, &info))
    return err_user("%s: found a model; want another out=, or fresh=true to replace it", path);
  return OK;
}

static Err import_model(Model *model, const Config *config) {
  char path[PATH_SIZE];
  TRY(input_shape(&model->input, config));
  TRY(net_new(&model->net, &config->net, model->input));
  describe(model, config);
  TRY(fill(model, config));
  TRY(find_place(path, config));
  TRY(model_save(path, model, provenance_facts()));
  printf("%zu parameters in %d tensors are in %s\n", model->net->n_params, model->net->n_tensors,
         path);
  return OK;
}

static Err run(const Comm *comm, Config *config) {
  if (!config->import_weights)
    return err_user("import.weights: found nothing, want a state dict (HDF5 or safetensors)");
  if (!config->out) return err_user("out: found nothing, want out=DIR for model.h5");
  if (comm_rank(comm)) return OK;
  Model model = {0};
  Err e = import_model(&model, config);
  char *text = model.config;
  model.config = NULL;
  free(text);
  model_free(&model);
  return e;
}

const Command cmd_import = {
    .name = "import",
    .usage = "config.yaml import.weights=FILE out=DIR [import.map=FILE] [key=value ...]",
    .summary = "make a model of weights that were trained elsewhere",
    .help =
        "Builds the network of the configuration and fills it from FILE, a PyTorch state dict\n"
        "saved as safetensors or as HDF5 (one dataset per key); writes DIR/model.h5, which is\n"
        "scored, exported and sampled from like any other. Samples are the view of jets that\n"
        "the configuration asks for, or those of data.input.\n"
        "\n"
        "Keys must read encoder.<layer>.<tensor> and decoder.<layer>.<tensor>, as of a module\n"
        "with two nn.Sequential; layers that have parameters are taken in order. Other names\n"
        "want a map, a text file with lines `ours theirs`: ours are encoder.0.weight,\n"
        "encoder.0.bias, encoder.1.slope, ... (layers counted from 0 as the configuration lists\n"
        "them), and input.mean, input.scale if samples are to be standardised; `- theirs` leaves\n"
        "a tensor out. Weights under spectral normalization are divided by their norm.\n"
        "\n"
        "  jetnae import configs/jets-conv.yaml import.weights=autoencoder.safetensors out=runs/a\n"
        "  jetnae score runs/a data.input=test.h5\n",
    .needs_config = true,
    .run = run,
};
