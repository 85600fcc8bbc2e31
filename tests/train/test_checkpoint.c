/* Checkpoints: rank-free, and either whole or refused. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/checkpoint.h"
#include "problem.h"

enum { N = 50, ROWS = 23, ROW = 3, FIELDS = 4 };

static Comm *world, *alone;

typedef struct Stuff {
  float w[N];
  int64_t step;
  float slots[ROWS][ROW];
  uint8_t fill[ROWS];
} Stuff;

static Stuff stuff_new(void) {
  Stuff s = {.step = 1234567890123};
  for (int i = 0; i < N; i++) s.w[i] = (float)i / 7;
  for (int i = 0; i < ROWS; i++) {
    s.fill[i] = (uint8_t)(i * 11);
    for (int k = 0; k < ROW; k++) s.slots[i][k] = (float)(i * ROW + k) / 3;
  }
  return s;
}

/* Fields of which a rank holds its own rows only. */
static void list_fields(const Comm *comm, Stuff *s, Field field[FIELDS]) {
  Range mine = range_of(ROWS, comm_rank(comm), comm_size(comm));
  field[0] = (Field){"net/w", FIELD_F32, s->w, N, 1, false, {0}};
  field[1] = (Field){"step", FIELD_I64, &s->step, 1, 1, false, {0}};
  field[2] = (Field){"replay/slots", FIELD_F32, s->slots[mine.from], ROWS, ROW, true, mine};
  field[3] = (Field){"replay/fill", FIELD_U8, s->fill + mine.from, ROWS, 1, true, mine};
}

static Err save(const Comm *comm, const char *path, Stuff *s) {
  Field field[FIELDS];
  const Fact facts[] = {{"ranks", "many"}, {NULL, NULL}};
  list_fields(comm, s, field);
  return checkpoint_save(comm, path, field, FIELDS, "a: 1\n", facts, (Fence){0});
}

static Err load(const Comm *comm, const char *path, Stuff *s) {
  Field field[FIELDS];
  memset(s, 0, sizeof *s);
  list_fields(comm, s, field);
  return checkpoint_load(comm, path, field, FIELDS);
}

/* What a rank of comm must hold after loading. */
static void assert_loaded(const Comm *comm, const Stuff *found) {
  Stuff want = stuff_new();
  Range mine = range_of(ROWS, comm_rank(comm), comm_size(comm));
  size_t rows = (size_t)(mine.to - mine.from);
  assert_memory_equal(found->w, want.w, sizeof want.w);
  assert_true(found->step == want.step);
  assert_memory_equal(found->slots[mine.from], want.slots[mine.from],
                      rows * sizeof want.slots[0]);
  assert_memory_equal(found->fill + mine.from, want.fill + mine.from, rows);
}

enum { PATH = RUNDIR_PATH + 32 };

static void path_in(char path[PATH], const char *folder, const char *name) {
  snprintf(path, PATH, "%s/%s", folder, name);
}

static void any_ranks_read_what_any_ranks_wrote(void **state) {
  char folder[RUNDIR_PATH], path[PATH];
  Stuff s = stuff_new(), found;
  folder_new(world, folder);
  path_in(path, folder, "a.h5");
  assert_int_equal(save(world, path, &s), OK);
  assert_int_equal(load(world, path, &found), OK);
  assert_loaded(world, &found);
  assert_int_equal(load(alone, path, &found), OK);
  assert_loaded(alone, &found);
  comm_barrier(world);
  path_in(path, folder, "b.h5");
  if (comm_rank(world) == 0) assert_int_equal(save(alone, path, &s), OK);
  comm_barrier(world);
  assert_int_equal(load(world, path, &found), OK);
  assert_loaded(world, &found);
  folder_remove(world, folder);
}

static void flip(const char *path, off_t at, unsigned char bits) {
  unsigned char byte;
  int fd = open(path, O_RDWR);
  assert_true(fd >= 0);
  assert_int_equal(pread(fd, &byte, 1, at), 1);
  byte ^= bits;
  assert_int_equal(pwrite(fd, &byte, 1, at), 1);
  close(fd);
}

static off_t size_of(const char *path) {
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  return info.st_size;
}

/* A flipped bit is refused, unless it lies where nothing is read. */
static void a_flipped_bit_never_gives_wrong_numbers(void **state) {
  char folder[RUNDIR_PATH], path[PATH];
  Stuff s = stuff_new(), found;
  int refused = 0;
  if (comm_rank(world) > 0) return;
  folder_new(alone, folder);
  path_in(path, folder, "a.h5");
  assert_int_equal(save(alone, path, &s), OK);
  for (off_t at = 0; at < size_of(path); at += 5) {
    flip(path, at, 0x10);
    if (load(alone, path, &found))
      refused++;
    else
      assert_loaded(alone, &found);
    flip(path, at, 0x10);
  }
  assert_true(refused > 100);
  assert_int_equal(load(alone, path, &found), OK);
  folder_remove(alone, folder);
}

static void a_short_file_is_refused(void **state) {
  char folder[RUNDIR_PATH], path[PATH];
  Stuff s = stuff_new(), found;
  folder_new(world, folder);
  path_in(path, folder, "a.h5");
  for (int left = 0; left < 4; left++) {
    assert_int_equal(save(world, path, &s), OK);
    if (comm_rank(world) == 0) assert_int_equal(truncate(path, size_of(path) * left / 4), 0);
    comm_barrier(world);
    assert_int_equal(load(world, path, &found), ERR_USER);
    assert_non_null(strstr(err_message(), "a.h5: "));
    comm_barrier(world);
  }
  folder_remove(world, folder);
}

static Err closed(void *self) { return err_user("closed"); }

static void what_was_there_stays_when_writing_fails(void **state) {
  char folder[RUNDIR_PATH], path[PATH];
  Stuff s = stuff_new(), found;
  Field field[FIELDS];
  folder_new(world, folder);
  path_in(path, folder, "a.h5");
  assert_int_equal(save(world, path, &s), OK);
  s.step = 5;
  list_fields(world, &s, field);
  assert_int_equal(checkpoint_save(world, path, field, FIELDS, "", NULL, (Fence){.pass = closed}),
                   ERR_USER);
  assert_string_equal(err_message(), "closed");
  assert_int_equal(load(world, path, &found), OK);
  assert_loaded(world, &found);
  path_in(path, folder, "no-such-folder/a.h5");
  assert_int_equal(save(world, path, &s), ERR_USER);
  assert_non_null(strstr(err_message(), "cannot write: No such file or directory"));
  folder_remove(world, folder);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_ranks_read_what_any_ranks_wrote),
      cmocka_unit_test(a_flipped_bit_never_gives_wrong_numbers),
      cmocka_unit_test(a_short_file_is_refused),
      cmocka_unit_test(what_was_there_stays_when_writing_fails),
  };
  if (comm_start(&argc, &argv, &world)) return 1;
  int part;
  alone = comm_split(world, comm_size(world), &part);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  comm_free(&alone);
  comm_end(&world);
  return failed;
}
