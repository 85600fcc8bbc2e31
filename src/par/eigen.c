#include "par/eigen.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "internal.h"

/* BLAS, LAPACK, BLACS and ScaLAPACK, which come without headers. Fortran passes the length of
 * every text behind the other arguments. */

enum { DESCRIPTOR = 9 };
typedef const int *In;

void dgemm_(const char *, const char *, In m, In n, In k, const double *alpha, const double *a,
            In lda, const double *b, In ldb, const double *beta, double *c, In ldc, size_t,
            size_t);
void dsterf_(In n, double *d, double *e, int *info);
void dstemr_(const char *, const char *, In n, double *d, double *e, const double *from,
             const double *to, In first, In last, int *found, double *value, double *z, In ldz,
             In columns, int *support, int *accurate, double *work, In works, int *iwork,
             In iworks, int *info, size_t, size_t);
int Csys2blacs_handle(MPI_Comm comm);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridinit(int *context, const char *order, int rows, int columns);
void Cblacs_gridexit(int context);
void pdsytrd_(const char *, In n, double *a, In i, In j, In desc, double *d, double *e,
              double *tau, double *work, In works, int *info, size_t);
void pdormtr_(const char *, const char *, const char *, In m, In n, const double *a, In ia, In ja,
              In desc_a, const double *tau, double *c, In ic, In jc, In desc_c, double *work,
              In works, int *info, size_t, size_t, size_t);

static const int one = 1;

/* Large enough for dgemm's speed, small enough to keep a grid evenly busy. */
enum { BLOCK = 64 };

/* One axis of a matrix over one axis of the grid. */
typedef struct Axis {
  long n;        /* all */
  int at, ranks; /* place of this rank in the grid, ranks of the grid */
} Axis;

struct Eigen {
  const Comm *comm;
  long n, k;
  int p, q;
  Axis row, column, vector; /* of the matrix; columns of the eigenvectors */
  long rows, columns, vectors, *row_id, *column_id;
  double bytes;
  MPI_Comm grid; /* MPI_COMM_NULL and nothing below: this rank is not in the grid */
  int handle, context, desc[DESCRIPTOR];
  double *a;                   /* columns of rows: (columns, rows) */
  double *tau;                 /* (columns) */
  double *diagonal, *off_diag; /* (n) of the tridiagonal matrix */
};

/* ---- who holds what ---- */

/* Number of items that the place `at` holds. */
static long axis_count(Axis axis) {
  long whole = axis.n / BLOCK, rest = axis.n % BLOCK;
  long blocks = whole / axis.ranks + (axis.at < whole % axis.ranks);
  return blocks * BLOCK + (axis.at == whole % axis.ranks ? rest : 0);
}

/* The global number of local item i. */
static long axis_id(Axis axis, long i) {
  return (i / BLOCK * axis.ranks + axis.at) * BLOCK + i % BLOCK;
}

static Axis axis_first(Axis axis) { return (Axis){axis.n, 0, axis.ranks}; }

/* Owns: the caller, mem_free. */
static long *axis_ids(Axis axis, long n) {
  long *id = MEM_NEW(long, "rows and columns of a rank", n + 1);
  for (long i = 0; i < n; i++) id[i] = axis_id(axis, i);
  return id;
}

static void choose_grid(Eigen *eigen, int ranks) {
  long blocks = (eigen->n + BLOCK - 1) / BLOCK;
  int p = 1;
  while ((p + 1) * (p + 1) <= ranks) p++;
  eigen->p = p < blocks ? p : (int)blocks;
  eigen->q = ranks / eigen->p < blocks ? ranks / eigen->p : (int)blocks;
}

/* Ranks fill the grid row by row, as the BLACS do. */
static void take_place(Eigen *eigen) {
  int rank = comm_rank(eigen->comm);
  bool inside = rank < eigen->p * eigen->q;
  int row = inside ? rank / eigen->q : eigen->p, column = inside ? rank % eigen->q : eigen->q;
  eigen->row = (Axis){eigen->n, row, eigen->p};
  eigen->column = (Axis){eigen->n, column, eigen->q};
  eigen->vector = (Axis){eigen->k, column, eigen->q};
  eigen->rows = inside ? axis_count(eigen->row) : 0;
  eigen->columns = inside ? axis_count(eigen->column) : 0;
  eigen->vectors = inside ? axis_count(eigen->vector) : 0;
}

/* ---- memory ---- */

/* Of the first rank of the grid, whose share is the largest: its elements, its part of the
 * vectors, and all vectors twice. */
static double bytes_wanted(const Eigen *eigen) {
  double rows = (double)axis_count(axis_first(eigen->row));
  double columns = (double)axis_count(axis_first(eigen->column));
  double vectors = (double)axis_count(axis_first(eigen->vector));
  double all = 2 * (double)eigen->k * (double)eigen->n;
  return sizeof(double) * (rows * (columns + vectors) + all + 32 * (double)eigen->n);
}

/* What this node could still give; a huge number where nothing says it. */
static double bytes_free(void) {
  char line[128];
  double kb = 1e30;
  FILE *file = fopen("/proc/meminfo", "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "MemAvailable: %lf kB", &kb) == 1) break;
  if (file) fclose(file);
  return 1024 * kb;
}

/* Ranks of a node in the grid. */
static int ranks_here(const Eigen *eigen) {
  int inside = comm_rank(eigen->comm) < eigen->p * eigen->q;
  MPI(MPI_Allreduce(MPI_IN_PLACE, &inside, 1, MPI_INT, MPI_SUM, eigen->comm->node));
  return inside;
}

static Err check_memory(const Eigen *eigen) {
  int ranks = ranks_here(eigen);
  double found = bytes_free();
  MPI(MPI_Bcast(&found, 1, MPI_DOUBLE, 0, eigen->comm->node));
  if (eigen->bytes * ranks > found)
    return err_user("eigenproblem of %ld features: found %.1f GB of free memory on a node, want "
                    "%.3g GB for each of its %d ranks; take more nodes, or fewer features",
                    eigen->n, 1e-9 * found, 1e-9 * eigen->bytes, ranks);
  long rows = axis_count(axis_first(eigen->row)), columns = axis_count(axis_first(eigen->column));
  if (rows > INT_MAX / columns)
    return err_user(
        "eigenproblem of %ld features: found a share of %ld x %ld numbers for a rank, "
        "want at most %d; take more ranks, or fewer features",
        eigen->n, rows, columns, INT_MAX);
  return OK;
}

/* ---- the grid ---- */

/* Descriptor of a matrix (n, columns) whose rows and columns lie as those of the matrix. */
static void describe(int desc[DESCRIPTOR], const Eigen *eigen, long columns) {
  const int dense = 1, rows = eigen->rows > 0 ? (int)eigen->rows : 1;
  const int filled[DESCRIPTOR] = {
      dense, eigen->context, (int)eigen->n, (int)columns, BLOCK, BLOCK, 0, 0, rows};
  memcpy(desc, filled, sizeof filled);
}

/* The BLACS look at no return code: here a failure inside MPI must end the program. */
static void enter_grid(Eigen *eigen) {
  int rank = comm_rank(eigen->comm), inside = rank < eigen->p * eigen->q;
  MPI(MPI_Comm_split(eigen->comm->all, inside ? 0 : MPI_UNDEFINED, rank, &eigen->grid));
  if (!inside) return;
  MPI(MPI_Comm_set_errhandler(eigen->grid, MPI_ERRORS_ARE_FATAL));
  eigen->handle = Csys2blacs_handle(eigen->grid);
  eigen->context = eigen->handle;
  Cblacs_gridinit(&eigen->context, "Row-major", eigen->p, eigen->q);
  describe(eigen->desc, eigen, eigen->n);
  eigen->a = MEM_NEW(double, "share of a matrix", eigen->rows * eigen->columns + 1);
  eigen->tau = MEM_NEW(double, "reflections", eigen->columns + 1);
}

Err eigen_new(Eigen **out, const Comm *comm, long n, long k) {
  CHECK(n >= 1 && n <= INT_MAX && k >= 1 && k <= n, "%ld vectors of %ld numbers", k, n);
  *out = NULL;
  Eigen *eigen = MEM_NEW(Eigen, "eigenproblem", 1);
  *eigen = (Eigen){.comm = comm, .n = n, .k = k, .grid = MPI_COMM_NULL};
  choose_grid(eigen, comm_size(comm));
  take_place(eigen);
  eigen->bytes = bytes_wanted(eigen);
  Err e = comm_agree(comm, check_memory(eigen));
  if (e) return mem_free(&eigen), e;
  eigen->row_id = axis_ids(eigen->row, eigen->rows);
  eigen->column_id = axis_ids(eigen->column, eigen->columns);
  eigen->diagonal = MEM_NEW(double, "tridiagonal matrix", n);
  eigen->off_diag = MEM_NEW(double, "tridiagonal matrix", n);
  enter_grid(eigen);
  *out = eigen;
  return OK;
}

void eigen_free(Eigen **out) {
  Eigen *eigen = *out;
  if (!eigen) return;
  if (eigen->grid != MPI_COMM_NULL) {
    Cblacs_gridexit(eigen->context);
    Cfree_blacs_system_handle(eigen->handle);
    MPI(MPI_Comm_free(&eigen->grid));
  }
  mem_free(&eigen->row_id);
  mem_free(&eigen->column_id);
  mem_free(&eigen->a);
  mem_free(&eigen->tau);
  mem_free(&eigen->diagonal);
  mem_free(&eigen->off_diag);
  mem_free(out);
}

EigenShare eigen_share(const Eigen *eigen) {
  return (EigenShare){.rows = eigen->rows,
                      .columns = eigen->columns,
                      .row = eigen->row_id,
                      .column = eigen->column_id,
                      .bytes = eigen->bytes,
                      .grid = {eigen->p, eigen->q}};
}

/* ---- the matrix ---- */

/* Block column j of the share, from the first row block that is not above the diagonal. */
static void add_column(Eigen *eigen, long j, const double *left, const double *right,
                       int samples) {
  long columns = eigen->columns - j < BLOCK ? eigen->columns - j : BLOCK, i = 0;
  while (i < eigen->rows && eigen->row_id[i] < eigen->column_id[j]) i += BLOCK;
  if (i >= eigen->rows) return;
  const int m = (int)(eigen->rows - i), n = (int)columns, lda = (int)eigen->rows,
            ldb = (int)eigen->columns;
  dgemm_("N", "T", &m, &n, &samples, &(double){1}, left + i, &lda, right + j, &ldb, &(double){1},
         eigen->a + j * eigen->rows + i, &lda, 1, 1);
}

void eigen_add(Eigen *eigen, const double *left, const double *right, long samples, int threads) {
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
  for (long j = 0; j < eigen->columns; j += BLOCK)
    add_column(eigen, j, left, right, (int)samples);
}

/* ---- the eigenproblem ---- */

/* Make what a ScaLAPACK routine said it wants, in the first element, of work space. */
static double *make_work(double wanted, int *size) {
  *size = wanted < 1 ? 1 : (int)wanted;
  return MEM_NEW(double, "work space of an eigenproblem", *size);
}

/* d, e (columns): the parts of the tridiagonal matrix in this rank's columns. */
static void reduce(Eigen *eigen, double *d, double *e) {
  const int n = (int)eigen->n, ask = -1;
  int info = 0, works;
  double wanted = 0;
  pdsytrd_("L", &n, eigen->a, &one, &one, eigen->desc, d, e, eigen->tau, &wanted, &ask, &info, 1);
  double *work = make_work(wanted, &works);
  pdsytrd_("L", &n, eigen->a, &one, &one, eigen->desc, d, e, eigen->tau, work, &works, &info, 1);
  CHECK(info == 0, "pdsytrd: info %d", info);
  mem_free(&work);
}

/* The tridiagonal matrix, to all ranks. */
static void make_tridiagonal(Eigen *eigen) {
  double *d = MEM_NEW(double, "tridiagonal matrix", eigen->columns + 1);
  double *e = MEM_NEW(double, "tridiagonal matrix", eigen->columns + 1);
  if (eigen->grid != MPI_COMM_NULL) reduce(eigen, d, e);
  for (long j = 0; j < eigen->columns && eigen->row.at == 0; j++) {
    eigen->diagonal[eigen->column_id[j]] = d[j];
    if (eigen->column_id[j] < eigen->n - 1) eigen->off_diag[eigen->column_id[j]] = e[j];
  }
  comm_join(eigen->comm, eigen->diagonal, (size_t)eigen->n * sizeof *eigen->diagonal);
  comm_join(eigen->comm, eigen->off_diag, (size_t)eigen->n * sizeof *eigen->off_diag);
  mem_free(&d);
  mem_free(&e);
}

static void reverse(double *x, long n) {
  for (long i = 0; i < n / 2; i++) {
    double swap = x[i];
    x[i] = x[n - 1 - i];
    x[n - 1 - i] = swap;
  }
}

/* The values decide what all ranks do next, so one of them computes them. */
void eigen_values(Eigen *eigen, double *value) {
  const int n = (int)eigen->n;
  make_tridiagonal(eigen);
  if (comm_rank(eigen->comm) == 0) {
    int info = 0;
    double *e = MEM_NEW(double, "tridiagonal matrix", n);
    memcpy(value, eigen->diagonal, (size_t)n * sizeof *value);
    memcpy(e, eigen->off_diag, (size_t)n * sizeof *e);
    dsterf_(&n, value, e, &info);
    CHECK(info == 0, "dsterf: info %d", info);
    reverse(value, n); /* LAPACK's rise */
    mem_free(&e);
  }
  comm_broadcast(eigen->comm, value, (size_t)n * sizeof *value, 0);
}

/* Vectors of the tridiagonal matrix, rising values: z (k, n). Destroys the matrix. */
static void tridiagonal_vectors(Eigen *eigen, double *z) {
  const int n = (int)eigen->n, k = (int)eigen->k, first = n - k + 1;
  const int works = 18 * n, iworks = 10 * n;
  int found = 0, accurate = 1, info = 0;
  double *value = MEM_NEW(double, "eigenvalues", n);
  double *work = MEM_NEW(double, "work space of an eigenproblem", works);
  int *iwork = MEM_NEW(int, "work space of an eigenproblem", iworks);
  int *support = MEM_NEW(int, "work space of an eigenproblem", 2 * n);
  dstemr_("V", "I", &n, eigen->diagonal, eigen->off_diag, &(double){0}, &(double){0}, &first, &n,
          &found, value, z, &n, &k, support, &accurate, work, &works, iwork, &iworks, &info, 1,
          1);
  CHECK(info == 0 && found == k, "dstemr: info %d, %d of %d vectors", info, found, k);
  mem_free(&value);
  mem_free(&work);
  mem_free(&iwork);
  mem_free(&support);
}

/* This rank's part of the vectors (vectors, rows), back in the matrix's own coordinates. */
static void transform_back(Eigen *eigen, double *c) {
  const int n = (int)eigen->n, k = (int)eigen->k, ask = -1;
  int desc[DESCRIPTOR], info = 0, works;
  double wanted = 0;
  describe(desc, eigen, eigen->k);
  pdormtr_("L", "L", "N", &n, &k, eigen->a, &one, &one, eigen->desc, eigen->tau, c, &one, &one,
           desc, &wanted, &ask, &info, 1, 1, 1);
  double *work = make_work(wanted, &works);
  pdormtr_("L", "L", "N", &n, &k, eigen->a, &one, &one, eigen->desc, eigen->tau, c, &one, &one,
           desc, work, &works, &info, 1, 1, 1);
  CHECK(info == 0, "pdormtr: info %d", info);
  mem_free(&work);
}

/* Where eigenvector v of this rank has its element of row i, among all in falling order. */
static long element(const Eigen *eigen, long v, long i) {
  return axis_id(eigen->vector, v) * eigen->n + eigen->row_id[i];
}

/* Spread rising z (k, n) over the grid, transform, and put together falling. */
void eigen_vectors(Eigen *eigen, double *vector) {
  const long n = eigen->n, k = eigen->k, rows = eigen->rows;
  double *c = MEM_NEW(double, "share of eigenvectors", eigen->vectors *rows + 1);
  double *z = MEM_NEW(double, "eigenvectors", k *n);
  if (comm_rank(eigen->comm) == 0) tridiagonal_vectors(eigen, z);
  comm_broadcast(eigen->comm, z, (size_t)(k * n) * sizeof *z, 0);
  for (long v = 0; v < eigen->vectors; v++) {
    const double *rising = z + (k - 1 - axis_id(eigen->vector, v)) * n;
    for (long i = 0; i < rows; i++) c[v * rows + i] = rising[eigen->row_id[i]];
  }
  if (eigen->grid != MPI_COMM_NULL) transform_back(eigen, c);
  memset(vector, 0, (size_t)(k * n) * sizeof *vector);
  for (long v = 0; v < eigen->vectors; v++)
    for (long i = 0; i < rows; i++) vector[element(eigen, v, i)] = c[v * rows + i];
  comm_join(eigen->comm, vector, (size_t)(k * n) * sizeof *vector);
  mem_free(&c);
  mem_free(&z);
}
