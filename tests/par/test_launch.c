/* What counts as evidence that several copies were started. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "internal.h"

static void set(const char *const *pair) {
  static const char *const known[] = {
      "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMI_SIZE",     "PMI_RANK",    "PMIX_RANK",
      "SLURM_STEP_NUM_TASKS", "SLURM_STEP_ID",        "SLURM_PROCID", "SLURM_NTASKS"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) unsetenv(known[i]);
  for (; *pair; pair += 2) setenv(pair[0], pair[1], 1);
}

static void seen(const char *const *environment, int copies, int rank) {
  set(environment);
  Launch launch = launch_seen();
  assert_int_equal(launch.copies, copies);
  assert_int_equal(launch.rank, rank);
}
#define SEEN(copies, rank, ...) seen((const char *const[]){__VA_ARGS__, NULL}, copies, rank)

static void by_hand(void **state) { SEEN(1, 0, "PATH", "/usr/bin"); }

static void batch_script(void **state) {
  SEEN(1, 0, "SLURM_NTASKS", "4", "SLURM_PROCID", "0");
  SEEN(1, 0, "SLURM_NTASKS", "4");
}

static void step_of_srun(void **state) {
  SEEN(4, 2, "SLURM_NTASKS", "8", "SLURM_STEP_NUM_TASKS", "4", "SLURM_PROCID", "2");
  SEEN(4, 0, "SLURM_NTASKS", "4", "SLURM_STEP_ID", "0", "SLURM_PROCID", "0");
  SEEN(4, 3, "SLURM_NTASKS", "4", "SLURM_PROCID", "3");
}

/* mpirun starts its daemons as a step: what it says of its own ranks counts. */
static void mpirun_in_a_job(void **state) {
  SEEN(1, 0, "OMPI_COMM_WORLD_SIZE", "1", "SLURM_STEP_NUM_TASKS", "2", "SLURM_STEP_ID", "0");
  SEEN(6, 5, "OMPI_COMM_WORLD_SIZE", "6", "OMPI_COMM_WORLD_RANK", "5", "SLURM_NTASKS", "4");
  SEEN(3, 1, "PMI_SIZE", "3", "PMI_RANK", "1");
}

static void singletons_are_refused(void **state) {
  static const char *const environment[] = {"PMI_SIZE", "3", "PMI_RANK", "1", NULL};
  Comm *world;
  set(environment);
  assert_int_equal(comm_start(NULL, NULL, &world), ERR_USER);
  assert_string_equal(err_message(),
                      "launch: found 3 copies of this program that do not see each other "
                      "(PMI_SIZE), want one program on 3 ranks; start it with this MPI library's "
                      "own mpirun, or with srun --mpi=pmix (srun --mpi=list names the ways there "
                      "are)");
  assert_int_equal(comm_rank(world), 1);
  comm_end(&world);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(by_hand), cmocka_unit_test(batch_script), cmocka_unit_test(step_of_srun),
      cmocka_unit_test(mpirun_in_a_job), cmocka_unit_test(singletons_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
