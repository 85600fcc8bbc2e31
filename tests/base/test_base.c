/* Errors, memory and the nearest word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/spelling.h"

static Err inner(void) { return err_user("found %d, want %d", 3, 4); }

static Err outer(void) {
  TRY(OK);
  TRY(inner());
  return OK;
}

static void messages_are_kept_and_prefixed(void **state) {
  err_clear();
  assert_string_equal(err_message(), "");
  assert_int_equal(outer(), ERR_USER);
  assert_string_equal(err_message(), "found 3, want 4");
  assert_int_equal(err_where(ERR_USER, "%s:%d: ", "a.yaml", 7), ERR_USER);
  assert_string_equal(err_message(), "a.yaml:7: found 3, want 4");
  assert_int_equal(err_where(OK, "nothing: "), OK);
  assert_string_equal(err_message(), "a.yaml:7: found 3, want 4");
}

/* A message that is too long is cut, at its end. */
static void long_messages_are_cut(void **state) {
  char text[10000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  assert_int_equal(err_user("%s", text), ERR_USER);
  size_t length = strlen(err_message());
  assert_true(length > 1000 && length < sizeof text);
  err_where(ERR_USER, "here: ");
  assert_int_equal(strlen(err_message()), length);
  assert_memory_equal(err_message(), "here: xx", 8);
}

static void arrays_are_zero_aligned_and_counted(void **state) {
  size_t before = mem_total();
  double *a = MEM_NEW(double, "the larger", 1001);
  char *b = MEM_NEW(char, "the smaller", 1);
  assert_int_equal((uintptr_t)a % 64, 0);
  assert_int_equal((uintptr_t)b % 64, 0);
  for (int i = 0; i < 1001; i++) assert_true(a[i] == 0);
  assert_true(mem_total() >= before + 1001 * sizeof *a + 1);
  char text[256];
  mem_describe(text, sizeof text, 1);
  assert_non_null(strstr(text, "the larger"));
  assert_null(strstr(text, "the smaller"));
  mem_free(&a);
  mem_free(&b);
  assert_null(a);
  mem_free(&a);
  assert_int_equal(mem_total(), before);
}

static const char *candidate(const void *of, int i) { return ((const char *const *)of)[i]; }

static void nearest_is_the_smallest_edit(void **state) {
  static const char *const words[] = {"train", "score", "store", NULL}, *const none[] = {NULL};
  assert_string_equal(spelling_nearest("trian", candidate, words), "train");
  assert_string_equal(spelling_nearest("sore", candidate, words), "score"); /* first of equals */
  assert_string_equal(spelling_nearest("stor", candidate, words), "store");
  assert_string_equal(spelling_nearest("x", candidate, none), "");
  assert_int_equal(spelling_distance("kitten", "sitting"), 3);
  assert_int_equal(spelling_distance("", "abc"), 3);
  assert_int_equal(spelling_distance("form", "from"), 1);
  assert_int_equal(spelling_distance("same", "same"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_are_kept_and_prefixed),
      cmocka_unit_test(long_messages_are_cut),
      cmocka_unit_test(arrays_are_zero_aligned_and_counted),
      cmocka_unit_test(nearest_is_the_smallest_edit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
