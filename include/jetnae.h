/* libjetnae: scores of jets under a trained model, from any C or C++ program: event loops,
 * triggers, analysis frameworks. Needs the serial HDF5 to read the model file, nothing else; no
 * MPI, no threads of its own.
 *
 *   JetnaeModel *model;
 *   if (jetnae_load(&model, "runs/jets/model.h5")) return complain(jetnae_message());
 *   JetnaeWorker *worker = jetnae_worker_new(model);
 *   jetnae_score(worker, energy, x, n);
 *   jetnae_worker_free(&worker);
 *   jetnae_unload(&model);
 *
 * A model never changes once it is loaded: any number of threads may share it. A worker holds the
 * buffers of one thread: make one for each. All functions may be called from several threads at
 * the same time, as long as no two use one worker; only, where the program itself uses HDF5 from
 * other threads, it must see to it that none does so during jetnae_load (HDF5 is not safe there).
 *
 * What a function works out depends on the model and the sample alone: not on the batch, the
 * thread, the processor's instruction set or the program's floating-point modes, and has the same
 * bits as what `jetnae score`, `encode` and `reconstruct` write. Nothing is allocated after
 * jetnae_worker_new. Sixteen samples go through the network together: a single one takes nearly
 * as long as sixteen.
 *
 * A sample is what the network was trained on, before standardisation (which is part of the
 * model): x[channel][row][column], for jets the finished image, sequence or observables, in the
 * order that jetnae_features says. jetnae_jets makes it from four-momenta. A sample with a number
 * that is not finite scores NaN and leaves the others alone.
 *
 * Functions that can fail return JETNAE_OK or JETNAE_ERROR; then jetnae_message says where, what
 * was found, what was wanted. Exhausted memory ends the program with a message. */
#ifndef JETNAE_H
#define JETNAE_H

#ifdef __cplusplus
extern "C" {
#endif

enum { JETNAE_OK = 0, JETNAE_ERROR = 2 };

typedef struct JetnaeModel JetnaeModel;
typedef struct JetnaeWorker JetnaeWorker;

/* "0.1.0" */
const char *jetnae_version(void);
/* What went wrong last in this thread; valid until its next call. */
const char *jetnae_message(void);

/* Read the model.h5 of a run directory; `path` names the file. The caller owns *model (NULL on
 * errors) and calls jetnae_unload when its workers are gone. */
int jetnae_load(JetnaeModel **model, const char *path);
void jetnae_unload(JetnaeModel **model);

/* Channels, rows and columns of a sample; numbers of a sample (their product) and of a code. */
void jetnae_sample_shape(const JetnaeModel *model, int shape[3]);
long jetnae_sample_size(const JetnaeModel *model);
long jetnae_code_size(const JetnaeModel *model);
/* The channels' names, "mass, pt, ..."; "" where the model does not say. */
const char *jetnae_features(const JetnaeModel *model);

/* The caller owns it: jetnae_worker_free, before the model goes. */
JetnaeWorker *jetnae_worker_new(const JetnaeModel *model);
void jetnae_worker_free(JetnaeWorker **worker);

/* energy (n): the anomaly score of each sample of x (n, sample size), the larger the stranger. */
void jetnae_score(JetnaeWorker *worker, double *energy, const float *x, long n);
/* code (n, code size) */
void jetnae_encode(JetnaeWorker *worker, float *code, const float *x, long n);
/* y (n, sample size), in the units of x; y may be x. NaN where the model has no decoder. */
void jetnae_reconstruct(JetnaeWorker *worker, float *y, const float *x, long n);

/* x (n, sample size): the samples of jets given by the four-momenta E, px, py, pz in GeV of their
 * constituents, p4 (n, slots, 4), made as the training data were; slots of zeros are empty. A jet
 * that can not be used (no constituents in reach, NaN, negative energy) becomes NaN, and scores
 * NaN. Fails for more than 1024 slots, and for a model whose samples are not made of jets. */
int jetnae_jets(const JetnaeModel *model, float *x, const float *p4, int slots, long n);

#ifdef __cplusplus
}
#endif
#endif
