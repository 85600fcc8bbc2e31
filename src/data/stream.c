/* Windows are numbered in the order in which they are asked for, and window q lies in part
 * q % depth of the slots. Three numbers say all:
 *
 *   first <= q < shown   in memory, found by rows
 *   shown <= q < asked   the thread has it, or will have it
 *
 * and `filled`, which the thread moves from shown towards asked. The windows that follow the last
 * one asked for begin at the cursor. */
#include "data/stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/whole.h"
#include "data/fetch.h"

typedef struct Window {
  uint64_t epoch;
  Range at;      /* positions */
  uint32_t *row; /* (share) rows that this rank fills in */
  Err e;         /* what came of it */
  char message[1024];
} Window;

struct Stream {
  const Comm *comm;
  Dataset *data;
  StreamPlan plan;
  long most; /* slots of a window */
  long used; /* positions of an epoch that some batch takes */
  int depth;
  Window *window; /* (depth) */
  long first, shown, asked;
  uint64_t epoch; /* the cursor */
  long position;

  /* The thread's. */
  pthread_t thread;
  pthread_mutex_t lock; /* of asked, filled, over; a window belongs to who may fill or show it */
  pthread_cond_t news;
  long filled;
  atomic_bool over;
  Fetch fetch;
};

static Window *window_at(const Stream *s, long q) { return &s->window[q % s->depth]; }

static long slot_of(const Stream *s, long q) { return q % s->depth * s->most; }

/* The part of a window that this rank fills, counted from its beginning; block after block. */
static Range share_of(const Stream *s, const Window *window) {
  return range_of(window->at.to - window->at.from, comm_node_rank(s->comm),
                  comm_node_size(s->comm));
}

/* ---- in the thread ---- */

enum { PIECE = 1024 }; /* rows between two looks whether all is over */

static Err fill_share(Stream *s, const Window *window, float *x, Range share) {
  long n = share.to - share.from, dim = shape_size(s->data->shape);
  for (long j = 0; j < n; j++) {
    long position = window->at.from + share.from + j;
    window->row[j] = s->plan.rows->row[order_unmixed(&s->plan.order, window->epoch, position)];
  }
  for (long j = 0; j < n && !s->over; j += PIECE)
    TRY(fetch_rows(&s->fetch, x + j * dim, window->row + j, whole_min(PIECE, n - j), 1));
  return OK;
}

static void fill(Stream *s, long q) {
  Window *window = window_at(s, q);
  Range share = share_of(s, window);
  float *x = (float *)s->data->x + (slot_of(s, q) + share.from) * shape_size(s->data->shape);
  window->e = fill_share(s, window, x, share);
  snprintf(window->message, sizeof window->message, "%s", window->e ? err_message() : "");
}

static void *run(void *self) {
  Stream *s = self;
  pthread_mutex_lock(&s->lock);
  while (!s->over) {
    if (s->filled == s->asked) {
      pthread_cond_wait(&s->news, &s->lock);
      continue;
    }
    long q = s->filled;
    pthread_mutex_unlock(&s->lock);
    fill(s, q);
    pthread_mutex_lock(&s->lock);
    s->filled = q + 1;
    pthread_cond_broadcast(&s->news);
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

/* ---- between steps ---- */

/* The thread has filled all windows before q. */
static void wait_for(Stream *s, long q) {
  pthread_mutex_lock(&s->lock);
  while (s->filled < q) pthread_cond_wait(&s->news, &s->lock);
  pthread_mutex_unlock(&s->lock);
}

static void ask_one(Stream *s) {
  Window *window = window_at(s, s->asked);
  window->epoch = s->epoch;
  window->at = order_window(&s->plan.order, s->epoch, s->position);
  s->position = window->at.to;
  if (s->position >= s->used) s->position = 0, s->epoch += s->plan.epoch_step;
  pthread_mutex_lock(&s->lock);
  s->asked++;
  pthread_cond_broadcast(&s->news);
  pthread_mutex_unlock(&s->lock);
}

/* Nothing that was asked for is wanted; go on elsewhere. */
static void move_to(Stream *s, uint64_t epoch, long position) {
  s->epoch = epoch;
  s->position = order_window(&s->plan.order, epoch, position).from;
}

static bool holds(const Window *window, uint64_t epoch, long position) {
  return window->epoch == epoch && window->at.from <= position && position < window->at.to;
}

/* The rows of a window that this rank filled are found in its slots, or (NOWHERE) no more. */
static void place(Stream *s, long q, bool found) {
  const Window *window = window_at(s, q);
  Range share = share_of(s, window);
  long first = found ? slot_of(s, q) + share.from : (long)NOWHERE;
  dataset_place(s->data, window->row, share.to - share.from, first);
}

static Err show_one(Stream *s) {
  const Window *window = window_at(s, s->shown);
  wait_for(s, s->shown + 1);
  if (window->e) err_set_message(window->message);
  TRY(comm_agree(s->comm, window->e));
  place(s, s->shown++, true);
  return OK;
}

/* Forget windows before that of the position, once no thread of the node writes into their slots
 * any more, and no rank reads from them. */
static void drop(Stream *s, uint64_t epoch, long position) {
  long next = s->first;
  while (next < s->asked && !holds(window_at(s, next), epoch, position)) next++;
  if (next > s->first) {
    wait_for(s, next);
    shared_sync(s->data->away->slots);
  }
  for (; s->first < next; s->first++)
    if (s->first < s->shown) place(s, s->first, false);
  if (s->shown < next) s->shown = next;
  if (next == s->asked) move_to(s, epoch, position);
}

/* Whether the windows in memory, which follow each other, hold positions from .. to - 1. */
static bool shows(const Stream *s, uint64_t epoch, long from, long to) {
  return s->first < s->shown && holds(window_at(s, s->first), epoch, from) &&
         to <= window_at(s, s->shown - 1)->at.to;
}

Err stream_need(Stream *s, uint64_t epoch, long from, long to) {
  CHECK(from < to && to - from <= s->plan.batch && to <= s->used, "positions %ld to %ld of %ld",
        from, to, s->used);
  drop(s, epoch, from);
  while (s->asked - s->first < s->depth) ask_one(s);
  while (!shows(s, epoch, from, to)) TRY(show_one(s));
  return OK;
}

/* ---- begin and end ---- */

/* What would be in memory. */
typedef struct Needs {
  int depth;
  long window, held, all; /* samples */
  size_t streamed, whole; /* bytes */
} Needs;

static Needs needs_of(const Dataset *data, const StreamPlan *plan) {
  const Order *order = &plan->order;
  Needs n = {.depth = (int)order_windows_most(order, plan->batch),
             .window = whole_min(order->block * order->window, order->n),
             .held = plan->held[0].n + plan->held[1].n};
  size_t rows = data->bytes + (size_t)data->rows * sizeof *data->place;
  n.all = n.held + plan->rows->n;
  n.streamed = rows + dataset_room(data, n.depth * n.window + n.held);
  n.whole = rows + dataset_room(data, n.all);
  return n;
}

static double gb(size_t bytes) { return 1e-9 * (double)bytes; }

/* Three digits of what is wanted, rounded to the safe side. */
static Err no_room(const Dataset *data, const StreamPlan *plan, const Needs *n) {
  size_t least = n->whole < n->streamed ? n->whole : n->streamed;
  size_t rows = data->bytes + (size_t)data->rows * sizeof *data->place;
  char windows[256] = "";
  if (plan->rows->n > 0)
    snprintf(windows, sizeof windows,
             "%.3g for %d windows of %ld samples (data.window of %ld blocks of data.block %ld), ",
             gb(dataset_room(data, n->depth * n->window)), n->depth, n->window,
             plan->order.window, plan->order.block);
  return err_user(
      "data.memory_gb: found %.3g GB per node for %s, want at least %.3g: %s%.3g for "
      "%ld samples to validate on, %.3g for labels and weights of %ld rows; raise it, "
      "or lower %sdata.valid_limit",
      plan->memory_gb, data->away->source.path, 1.006 * gb(least), windows,
      gb(dataset_room(data, n->held)), n->held, gb(rows), data->rows,
      plan->rows->n > 0 ? "data.window or " : "");
}

/* All rows stay. */
static Err hold_all(const Comm *comm, Dataset *data, const StreamPlan *plan, int threads) {
  Subset held[3] = {plan->held[0], plan->held[1], *plan->rows};
  log_note("%s: all %ld samples that are used fit into memory", data->away->source.path,
           held[0].n + held[1].n + held[2].n);
  return dataset_hold(data, comm, held, 3, 0, threads);
}

static void make_room(Stream *s) {
  long share = s->most / comm_node_size(s->comm) + 1;
  s->window = MEM_NEW(Window, "stream", s->depth);
  for (int i = 0; i < s->depth; i++) s->window[i].row = MEM_NEW(uint32_t, "stream", share);
  s->fetch = fetch_new(s->data, FETCH_RUN);
}

static void begin(Stream *s) {
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->news, NULL);
  int code = pthread_create(&s->thread, NULL, run, s);
  CHECK(!code, "no thread to read ahead: %s", strerror(code));
}

Err stream_new(Stream **stream, const Comm *comm, Dataset *data, const StreamPlan *plan,
               int threads) {
  Needs needs = needs_of(data, plan);
  double most = plan->memory_gb * 1e9;
  *stream = NULL;
  if ((double)needs.whole <= most) return hold_all(comm, data, plan, threads);
  if ((double)needs.streamed > most) return no_room(data, plan, &needs);
  TRY(dataset_hold(data, comm, plan->held, 2, needs.depth * needs.window, threads));
  log_note("%s: streamed, %d windows of %ld samples and %ld held-out ones in memory, %.3g GB per "
           "node",
           data->away->source.path, needs.depth, needs.window, needs.held, gb(data->bytes));
  Stream *s = *stream = MEM_NEW(Stream, "stream", 1);
  *s = (Stream){.comm = comm,
                .data = data,
                .plan = *plan,
                .most = needs.window,
                .used = plan->order.n / plan->batch * plan->batch,
                .depth = needs.depth};
  make_room(s);
  begin(s);
  return OK;
}

void stream_free(Stream **stream) {
  Stream *s = *stream;
  if (!s) return;
  pthread_mutex_lock(&s->lock);
  s->over = true;
  pthread_cond_broadcast(&s->news);
  pthread_mutex_unlock(&s->lock);
  pthread_join(s->thread, NULL);
  pthread_mutex_destroy(&s->lock);
  pthread_cond_destroy(&s->news);
  fetch_free(&s->fetch);
  for (int i = 0; i < s->depth; i++) mem_free(&s->window[i].row);
  mem_free(&s->window);
  mem_free(stream);
}
