/* The watchdog. Over a communicator that is watched a barrier that does not block goes before each
 * collective: while it is not complete, the ranks that wait say so to two of them, the first and
 * the last, and when the time is over one of these two knows who has said nothing.
 *
 * The collective itself then blocks, which is several times faster for large messages. A rank that
 * stops in the middle of one leaves the others to a timer, which can not know its name. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "internal.h"

enum { TAG_WAITING = 2, LINE = 1024, TICKS = 64 };
static const double grace_s = 5;

/* Who a rank is to people. */
typedef struct Name {
  int rank; /* in the world */
  char host[60];
} Name;

struct Watch {
  double limit_s;
  int64_t entered; /* collectives so far: the same number on all ranks */
  /* The last one for which this rank has told each listener that it waits: MPI reads it until the
   * request is done. */
  int64_t said[2];
  MPI_Request sent[2];
  /* (size) the last one for which each rank has said so; NULL: not a listener. */
  int64_t *waiting;
  Name *name; /* (size) */
};

/* Owns: the caller, mem_free. Collective. */
static Name *gather_names(const Comm *comm) {
  Name *all = MEM_NEW(Name, "names of ranks", comm->size), mine = {0};
  MPI(MPI_Comm_rank(MPI_COMM_WORLD, &mine.rank));
  gethostname(mine.host, sizeof mine.host - 1);
  MPI(MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all, sizeof mine, MPI_BYTE, comm->all));
  return all;
}

void comm_hosts(const Comm *comm, char *text, size_t size) {
  Name *name = gather_names(comm);
  size_t used = 0;
  *text = 0;
  for (int r = 0, n; r < comm->size && used < size; r += n) {
    for (n = 1; r + n < comm->size && !strcmp(name[r].host, name[r + n].host);) n++;
    used +=
        (size_t)snprintf(text + used, size - used, "%s%s x %d", r ? ", " : "", name[r].host, n);
  }
  mem_free(&name);
}

/* ---- the timer ---- */

static volatile sig_atomic_t ticks_left;
static char stuck[512]; /* what is said then */

static void on_tick(int number) {
  (void)number;
  if (--ticks_left > 0) return;
  ssize_t said = stop_requested() ? 0 : write(STDERR_FILENO, stuck, strlen(stuck));
  (void)said;
  _exit(ERR_FAULT);
}

/* Ticks are counted, and not the time: while this rank itself is stopped there are none. */
static void set_timer(double tick_s) {
  time_t seconds = (time_t)tick_s;
  struct timeval tick = {seconds, (suseconds_t)((tick_s - (double)seconds) * 1e6)};
  setitimer(ITIMER_REAL, &(struct itimerval){tick, tick}, NULL);
}

static void catch_ticks(double limit_s) {
  struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  snprintf(stuck, sizeof stuck,
           "jetnae: watchdog: for %.3g minutes (watchdog.minutes) an exchange between all ranks "
           "has not ended, though all have come to it. One of them hangs, or the network "
           "between them; the last checkpoint is whole\n",
           limit_s / 60);
}

/* ---- the barrier ---- */

static int listener(const Comm *comm, int i) { return i ? comm->size - 1 : 0; }

void comm_watch(const Comm *comm, double minutes) {
  Watch *watch = comm->watch;
  watch->limit_s = comm->size > 1 ? 60 * minutes : 0;
  if (watch->limit_s <= 0 || watch->name) return;
  watch->name = gather_names(comm);
  catch_ticks(watch->limit_s);
  if (comm->rank == listener(comm, 0) || comm->rank == listener(comm, 1))
    watch->waiting = MEM_NEW(int64_t, "watchdog", comm->size);
}

Watch *watch_new(void) {
  Watch *watch = MEM_NEW(Watch, "watchdog", 1);
  watch->sent[0] = watch->sent[1] = MPI_REQUEST_NULL;
  return watch;
}

/* A word that nobody has taken: cancelled, waiting for it depends on no other rank. */
static void end_sent(MPI_Request *sent) {
  if (*sent == MPI_REQUEST_NULL) return;
  MPI(MPI_Cancel(sent));
  MPI(MPI_Wait(sent, MPI_STATUS_IGNORE));
}

void watch_free(Watch **watch) {
  for (int i = 0; i < 2; i++) end_sent(&(*watch)->sent[i]);
  mem_free(&(*watch)->waiting);
  mem_free(&(*watch)->name);
  mem_free(watch);
}

static void say_waiting(const Comm *comm, int i) {
  Watch *watch = comm->watch;
  int done;
  MPI(MPI_Test(&watch->sent[i], &done, MPI_STATUS_IGNORE));
  if (!done) return; /* the listener has not even taken the last word: it is late itself */
  watch->said[i] = watch->entered;
  MPI(MPI_Isend(&watch->said[i], 1, MPI_INT64_T, listener(comm, i), TAG_WAITING, comm->all,
                &watch->sent[i]));
}

static void hear_waiting(const Comm *comm) {
  int there = 1;
  MPI_Status status;
  while (there) {
    MPI(MPI_Iprobe(MPI_ANY_SOURCE, TAG_WAITING, comm->all, &there, &status));
    if (there)
      MPI(MPI_Recv(&comm->watch->waiting[status.MPI_SOURCE], 1, MPI_INT64_T, status.MPI_SOURCE,
                   TAG_WAITING, comm->all, MPI_STATUS_IGNORE));
  }
}

/* Who has come to the last collective, or to this one, and waits has said so: some collectives let
 * one rank go on while another waits. */
static void list_late(const Comm *comm, char line[LINE]) {
  const Watch *watch = comm->watch;
  size_t used = 0;
  *line = 0;
  for (int r = 0; r < comm->size && used < LINE; r++)
    if (r != comm->rank && watch->waiting[r] < watch->entered - 1)
      used += (size_t)snprintf(line + used, LINE - used, "%s%d (%s)", used ? ", " : "",
                               watch->name[r].rank, watch->name[r].host);
}

/* An exit without a goodbye: launchers end the other ranks at once, and unlike MPI_Abort it does
 * not depend on what hangs. */
static void give_up(const Comm *comm) {
  char line[LINE] = "some";
  if (comm->watch->waiting) list_late(comm, line);
  bool ending = !*line && stop_requested(); /* the launcher ends ranks that had come this far */
  if (ending) _exit(ERR_FAULT);
  if (!*line) snprintf(line, sizeof line, "none, so that the network between them must be gone");
  fprintf(
      stderr,
      "jetnae: watchdog: for %.3g minutes (watchdog.minutes) these ranks have not come to where "
      "the others wait: %s. They hang, or their nodes or disks do; the last checkpoint is "
      "whole\n",
      comm->watch->limit_s / 60, line);
  _exit(ERR_FAULT);
}

/* The first rank speaks when the time is over, a little later the last one (the first may be the
 * one that hangs), and then everybody. After a signal all wait longer: it may be the launcher, which
 * ends the ranks because another has spoken. */
static double patience(const Comm *comm) {
  double limit_s = comm->watch->limit_s + (stop_requested() ? 2 * grace_s : 0);
  if (comm->rank == listener(comm, 0)) return limit_s;
  return limit_s + (comm->rank == listener(comm, 1) ? grace_s : 2 * grace_s);
}

static void look_around(const Comm *comm, double waited) {
  Watch *watch = comm->watch;
  for (int i = 0; i < 2 && waited > watch->limit_s / 4; i++)
    if (watch->said[i] != watch->entered) say_waiting(comm, i);
  if (watch->waiting) hear_waiting(comm);
  if (waited > patience(comm)) give_up(comm);
}

static void wait_for_all(const Comm *comm) {
  Watch *watch = comm->watch;
  MPI_Request request;
  int done = 0;
  watch->entered++;
  MPI(MPI_Ibarrier(comm->all, &request));
  MPI(MPI_Test(&request, &done, MPI_STATUS_IGNORE));
  double started = clock_now(), looked = started;
  while (!done) {
    double now = clock_now(), since = now - looked;
    if (since > watch->limit_s / 4) started = now; /* this rank itself was away: no judge */
    if (since > watch->limit_s / TICKS) look_around(comm, (looked = now) - started);
    MPI(MPI_Test(&request, &done, MPI_STATUS_IGNORE));
  }
}

void watch_begin(const Comm *comm) {
  const Watch *watch = comm->watch;
  if (watch->limit_s <= 0) return;
  wait_for_all(comm);
  ticks_left = 1 + (int)(TICKS * patience(comm) / watch->limit_s);
  set_timer(watch->limit_s / TICKS);
}

void watch_end(const Comm *comm) {
  if (comm->watch->limit_s > 0) set_timer(0);
}
