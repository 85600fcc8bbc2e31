#include "eval/input.h"

#include "data/standard.h"

static Err check_shape(const Model *model, const Dataset *data) {
  Shape want = model->input, found = data->shape;
  if (shape_equal(found, want)) return OK;
  return err_user("data.input: found samples of shape %d x %d x %d, want %d x %d x %d, what the "
                  "model was trained on",
                  found.c, found.h, found.w, want.c, want.h, want.w);
}

Err input_load(Dataset *data, const Comm *comm, const DataOpts *opts, const Model *model,
               const char *what) {
  TRY(dataset_load(data, comm, opts, what));
  Err e = check_shape(model, data);
  if (e)
    dataset_free(data);
  else if (model->mean)
    standard_apply(data, comm, model->mean, model->scale);
  return e;
}
