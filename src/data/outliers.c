#include "data/outliers.h"

#include <string.h>

#include "num/rng.h"

static const char *const names[] = {"constant", "noise", NULL};
enum { CONSTANT, NOISE };

const char *outliers_at(int i) { return names[i]; }

static int find(const char *name) {
  int i = 0;
  while (names[i] && strcmp(names[i], name)) i++;
  return names[i] ? i : -1;
}

bool outliers_known(const char *name) { return find(name) >= 0; }

/* What the values lie between. */
typedef struct Values {
  double low, high;
} Values;

static Values values_of(const Dataset *data) {
  long dim = shape_size(data->shape);
  Values values = {0};
  bool first = true;
  for (long i = 0; i < data->rows * dim; i++) {
    double x = (double)data->x[i];
    if (!data->ok[i / dim]) continue;
    if (first || x < values.low) values.low = x;
    if (first || x > values.high) values.high = x;
    first = false;
  }
  return values;
}

/* The arrays of a data set, one after the other. */
typedef struct Arrays {
  float *x, *weight, *mass_gev;
  int8_t *label;
  uint8_t *ok;
} Arrays;

static size_t bytes_of(long rows, long dim) {
  return (size_t)rows * ((size_t)dim * sizeof(float) + 2 * sizeof(float) + 2);
}

static Arrays place(char *memory, long rows, long dim) {
  Arrays a = {.x = (float *)memory};
  a.weight = a.x + rows * dim;
  a.mass_gev = a.weight + rows;
  a.label = (int8_t *)(a.mass_gev + rows);
  a.ok = (uint8_t *)(a.label + rows);
  return a;
}

/* A constant row has one draw, number 0; an element of a noisy row has its own. */
static void fill(const Arrays *a, long row, long dim, int kind, Values values, RngKey key) {
  for (long i = 0; i < dim; i++) {
    uint32_t draw = kind == CONSTANT ? 0 : (uint32_t)i + 1;
    double u = rng_uniform(key, (uint64_t)row, 0, draw);
    a->x[row * dim + i] = (float)(values.low + (values.high - values.low) * u);
  }
  a->weight[row] = 1;
  a->mass_gev[row] = 0;
  a->label[row] = -1;
  a->ok[row] = 1;
}

Err outliers_make(Dataset *outliers, const Comm *comm, const char *name, const Dataset *like,
                  long rows, uint64_t seed) {
  long dim = shape_size(like->shape);
  RngKey key = rng_key(seed, RNG_OUTLIER);
  Values values = values_of(like);
  *outliers = (Dataset){.shape = like->shape, .rows = rows};
  TRY(comm_agree(comm, shared_new(&outliers->memory, comm, "outliers", bytes_of(rows, dim))));
  Arrays a = place(shared_data(outliers->memory), rows, dim);
  outliers->x = a.x, outliers->weight = a.weight, outliers->mass_gev = a.mass_gev;
  outliers->label = a.label, outliers->ok = a.ok;
  Range mine = range_of(rows, comm_node_rank(comm), comm_node_size(comm));
#pragma omp parallel for
  for (long row = mine.from; row < mine.to; row++) fill(&a, row, dim, find(name), values, key);
  shared_sync(outliers->memory);
  return OK;
}
