/* Which rows take part, and how they get into a tile. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/dataset.h"
#include "num/rng.h"

void classes_text(char text[32], int choice) {
  if (choice == CLASS_ALL)
    snprintf(text, 32, "all classes");
  else if (choice < CLASS_ALL)
    snprintf(text, 32, "all classes but %d", class_left_out(choice));
  else
    snprintf(text, 32, "class %d", choice);
}

typedef struct Choice {
  int classes;
  double from, to;
  RngKey key;
} Choice;

static bool chosen(const Dataset *data, const Choice *choice, long row) {
  if (!data->ok[row]) return false;
  if (data->has_label && !class_chosen(choice->classes, data->label[row])) return false;
  double u = rng_uniform(choice->key, (uint64_t)row, 0, 0);
  return u >= choice->from && u < choice->to;
}

/* Fills row (or only counts, row == NULL) up to the limit; returns how many. */
static long gather(uint32_t *row, const Dataset *data, const Choice *choice, long limit) {
  long n = 0;
  for (long i = 0; i < data->rows && (limit <= 0 || n < limit); i++) {
    if (!chosen(data, choice, i)) continue;
    if (row) row[n] = (uint32_t)i;
    n++;
  }
  return n;
}

/* Makes the mean weight 1, if there are any. */
static void scale_weights(Subset *subset, const Dataset *data) {
  double sum = 0;
  for (long i = 0; i < subset->n; i++) sum += data->weight[subset->row[i]];
  subset->weight_scale = sum > 0 ? (double)subset->n / sum : 0;
}

Subset subset_select(const Dataset *data, int classes, double from, double to, long limit,
                     uint64_t seed) {
  Choice choice = {classes, from, to, rng_key(seed, RNG_SPLIT)};
  Subset subset = {.n = gather(NULL, data, &choice, limit)};
  subset.row = MEM_NEW(uint32_t, "rows of a subset", subset.n);
  gather(subset.row, data, &choice, limit);
  scale_weights(&subset, data);
  return subset;
}

static Err too_few(const char *which, long want, long found, double share) {
  return err_user("data.contamination: found a share of %g, which asks for %ld %s samples, want "
                  "at most the %ld there are; lower data.train_limit",
                  share, want, which, found);
}

Err subset_mix(Subset *normal, const Dataset *data, const Subset *signal, double share, long n) {
  if (n <= 0) n = normal->n;
  long taken = (long)floor(share * (double)n + 0.5), rest = n - taken;
  if (taken > signal->n) return too_few("anomalous", taken, signal->n, share);
  if (rest > normal->n) return too_few("normal", rest, normal->n, share);
  Subset mixed = {.row = MEM_NEW(uint32_t, "rows of a subset", n)};
  for (long i = 0, k = 0; mixed.n < n;) {
    bool first = k == taken || (i < rest && normal->row[i] < signal->row[k]);
    mixed.row[mixed.n++] = first ? normal->row[i++] : signal->row[k++];
  }
  scale_weights(&mixed, data);
  subset_free(normal);
  *normal = mixed;
  return OK;
}

void subset_free(Subset *subset) {
  mem_free(&subset->row);
  subset->n = 0;
}

/* Puts a sample into a lane of a tile (dim, L). */
static void put_lane(float *lane, const float *sample, long dim) {
  for (long i = 0; i < dim; i++) lane[i * L] = sample[i];
}

/* Padding copies lane 0. */
static long row_of(const long row[L], int lane) { return row[lane] < 0 ? row[0] : row[lane]; }

void dataset_tile(const Dataset *data, float *x, float weight[L], const long row[L]) {
  long dim = shape_size(data->shape);
  for (int lane = 0; lane < L; lane++) {
    put_lane(x + lane, dataset_sample(data, row_of(row, lane)), dim);
    weight[lane] = row[lane] < 0 ? 0 : data->weight[row[lane]];
  }
}

float *dataset_target(const Dataset *data, float *room, float *x, const long row[L]) {
  long dim = shape_size(data->shape);
  if (!data->target) return x;
  for (int lane = 0; lane < L; lane++)
    put_lane(room + lane, data->target + (row_of(row, lane) - data->first) * dim, dim);
  return room;
}
