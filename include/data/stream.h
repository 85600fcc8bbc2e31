/* Training on more than fits into memory. Samples pass by in the windows of an order
 * (data/order.h): those of the window that is trained on, and behind it those of the next one,
 * which a thread of each rank makes ready meanwhile. Every node has each window once; its ranks
 * fill a share each. Rows that are wanted again and again, held-out ones, stay.
 *
 *     positions of the epoch   . . . [ window 6 ][ window 7 ][ window 8 ] . . .
 *     slots of the data set            one half    the other   waits for the first
 *
 * A batch that begins in one window and ends in the next has both; the next but one waits then.
 * (Windows smaller than a batch: as many as a batch can touch.) The thread reads and computes
 * only; the rest, MPI, places and errors, happens in stream_need, between steps.
 *
 * What passes by is the same bits as in memory, and who takes it does not notice: dataset_tile
 * finds any row of the batch. */
#ifndef DATA_STREAM_H
#define DATA_STREAM_H

#include "data/dataset.h"
#include "data/order.h"

typedef struct Stream Stream;

/* What is going to be wanted. */
typedef struct StreamPlan {
  const Subset *rows; /* that the order walks */
  Order order;
  long batch;          /* positions of one call, which never reach into another epoch */
  uint64_t epoch_step; /* from one epoch's number to the next one's */
  Subset held[2];      /* rows that stay, none in common with the others */
  double memory_gb;    /* of one node, for this data set */
} StreamPlan;

/* Collective. Of a data set whose samples are away; standardised before, if at all. *stream NULL
 * afterwards: all rows of the plan fit and are held. Owns: the caller, stream_free before the
 * data set. Borrows the data and plan->rows. Errors: no room, with what takes how much; cannot be
 * read. */
Err stream_new(Stream **stream, const Comm *comm, Dataset *data, const StreamPlan *plan,
               int threads);
void stream_free(Stream **stream);

/* Collective. The samples of positions from .. to - 1 of the epoch are in memory until the next
 * call; waits when they are not ready. Any order of calls is right, the order of training is
 * fast. Errors: on all ranks, what went wrong in the thread of one. */
Err stream_need(Stream *stream, uint64_t epoch, long from, long to);

#endif
