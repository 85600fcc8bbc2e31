/* A small problem to train on, without files: points of a curved sheet in 12 dimensions with a
 * little noise; class 0 is normal, class 1 lies off the sheet. And folders to train in. */
#ifndef TESTS_PROBLEM_H
#define TESTS_PROBLEM_H

#include "train/rundir.h"
#include "train/train.h"

enum { PROBLEM_DIM = 12, PROBLEM_ROWS = 224 };

typedef struct Problem {
  float *x;
  int8_t *label;
  float *weight;
  uint8_t *ok;
  Dataset data;
  NetSpec spec;
  TrainInput input;
} Problem;

/* 96 rows to train on, 32 to validate, 32 anomalies. Weights differ from 1. */
Problem *problem_new(void);
void problem_free(Problem **problem);

/* Options of a short run of both phases: batches of 32, 4 epochs of each. */
TrainOpts problem_opts(void);

/* Collective. A new empty folder, the same on all ranks. */
void folder_new(const Comm *comm, char path[RUNDIR_PATH]);
void folder_remove(const Comm *comm, const char *path);
/* Owns: the caller, free(). The text of out/name; log.csv without its time columns. */
char *file_text(const char *out, const char *name);
char *log_text(const char *out);
/* Value of a column in the last row of log.csv of that phase ("ae", "nae") that has one; NaN:
 * none. */
double log_last(const char *out, const char *phase, const char *column);

#endif
