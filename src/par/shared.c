#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/mem.h"
#include "internal.h"

struct Shared {
  void *data;
  MPI_Comm node;  /* borrowed */
  MPI_Win window; /* MPI_WIN_NULL: plain memory, this rank is alone on its node */
};

/* Where the MPI library keeps its windows: files in memory. */
static const char *backing(void) {
  const char *directory = getenv("OMPI_MCA_osc_sm_backing_directory");
  return directory ? directory : "/dev/shm";
}

/* Wanted besides, for what MPI itself keeps there. */
enum { RESERVE = 4 << 20 };

/* Bytes that the node still has there; a huge number where there is nothing to look at. */
static unsigned long long room(void) {
  struct statvfs fs;
  if (statvfs(backing(), &fs)) return ~0ull;
  return (unsigned long long)fs.f_bavail * fs.f_frsize;
}

/* Without this look, a full memory file system ends the program with a bus error at first touch.
 */
static Err look_for_room(const Comm *comm, const char *name, size_t bytes) {
  unsigned long long found = comm->node_rank ? 0 : room();
  MPI(MPI_Bcast(&found, 1, MPI_UNSIGNED_LONG_LONG, 0, comm->node));
  unsigned long long want = (unsigned long long)bytes + RESERVE;
  if (want <= found) return OK;
  return err_user(
      "shared memory: found %.1f MB free in %s, want %.1f MB for %s (one copy per "
      "node); enlarge it (mount -o remount,size=...), take more nodes or less data, or "
      "run one rank per node with more threads",
      (double)found * 1e-6, backing(), (double)want * 1e-6, name);
}

/* All bytes belong to the node's first rank; the pages go where they are first touched. */
static Err make_window(Shared *shared, const Comm *comm, const char *name, size_t bytes) {
  void *mine;
  MPI_Aint size = comm->node_rank ? 0 : (MPI_Aint)bytes;
  int unit = 1, bad, code;
  code = MPI_Win_allocate_shared(size, unit, MPI_INFO_NULL, comm->node, &mine, &shared->window);
  bad = code != MPI_SUCCESS;
  MPI(MPI_Allreduce(MPI_IN_PLACE, &bad, 1, MPI_INT, MPI_MAX, comm->node));
  if (bad)
    return err_user("shared memory: MPI found no room in %s, want %.1f MB for %s; enlarge it, or "
                    "run one rank per node with more threads",
                    backing(), (double)bytes * 1e-6, name);
  MPI(MPI_Win_set_errhandler(shared->window, MPI_ERRORS_RETURN));
  MPI(MPI_Win_shared_query(shared->window, 0, &size, &unit, &shared->data));
  MPI(MPI_Win_lock_all(MPI_MODE_NOCHECK, shared->window));
  return OK;
}

Err shared_new(Shared **out, const Comm *comm, const char *name, size_t bytes) {
  *out = NULL;
  Shared *shared = MEM_NEW(Shared, "shared window", 1);
  shared->node = comm->node;
  shared->window = MPI_WIN_NULL;
  if (comm->node_size == 1) {
    shared->data = mem_new(name, bytes ? bytes : 1, 1);
  } else {
    Err e = look_for_room(comm, name, bytes);
    if (!e) e = make_window(shared, comm, name, bytes);
    if (e) return mem_free(&shared), e;
  }
  *out = shared;
  return OK;
}

void *shared_data(const Shared *shared) { return shared->data; }

/* The first call publishes what this rank wrote, the second sees what the others did. */
void shared_sync(Shared *shared) {
  if (shared->window == MPI_WIN_NULL) return;
  MPI(MPI_Win_sync(shared->window));
  MPI(MPI_Barrier(shared->node));
  MPI(MPI_Win_sync(shared->window));
}

void shared_free(Shared **shared) {
  Shared *s = *shared;
  if (!s) return;
  if (s->window == MPI_WIN_NULL) {
    mem_free(&s->data);
  } else {
    MPI(MPI_Win_unlock_all(s->window));
    MPI(MPI_Win_free(&s->window));
  }
  mem_free(shared);
}
