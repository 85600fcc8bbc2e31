/* The anomaly score of every sample of a file, by libjetnae.
 *
 *   cc score.c $(pkg-config --cflags --libs jetnae) -o score
 *   ./score runs/jets/model.h5 samples.bin
 *
 * samples.bin holds samples as the model was trained on, float32, one after the other. A program
 * that has the constituents of its jets makes them by jetnae_jets. */
#include <jetnae.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 16 };

static int score_file(JetnaeWorker *worker, size_t size, FILE *file) {
  float *x = malloc(BATCH * size * sizeof *x);
  double energy[BATCH];
  size_t n;
  if (!x) return 1;
  while ((n = fread(x, size * sizeof *x, BATCH, file))) {
    jetnae_score(worker, energy, x, (long)n);
    for (size_t i = 0; i < n; i++) printf("%.17g\n", energy[i]);
  }
  free(x);
  return ferror(file);
}

int main(int argc, char **argv) {
  JetnaeModel *model;
  if (argc != 3) return fprintf(stderr, "usage: score MODEL.h5 SAMPLES\n"), 2;
  if (jetnae_load(&model, argv[1])) return fprintf(stderr, "%s\n", jetnae_message()), 2;
  FILE *file = fopen(argv[2], "rb");
  if (!file) return perror(argv[2]), 2;
  JetnaeWorker *worker = jetnae_worker_new(model);
  int failed = score_file(worker, (size_t)jetnae_sample_size(model), file);
  jetnae_worker_free(&worker);
  jetnae_unload(&model);
  fclose(file);
  return failed;
}
