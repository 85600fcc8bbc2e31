/* Which rows take part, and how they get into a tile. */
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

Subset subset_select(const Dataset *data, int classes, double from, double to, long limit,
                     uint64_t seed) {
  Choice choice = {classes, from, to, rng_key(seed, RNG_SPLIT)};
  Subset subset = {.n = gather(NULL, data, &choice, limit), .weight_scale = 1};
  subset.row = MEM_NEW(uint32_t, "rows of a subset", subset.n);
  gather(subset.row, data, &choice, limit);
  double sum = 0;
  for (long i = 0; i < subset.n; i++) sum += data->weight[subset.row[i]];
  if (sum > 0) subset.weight_scale = (double)subset.n / sum;
  return subset;
}

void subset_free(Subset *subset) {
  mem_free(&subset->row);
  subset->n = 0;
}

void dataset_tile(const Dataset *data, float *x, float weight[L], const long row[L]) {
  long dim = shape_size(data->shape);
  for (int lane = 0; lane < L; lane++) {
    const float *sample = data->x + (row[lane] < 0 ? row[0] : row[lane]) * dim;
    for (long i = 0; i < dim; i++) x[i * L + lane] = sample[i];
    weight[lane] = row[lane] < 0 ? 0 : data->weight[row[lane]];
  }
}
