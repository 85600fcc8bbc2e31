/* Errors, of two kinds.
 *
 * The outside world (configuration, data, files) fails with an Err: the message is stored where
 * the failure is seen, the code is passed up, and the program prints the message once, from one
 * rank, after all ranks agreed on it (par/comm.h). Bugs, exhausted memory and failures inside MPI
 * or HDF5 end the whole program at once with rank, file and line: DIE, CHECK.
 *
 * An Err is the exit code of the program. Each thread has a message of its own: a thread that
 * fails must hand its message over. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

typedef enum Err { OK = 0, ERR_FAULT = 1, ERR_USER = 2, ERR_STOPPED = 75 } Err;

/* Store a message that says where, what was found, what was wanted and what to do;
 * return ERR_USER. A later message replaces an earlier one. */
Err err_user(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Put words before the stored message ("configs/x.yaml:14: "); return e. */
Err err_where(Err e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The stored message; "" when there is none. Borrows: static storage. */
const char *err_message(void);
void err_set_message(const char *message);
void err_clear(void);

/* End the program: message with rank, file and line on stderr, then the hook (MPI_Abort). */
_Noreturn void err_die(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void err_set_abort(void (*hook)(int code), int rank);

#define DIE(...) err_die(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition, ...)                                                                    \
  do {                                                                                           \
    if (!(condition)) DIE(__VA_ARGS__);                                                          \
  } while (0)
#define TRY(call)                                                                                \
  do {                                                                                           \
    Err try_ = (call);                                                                           \
    if (try_) return try_;                                                                       \
  } while (0)

#endif
