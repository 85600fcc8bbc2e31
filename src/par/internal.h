/* What the files of this room share. */
#ifndef PAR_INTERNAL_H
#define PAR_INTERNAL_H

#include <mpi.h>

#include "base/err.h"
#include "par/comm.h"

typedef struct Watch Watch;

struct Comm {
  MPI_Comm all, node;
  int rank, size, node_rank, node_size;
  Watch *watch;
};

/* par/watch.c */
Watch *watch_new(void);
/* Local. Before the communicator is freed. */
void watch_free(Watch **watch);
/* Collective. Around each blocking call over this communicator; where it is watched, wait until all
 * ranks have come, and end the program when the call then takes too long. */
void watch_begin(const Comm *comm);
void watch_end(const Comm *comm);

/* MPI's failures are ours to report: communicators and windows return codes. */
#define MPI(call)                                                                                \
  do {                                                                                           \
    int code_ = (call);                                                                          \
    if (code_ != MPI_SUCCESS) mpi_die(__FILE__, __LINE__, #call, code_);                         \
  } while (0)
_Noreturn void mpi_die(const char *file, int line, const char *call, int code);

/* What the environment says about how this process was started: as how many copies, which of them
 * this is, the variable that says so, and whether a process manager offers to connect them. */
typedef struct Launch {
  int copies, rank;
  const char *variable;
  bool offered;
} Launch;
Launch launch_seen(void);

#endif
