/* The largest eigenvalues and eigenvectors of a symmetric matrix that is too much for one rank.
 *
 * The matrix (n, n) is cut into square blocks, dealt to a grid of p x q ranks: block (i, j) is
 * with rank (i mod p, j mod q), so that every rank stays busy to the end of the reduction. A rank
 * makes its own elements from panels of samples, and none is ever sent. Only the lower triangle
 * is made. p is the largest number with p p <= ranks, q = ranks / p; ranks left over hold nothing
 * and wait. Matrices of a few blocks use fewer ranks.
 *
 * The grid reduces the matrix to a tridiagonal one and transforms its eigenvectors back
 * (ScaLAPACK); the tridiagonal problem is small and one rank's (LAPACK). Of n^2 numbers a rank
 * holds n^2 / (p q), once; the work is 4/3 n^3 / (p q), half of it bound by memory.
 *
 * BLAS and ScaLAPACK live here and nowhere else. Results agree to rounding between numbers of
 * ranks, not to the bit. */
#ifndef PAR_EIGEN_H
#define PAR_EIGEN_H

#include "par/comm.h"

typedef struct Eigen Eigen;

/* Collective. A matrix of zeros, of which k vectors will be wanted. Owns: the caller, eigen_free
 * (collective); the communicator must outlive it. Errors: the ranks of a node would take more
 * memory than it has; a share too large to be addressed. */
Err eigen_new(Eigen **eigen, const Comm *comm, long n, long k);
void eigen_free(Eigen **eigen);

/* What this rank holds: global numbers, ascending, of its rows and columns. */
typedef struct EigenShare {
  long rows, columns;
  const long *row, *column; /* (rows), (columns) */
  double bytes;             /* of the largest share of a rank, work space included */
  int grid[2];              /* p, q */
} EigenShare;
EigenShare eigen_share(const Eigen *eigen);

/* Local. Element (i, j) of the share grows by the sum over samples of left(s, i) right(s, j).
 * left (samples, rows), right (samples, columns). */
void eigen_add(Eigen *eigen, const double *left, const double *right, long samples, int threads);

/* Collective. All eigenvalues, falling, to value (n) on every rank. Uses the matrix up. */
void eigen_values(Eigen *eigen, double *value);
/* Collective. After eigen_values: the vectors of the k largest to vector (k, n) on every rank,
 * orthonormal; their signs are anything. */
void eigen_vectors(Eigen *eigen, double *vector);

#endif
