/* libjetnae against what the program wrote, bit for bit: from four threads at once, in batches of
 * several sizes, one thread in other floating-point modes.
 *
 *   compare MODEL P4 SCORES CODES RECONSTRUCTIONS
 *
 * P4: HDF5 with /p4 (N, slots, 4). Where RECONSTRUCTIONS has /input, the samples are compared,
 * too. Prints what differs and the number of samples per second; exit code 1: something did. */
#include <hdf5.h>
#include <jetnae.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

enum { THREADS = 4 };

typedef struct Wanted {
  long n;                   /* samples */
  float *p4, *code, *y, *x; /* (n, slots, 4), (n, code), (n, dim), (n, dim) or NULL */
  double *energy;           /* (n) */
  int slots;
} Wanted;

typedef struct Job {
  const JetnaeModel *model;
  const Wanted *wanted;
  long batch;
  int strange, wrong;
  pthread_t thread;
} Job;

/* All of a dataset; NULL: there is none. Owns: the caller, free(). */
static void *load(const char *path, const char *name, hid_t type, hsize_t dims[4]) {
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  void *data = NULL;
  if (file >= 0 && H5Lexists(file, name, H5P_DEFAULT) > 0) {
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
    H5Sget_simple_extent_dims(space, dims, NULL);
    data = malloc((size_t)H5Sget_simple_extent_npoints(space) * H5Tget_size(type));
    if (data) H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    H5Sclose(space);
    H5Dclose(set);
  }
  H5Fclose(file);
  return data;
}

static void *room(long n, size_t size) {
  void *p = malloc((size_t)n * size);
  if (!p) exit(3);
  return p;
}

static int differ(const char *what, const void *found, const void *want, long n, size_t size) {
  for (long i = 0; i < n; i++)
    if (memcmp((const char *)found + (size_t)i * size, (const char *)want + (size_t)i * size,
               size))
      return printf("%s: sample %ld differs\n", what, i), 1;
  return 0;
}

static void *work(void *arg) {
  Job *job = arg;
  const Wanted *want = job->wanted;
  long n = want->n, dim = jetnae_sample_size(job->model), latent = jetnae_code_size(job->model);
  float *x = room(n * dim, sizeof *x), *y = room(n * dim, sizeof *y);
  float *code = room(n * latent, sizeof *code);
  double *energy = room(n, sizeof *energy);
  JetnaeWorker *worker = jetnae_worker_new(job->model);
#if defined(__x86_64__)
  unsigned modes = job->strange ? 0xffc0 : 0x1f80; /* towards zero, no subnormals */
  _mm_setcsr(modes);
#endif
  for (long at = 0; at < n; at += job->batch) {
    long rows = n - at < job->batch ? n - at : job->batch;
    job->wrong |=
        jetnae_jets(job->model, x + at * dim, want->p4 + at * want->slots * 4, want->slots, rows);
    jetnae_score(worker, energy + at, x + at * dim, rows);
    jetnae_encode(worker, code + at * latent, x + at * dim, rows);
    jetnae_reconstruct(worker, y + at * dim, x + at * dim, rows);
  }
#if defined(__x86_64__)
  if ((_mm_getcsr() & 0xffc0) != modes) job->wrong |= printf("the modes have changed\n");
#endif
  jetnae_worker_free(&worker);
  job->wrong |= differ("energy", energy, want->energy, n, sizeof *energy);
  job->wrong |= differ("code", code, want->code, n, (size_t)latent * sizeof *code);
  job->wrong |= differ("reconstruction", y, want->y, n, (size_t)dim * sizeof *y);
  if (want->x) job->wrong |= differ("sample", x, want->x, n, (size_t)dim * sizeof *x);
  free(x), free(y), free(code), free(energy);
  return NULL;
}

static int compare(const JetnaeModel *model, const Wanted *wanted) {
  static const long batch[THREADS] = {1, 5, 16, 1000};
  Job job[THREADS];
  int wrong = 0;
  for (int t = 0; t < THREADS; t++) {
    job[t] = (Job){.model = model, .wanted = wanted, .batch = batch[t], .strange = t == 2};
    if (pthread_create(&job[t].thread, NULL, work, &job[t])) return 3;
  }
  for (int t = 0; t < THREADS; t++) {
    pthread_join(job[t].thread, NULL);
    if (job[t].wrong) wrong = printf("wrong in batches of %ld\n", batch[t]);
  }
  return wrong;
}

int main(int argc, char **argv) {
  hsize_t p4[4], dims[4];
  JetnaeModel *model;
  if (argc != 6) return 2;
  Wanted wanted = {.p4 = load(argv[2], "/p4", H5T_NATIVE_FLOAT, p4),
                   .energy = load(argv[3], "/energy", H5T_NATIVE_DOUBLE, dims),
                   .code = load(argv[4], "/code", H5T_NATIVE_FLOAT, dims),
                   .y = load(argv[5], "/reconstruction", H5T_NATIVE_FLOAT, dims),
                   .x = load(argv[5], "/input", H5T_NATIVE_FLOAT, dims)};
  wanted.n = (long)p4[0], wanted.slots = (int)p4[1];
  if (!wanted.p4 || !wanted.energy || !wanted.code || !wanted.y || dims[0] != p4[0]) return 2;
  if (jetnae_load(&model, argv[1])) return printf("%s\n", jetnae_message()), 1;
  int wrong = compare(model, &wanted);
  jetnae_unload(&model);
  free(wanted.p4), free(wanted.energy), free(wanted.code), free(wanted.y), free(wanted.x);
  printf("%ld samples of %s\n", wanted.n, wrong ? "other bits" : "the same bits");
  return wrong ? 1 : 0;
}
