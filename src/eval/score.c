#include "eval/score.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/h5.h"
#include "num/isa.h"
#include "obj/recon.h"

enum { TILES_PER_REPORT = 256, REPORT_S = 10 };

/* What the threads of a rank work with. */
typedef struct Scorer {
  const Dataset *data;
  long from, to; /* rows asked for */
  int threads;
  Weights weights;
  Recon **recon; /* (threads) */
  float **x;     /* (threads) of (dim, L) */
} Scorer;

static Scorer scorer_new(const Model *model, const Dataset *data, long from, long to,
                         int threads) {
  Scorer s = {.data = data, .from = from, .to = to, .threads = threads};
  s.weights = weights_new(model->net);
  weights_make(&s.weights, model->net, model->w, NULL);
  s.recon = MEM_NEW(Recon *, "scoring", threads);
  s.x = MEM_NEW(float *, "scoring", threads);
  for (int t = 0; t < threads; t++) {
    s.recon[t] = recon_new(model->net, &s.weights, distance_find(model->energy));
    s.x[t] = MEM_NEW(float, "tiles to score", shape_size(data->shape) * L);
  }
  return s;
}

static void scorer_free(Scorer *s) {
  for (int t = 0; t < s->threads; t++) {
    recon_free(&s->recon[t]);
    mem_free(&s->x[t]);
  }
  mem_free(&s->recon);
  mem_free(&s->x);
  weights_free(&s->weights);
}

/* Energies of the rows of one tile, as many as there are. */
static void score_tile(const Scorer *s, int thread, double *energy, long tile) {
  const long first = s->from + tile * L;
  const long rows = s->to - first < L ? s->to - first : L;
  long row[L];
  float weight[L];
  double e[L];
  for (int l = 0; l < L; l++) row[l] = l < rows ? first + l : -1;
  dataset_tile(s->data, s->x[thread], weight, row);
  recon_energy(s->recon[thread], e, NULL, s->x[thread]);
  for (long l = 0; l < rows; l++) energy[l] = s->data->ok[first + l] ? e[l] : NAN;
}

/* energy: of the rows from tile `from` on */
static void score_tiles(const Scorer *s, double *energy, long from, long to) {
#pragma omp parallel num_threads(s->threads)
  {
    isa_fp_control();
#pragma omp for schedule(dynamic, 1)
    for (long tile = from; tile < to; tile++)
      score_tile(s, omp_get_thread_num(), energy + (tile - from) * L, tile);
  }
}

static void score_range(const Scorer *s, double *energy, Range tiles) {
  const long n = tiles.to - tiles.from;
  const long stride = (long)TILES_PER_REPORT * s->threads;
  progress_begin("scoring", (double)n * L, REPORT_S);
  for (long done = 0; done < n; done += stride) {
    long end = done + stride < n ? done + stride : n;
    score_tiles(s, energy + done * L, tiles.from + done, tiles.from + end);
    progress_at((double)end * L, "this rank's rows");
  }
  progress_end("scored");
}

Scores scores_compute(const Comm *comm, const Model *model, const Dataset *data, long from,
                      long to, int threads) {
  const long rows = to - from;
  const Range tiles = range_of(tile_count(rows), comm_rank(comm), comm_size(comm));
  const long mine = (tiles.to * L < rows ? tiles.to * L : rows) - tiles.from * L;
  double *energy = MEM_NEW(double, "scores of a rank", (tiles.to - tiles.from) * L);
  Scorer scorer = scorer_new(model, data, from, to, threads);
  score_range(&scorer, energy, tiles);
  scorer_free(&scorer);

  Scores scores = {0};
  if (comm_rank(comm) == 0) {
    scores.rows = rows;
    scores.energy = MEM_NEW(double, "scores", rows);
    scores.label = data->has_label ? data->label + from : NULL;
  }
  comm_gather(comm, scores.energy, energy, mine > 0 ? mine : 0, sizeof *energy);
  mem_free(&energy);
  return scores;
}

void scores_free(Scores *scores) { mem_free(&scores->energy); }

static void put_column(hid_t file, const char *name, hid_t type, long rows, const void *data,
                       const char *unit, const char *meaning) {
  static const char *const label[] = {"row"};
  hid_t column = h5_put_array(file, name, type, 1, &rows, label, data);
  h5_put_text(column, "units", unit);
  h5_put_text(column, "long_name", meaning);
  h5_close(column);
}

Err scores_save(const char *path, const Scores *scores, const Model *model, const Fact *facts) {
  hid_t file = h5_new();
  h5_put_text(file, "format", "jetnae scores");
  h5_put_int(file, "format_version", 1);
  h5_put_text(file, "objective", model->objective);
  h5_put_real(file, "temperature", model->temperature);
  put_column(
      file, "energy", H5T_NATIVE_DOUBLE, scores->rows, scores->energy, "1",
      "mean squared reconstruction error; the larger, the more anomalous; NaN: refused row");
  if (scores->label)
    put_column(file, "label", H5T_NATIVE_INT8, scores->rows, scores->label, "1",
               "class of the input; -1: unknown");
  h5_put_facts(file, facts);
  return h5_publish(file, path);
}

static int ascending(const void *a, const void *b) {
  double p = *(const double *)a, q = *(const double *)b;
  return (p > q) - (p < q);
}

void scores_quantiles(double *quantile, const Scores *scores, const double *share, int n) {
  double *sorted = MEM_NEW(double, "energies to sort", scores->rows + 1);
  long found = 0;
  for (long i = 0; i < scores->rows; i++)
    if (!isnan(scores->energy[i])) sorted[found++] = scores->energy[i];
  qsort(sorted, (size_t)found, sizeof *sorted, ascending);
  for (int i = 0; i < n; i++)
    quantile[i] = found ? sorted[(long)(share[i] * (double)(found - 1))] : NAN;
  mem_free(&sorted);
}
