/* Eigenproblems with known answers on any number of ranks (run_mpi N test_eigen N): the matrix is
 * the sum over s of value[s] q_s q_s^T with the orthonormal vectors of the discrete cosine
 * transform, given as n samples. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "par/eigen.h"

static Comm *world;

/* Element i of the cosine of frequency s, of length 1. Source: DCT-II. */
static double cosine(long n, long s, long i) {
  double scale = sqrt((s ? 2.0 : 1.0) / (double)n);
  return scale * cos(M_PI * (double)s * ((double)i + 0.5) / (double)n);
}

/* Falls by a factor of 2 with every three; the first of each three is larger by a tenth than the
 * other two, which are equal. The last quarter is 0. */
static double spectrum(long n, long s) {
  return s < n - n / 4 ? 3 * exp2(-(double)(s / 3)) * (1 + 0.1 * (double)(s % 3 == 0)) : 0;
}

static void check_values(const double *value, long n) {
  for (long c = 0; c < n; c++) {
    double want = spectrum(n, c);
    CHECK(fabs(value[c] - want) <= 1e-14 * 3.3 * sqrt((double)n),
          "%ld: value %ld is %.17g, want %.17g", n, c, value[c], want);
  }
}

/* What is left of v outside the frequencies from .. to - 1. */
static double outside(const double *v, long n, long from, long to) {
  double rest = 1;
  for (long s = from; s < to; s++) {
    double along = 0;
    for (long i = 0; i < n; i++) along += v[i] * cosine(n, s, i);
    rest -= along * along;
  }
  return rest;
}

static void check_vectors(const double *vector, long n, long k) {
  for (long c = 0; c < k; c++) {
    const double *v = vector + c * n;
    for (long o = 0; o <= c; o++) {
      double product = 0;
      for (long i = 0; i < n; i++) product += v[i] * vector[o * n + i];
      CHECK(fabs(product - (o == c)) < 1e-12, "%ld: vectors %ld and %ld: %g", n, c, o, product);
    }
    if (spectrum(n, c) < 1e-3) continue; /* too close to its neighbours to be sure of */
    long from = c % 3 ? c / 3 * 3 + 1 : c, to = c % 3 ? c / 3 * 3 + 3 : c + 1;
    if (to > n - n / 4) continue;
    CHECK(fabs(outside(v, n, from, to)) < 1e-10, "%ld: vector %ld is %g off", n, c,
          outside(v, n, from, to));
  }
}

/* Every element of the matrix is with one rank. */
static void check_shares(const EigenShare *share, long n) {
  int64_t *owners = MEM_NEW(int64_t, "test", n * n);
  for (long i = 0; i < share->rows; i++)
    for (long j = 0; j < share->columns; j++) owners[share->row[i] * n + share->column[j]]++;
  comm_sum_i64(world, owners, (size_t)(n * n));
  for (long i = 0; i < n * n; i++) CHECK(owners[i] == 1, "%ld: element %ld", n, i);
  mem_free(&owners);
}

/* All samples, in panels of some. */
static void fill(Eigen *eigen, const EigenShare *share, long n) {
  enum { PANEL = 37 };
  double *left = MEM_NEW(double, "test", PANEL * share->rows + 1);
  double *right = MEM_NEW(double, "test", PANEL * share->columns + 1);
  for (long from = 0; from < n; from += PANEL) {
    long samples = from + PANEL < n ? PANEL : n - from;
    for (long s = 0; s < samples; s++) {
      for (long i = 0; i < share->rows; i++)
        left[s * share->rows + i] = spectrum(n, from + s) * cosine(n, from + s, share->row[i]);
      for (long j = 0; j < share->columns; j++)
        right[s * share->columns + j] = cosine(n, from + s, share->column[j]);
    }
    eigen_add(eigen, left, right, samples, 2);
  }
  mem_free(&left);
  mem_free(&right);
}

static void known_matrix(long n, long k) {
  Eigen *eigen;
  CHECK(eigen_new(&eigen, world, n, k) == OK, "%s", err_message());
  EigenShare share = eigen_share(eigen);
  double *value = MEM_NEW(double, "test", n), *vector = MEM_NEW(double, "test", k *n);
  check_shares(&share, n);
  fill(eigen, &share, n);
  eigen_values(eigen, value);
  check_values(value, n);
  eigen_vectors(eigen, vector);
  check_vectors(vector, n, k);
  mem_free(&value);
  mem_free(&vector);
  eigen_free(&eigen);
  CHECK(!eigen, "not cleared");
}

static void no_room_is_said_in_advance(void) {
  Eigen *eigen;
  CHECK(eigen_new(&eigen, world, 1000000000, 1) == ERR_USER, "made it");
  CHECK(!eigen, "an eigenproblem in spite of the error");
  CHECK(!strncmp(err_message(), "eigenproblem of 1000000000 features: found ", 43) &&
            strstr(err_message(), " GB of free memory on a node, want ") &&
            strstr(err_message(), "GB for each of its "),
        "%s", err_message());
}

int main(int argc, char **argv) {
  CHECK(comm_start(&argc, &argv, &world) == OK, "%s", err_message());
  CHECK(argc < 2 || atoi(argv[1]) == comm_size(world), "found %d ranks", comm_size(world));
  known_matrix(1, 1);
  known_matrix(2, 2);
  known_matrix(64, 3);
  known_matrix(65, 65);
  known_matrix(200, 20);
  known_matrix(333, 249); /* all that is not 0 */
  no_room_is_said_in_advance();
  comm_end(&world);
  return 0;
}
