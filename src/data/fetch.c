#include "data/fetch.h"

#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/whole.h"
#include "num/isa.h"

/* Rows that are read for nothing between two that are wanted. */
enum { GAP = 8 };

/* ---- is a row what it was? ---- */

static uint64_t mix(uint64_t hash, uint32_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 32;
}

/* In four chains, which do not wait for each other. */
static uint64_t mix_floats(uint64_t hash, const float *x, long n) {
  enum { CHAINS = 4 };
  uint64_t chain[CHAINS] = {hash, hash, hash, hash};
  for (long from = 0; from < n; from += CHAINS) {
    uint32_t word[CHAINS] = {0};
    memcpy(word, x + from, (size_t)whole_min(CHAINS, n - from) * sizeof *word);
    for (int c = 0; c < CHAINS; c++) chain[c] = mix(chain[c], word[c]);
  }
  for (int c = 0; c < CHAINS; c++) {
    hash = mix(hash, (uint32_t)chain[c]);
    hash = mix(hash, (uint32_t)(chain[c] >> 32));
  }
  return hash;
}

uint64_t row_hash(long row, const float *x, const float *target, long dim, float weight,
                  int label) {
  uint64_t hash = mix(mix(0, (uint32_t)row), (uint32_t)((uint64_t)row >> 32));
  hash = mix_floats(hash, x, dim);
  if (target) hash = mix_floats(hash, target, dim);
  return mix(mix_floats(hash, &weight, 1), (uint32_t)label);
}

/* ---- rows into samples ---- */

Fetch fetch_new(const Dataset *data, long most) {
  return (Fetch){.data = data, .block = block_new(&data->away->source, most), .most = most};
}

void fetch_free(Fetch *fetch) { block_free(&fetch->block); }

static void standardise(float *x, const Away *away, long dim) {
  for (long i = 0; i < dim; i++) x[i] = (x[i] - away->mean[i]) / away->scale[i];
}

/* Row i of the block, which is `row` of the data. Returns whether it is what it was. */
static bool make(float *x, float *target, const Fetch *fetch, long i, long row) {
  const Dataset *data = fetch->data;
  const Away *away = data->away;
  long dim = shape_size(data->shape);
  bool ok = data->ok[row], shifted = away->mean && ok;
  Sample sample = view_sample(x, &away->source, &fetch->block, i, &away->view);
  for (long k = 0; target && k < dim; k++) target[k] = ok ? fetch->block.target[i * dim + k] : 0;
  uint64_t hash = row_hash(row, x, target, dim, sample.weight, fetch->block.label[i]);
  if (shifted) standardise(x, away, dim);
  if (shifted && target) standardise(target, away, dim);
  return (uint32_t)hash == away->hash[row];
}

static Err changed(const Fetch *fetch, long row) {
  return err_user("%s: row %ld: found other values than when it was read first; the file was "
                  "changed or is damaged, want it as it was",
                  fetch->data->away->source.path, row);
}

/* The n rows of a run, which ascend. */
static Err fetch_run(Fetch *fetch, float *x, const uint32_t *row, long n, int threads) {
  long from = row[0], dim = shape_size(fetch->data->shape), bad = LONG_MAX;
  TRY(source_read(&fetch->data->away->source, &fetch->block, from, (long)row[n - 1] + 1));
#pragma omp parallel for num_threads(threads) reduction(min : bad)
  for (long i = 0; i < n; i++)
    if (!make(x + i * dim, NULL, fetch, row[i] - from, row[i])) bad = whole_min(bad, row[i]);
  return bad < LONG_MAX ? changed(fetch, bad) : OK;
}

/* How many of the n rows belong to the first run. */
static long run_length(const uint32_t *row, long n, long most) {
  long k = 1;
  while (k < n && row[k] > row[k - 1] && row[k] - row[k - 1] <= GAP && row[k] - row[0] < most) k++;
  return k;
}

Err fetch_rows(Fetch *fetch, float *x, const uint32_t *row, long n, int threads) {
  long dim = shape_size(fetch->data->shape), run;
  isa_fp_control();
  for (long i = 0; i < n; i += run) {
    run = run_length(row + i, n - i, fetch->most);
    TRY(fetch_run(fetch, x + i * dim, row + i, run, threads));
  }
  return OK;
}

/* At most as many rows as a block has. */
static Err fetch_block(Fetch *fetch, float *x, float *target, Range rows, int threads) {
  long dim = shape_size(fetch->data->shape), bad = LONG_MAX;
  TRY(source_read(&fetch->data->away->source, &fetch->block, rows.from, rows.to));
#pragma omp parallel for num_threads(threads) reduction(min : bad)
  for (long row = rows.from; row < rows.to; row++) {
    long i = row - rows.from;
    if (!make(x + i * dim, target ? target + i * dim : NULL, fetch, i, row))
      bad = whole_min(bad, row);
  }
  return bad < LONG_MAX ? changed(fetch, bad) : OK;
}

Err fetch_range(Fetch *fetch, float *x, float *target, Range rows, int threads) {
  long dim = shape_size(fetch->data->shape);
  isa_fp_control();
  for (long from = rows.from; from < rows.to; from += fetch->most) {
    long at = (from - rows.from) * dim;
    Range block = {from, whole_min(from + fetch->most, rows.to)};
    TRY(fetch_block(fetch, x + at, target ? target + at : NULL, block, threads));
  }
  return OK;
}

/* ---- samples that are held ---- */

size_t dataset_room(const Dataset *data, long samples) {
  return (size_t)samples * (size_t)shape_size(data->shape) * sizeof(float);
}

/* Room for samples and places; no sample has one yet. */
static Err make_slots(Dataset *data, const Comm *comm, long slots) {
  size_t samples = dataset_room(data, slots), places = (size_t)data->rows * sizeof(uint32_t);
  TRY(comm_agree(comm, shared_new(&data->away->slots, comm, "samples", samples + places)));
  char *base = shared_data(data->away->slots);
  data->x = (float *)base;
  data->place = (uint32_t *)(base + samples);
  data->bytes += samples + places;
  if (comm_node_rank(comm) == 0) memset(base + samples, 0xff, places);
  shared_sync(data->away->slots);
  return OK;
}

void dataset_place(Dataset *data, const uint32_t *row, long n, long first) {
  uint32_t *place = (uint32_t *)data->place; /* in the node's window */
  for (long i = 0; i < n; i++) place[row[i]] = first == NOWHERE ? NOWHERE : (uint32_t)(first + i);
  shared_sync(data->away->slots);
}

/* This rank's share of a subset. */
static Err hold(Dataset *data, const Comm *comm, const Subset *held, long first, int threads) {
  Range mine = range_of(held->n, comm_node_rank(comm), comm_node_size(comm));
  const uint32_t *row = held->row + mine.from;
  float *x = (float *)data->x + (first + mine.from) * shape_size(data->shape);
  Fetch fetch = fetch_new(data, FETCH_RUN);
  Err e = comm_agree(comm, fetch_rows(&fetch, x, row, mine.to - mine.from, threads));
  fetch_free(&fetch);
  dataset_place(data, row, mine.to - mine.from, first + mine.from);
  return e;
}

Err dataset_hold(Dataset *data, const Comm *comm, const Subset *held, int n, long spare,
                 int threads) {
  long slots = spare, first = spare;
  for (int i = 0; i < n; i++) slots += held[i].n;
  TRY(make_slots(data, comm, slots));
  for (int i = 0; i < n; first += held[i++].n) TRY(hold(data, comm, &held[i], first, threads));
  return OK;
}
