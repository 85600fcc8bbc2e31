/* Principal component analysis: the linear autoencoder with the smallest mean squared error,
 * found by a fit instead of by steps. Encoder z = V (x - m), decoder x' = V^T z + m, with the mean
 * m and the eigenvectors V (k, d) of the k largest eigenvalues of the covariance; what is left out
 * is the error: d E+ = the sum of the other eigenvalues.
 *
 * The mean is summed in one fixed order. Then every rank runs once over all samples and makes its
 * own blocks of the covariance (par/eigen.h). The result agrees to rounding between numbers of
 * ranks and threads. */
#ifndef TRAIN_PCA_H
#define TRAIN_PCA_H

#include "train/train.h"

typedef struct Pca {
  long dim, components; /* d, k */
  double *mean;         /* (d) */
  double *value;        /* (d) eigenvalues of the covariance, falling, none below 0 */
  double *vector;       /* (k, d) orthonormal rows, the largest element of each positive */
  double total;         /* sum of all eigenvalues */
} Pca;

/* Collective. Fit `components` components to rows of a data set, each with its weight. Owns: the
 * caller, pca_free. Errors: more components than features, than samples can fix, or than
 * directions in which the data vary (how many there are is said); no memory; ERR_STOPPED. */
Err pca_fit(Pca *pca, const Comm *comm, const Dataset *data, const Subset *rows, long components,
            int threads);
void pca_free(Pca *pca);

/* Collective. `objective: pca` in a run directory: fits opts->components components to
 * input->train, says what they explain, leaves explained.csv and model.h5, a network of two dense
 * layers. A finished directory says so; a fit that was interrupted starts anew. Errors: those of
 * pca_fit; a directory of another configuration; disk full. */
Err pca_run(const Comm *comm, const TrainOpts *opts, const TrainInput *input);

#endif
