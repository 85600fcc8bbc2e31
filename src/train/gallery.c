#include "train/gallery.h"

#include <math.h>

#include "base/mem.h"
#include "data/dataset.h"

enum { ACROSS = 8, GAP = 1 };

/* Pictures of a tile's first lanes, `down` rows of them, the first channel of each. */
typedef struct Grid {
  Shape shape;
  int rows, columns;
  uint8_t *grey; /* (rows, columns) */
} Grid;

static Grid grid_new(Shape shape, int down) {
  Grid g = {.shape = shape, .rows = down * (shape.h + GAP), .columns = ACROSS * (shape.w + GAP)};
  g.grey = MEM_NEW(uint8_t, "pictures", (long)g.rows * g.columns);
  return g;
}

/* The brightest pixel of the lane is white in both its pictures. */
static float brightest(const float *tile, Shape shape, int lane) {
  float most = 0;
  for (int i = 0; i < shape.h * shape.w; i++) most = fmaxf(most, tile[i * L + lane]);
  return most > 0 ? most : 1;
}

static void put_lane(Grid *g, int down, int lane, const float *tile, float white) {
  for (int y = 0; y < g->shape.h; y++)
    for (int x = 0; x < g->shape.w; x++) {
      float value = tile[(y * g->shape.w + x) * L + lane] / white;
      int row = down * (g->shape.h + GAP) + y, column = lane * (g->shape.w + GAP) + x;
      g->grey[row * g->columns + column] = (uint8_t)(255 * fminf(fmaxf(value, 0), 1));
    }
}

static void add_reconstructions(Events *events, const Stepper *s, const Dataset *data,
                                const Subset *rows) {
  Worker *worker = &s->worker[0];
  long row[L];
  float weight[L];
  Grid g = grid_new(s->net->input, 2);
  float *y = MEM_NEW(float, "pictures", shape_size(g.shape) * L);
  for (int l = 0; l < L; l++) row[l] = l < rows->n ? (long)rows->row[l] : -1;
  dataset_tile(data, worker->x[0], weight, row);
  recon_reconstruct(worker->recon, y, worker->x[0]);
  for (int l = 0; l < ACROSS; l++) {
    float white = brightest(worker->x[0], g.shape, l);
    put_lane(&g, 0, l, worker->x[0], white);
    put_lane(&g, 1, l, y, white);
  }
  events_image(events, "images", "input_and_reconstruction", g.grey, g.rows, g.columns);
  mem_free(&y), mem_free(&g.grey);
}

static void add_negatives(Events *events, const Stepper *s) {
  Grid g = grid_new(s->net->input, 1);
  for (int l = 0; l < ACROSS; l++)
    put_lane(&g, 0, l, s->negatives, brightest(s->negatives, g.shape, l));
  events_image(events, "images", "negatives", g.grey, g.rows, g.columns);
  mem_free(&g.grey);
}

void gallery_add(Events *events, const Stepper *s, const Position *at) {
  const TrainInput *input = s->input;
  if (s->net->input.h < 2 || s->net->input.w < 2) return;
  if (input->valid.n > 0 && !net_scalar(s->net))
    add_reconstructions(events, s, input->valid_data, &input->valid);
  if (at->phase == PHASE_NAE && s->minus.tile_mine.to > s->minus.tile_mine.from)
    add_negatives(events, s);
}
