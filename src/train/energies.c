#include "train/energies.h"

#include "base/mem.h"
#include "model/h5.h"

/* The batch before the one that comes next. */
static Position last_batch(const Stepper *stepper, const Position *at) {
  Position last = *at;
  if (last.batch == 0) last.epoch--, last.batch = batches_per_epoch(stepper);
  last.batch--;
  return last;
}

typedef void TileEnergy(const Stepper *stepper, Worker *worker, const Position *at, long tile,
                        double e[L]);

static void train_tile(const Stepper *stepper, Worker *worker, const Position *at, long tile,
                       double e[L]) {
  long row[L];
  batch_rows(stepper, at, tile, row);
  worker_energy(worker, stepper->input->data, row, e);
}

static void chain_tile(const Stepper *stepper, Worker *worker, const Position *at, long tile,
                       double e[L]) {
  (void)at;
  recon_energy(worker->recon, e, NULL, stepper_negatives(stepper, tile));
}

/* Collective. Energies of all items of a split, each by the rank that owns it. Owns: the
 * caller. */
static double *energies_new(const Stepper *stepper, const Split *split, TileEnergy *energy,
                            const Position *at) {
  double *e = MEM_NEW(double, "energies for plots", split->tiles *L);
  for (long tile = split->tile_mine.from; tile < split->tile_mine.to; tile++)
    energy(stepper, &stepper->worker[0], at, tile, e + tile * L);
  comm_join(stepper->comm, e, (size_t)(split->tiles * L) * sizeof *e);
  return e;
}

static void put(hid_t file, const char *name, const double *energy, long n, const char *about) {
  static const char *const label[] = {"row"};
  if (n == 0) return;
  hid_t set = h5_put_array(file, name, H5T_NATIVE_DOUBLE, 1, &n, label, energy);
  h5_put_text(set, "units", "1");
  h5_put_text(set, "long_name", about);
  h5_close(set);
}

/* On rank 0. negative NULL: the last phase has no chains. */
static Err write(const Validator *v, const Rundir *dir, const double *train,
                 const double *negative) {
  char path[RUNDIR_PATH];
  hid_t file = h5_new();
  const Stepper *stepper = v->stepper;
  h5_put_text(file, "format", "jetnae energies");
  put(file, "train", train, stepper->plus.items, "energies of the last step's samples");
  put(file, "valid", v->energy, stepper->input->valid.n, "energies of held-out samples");
  put(file, "signal", v->energy + tile_count(v->n_valid) * L, v->n_signal,
      "energies of labelled anomalies");
  if (negative)
    put(file, "negative", negative, stepper->minus.items, "energies of the last chains' ends");
  rundir_path(dir, path, "energies.h5");
  Err e = rundir_mine(dir);
  if (!e) return h5_publish(file, path);
  h5_close(file);
  return e;
}

Err energies_save(Validator *validator, const Rundir *dir, const State *state) {
  const Position *at = &state->at;
  const Stepper *s = validator->stepper;
  Position last = last_batch(s, at);
  validate(validator, state);
  double *train = energies_new(s, &s->plus, train_tile, &last), *negative = NULL;
  if (at->phase == PHASE_NAE) negative = energies_new(s, &s->minus, chain_tile, &last);
  Err e = comm_rank(s->comm) == 0 ? write(validator, dir, train, negative) : OK;
  mem_free(&train), mem_free(&negative);
  return comm_agree(s->comm, e);
}
