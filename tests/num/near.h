/* cmocka with what it needs before it, and a comparison of doubles with an error. */
#ifndef TESTS_NEAR_H
#define TESTS_NEAR_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* |found - want| <= error; NaN fails. */
#define assert_near(found, want, error)                                                          \
  do {                                                                                           \
    double found_ = (double)(found), want_ = (double)(want), error_ = (double)(error);           \
    if (!(fabs(found_ - want_) <= error_))                                                       \
      fail_msg("%s = %.9g, want %.9g +- %.3g", #found, found_, want_, error_);                   \
  } while (0)

#endif
