/* The lean layout: what `prepare` and `generate` write. One HDF5 file that plain h5py opens; jets
 * keep their filled slots only, images their pixels that are not zero. Sample i has the values
 * offset[i] .. offset[i+1] - 1:
 *
 *   offset   (N + 1)  int64    where a sample's values begin
 *   momentum (M, 3)   float32  px, py, pz of the constituents, GeV         (jets)
 *   energy   (M)      float32  their E, GeV, if it was asked for           (jets)
 *   pixel    (M)      uint16   index into (C, H, W), the last axis fastest (pixels)
 *   value    (M)      float32  what the pixel holds                        (pixels)
 *   label    (N)      int8     0 or 1 (or a digit), -1 unknown
 *   weight   (N)      float32  of the sample
 *   truth    (N, 4)   float32  E, px, py, pz of the true particle, GeV
 *   mass     (N)      float32  of the jet, from all four components, GeV
 *
 * Momenta, pixels, weights, labels and masses are kept to the last bit. Without `energy` a
 * constituent is read back as massless, E = |p|: no image depends on it, and the jet's mass is
 * kept. A row that was refused keeps its place, without values.
 *
 * Writing: rank 0 lays the file out, every rank writes its rows at their addresses with plain
 * writes; nothing depends on MPI-IO. Memory does not grow with the file. Reading: plain reads at
 * addresses that are taken at opening, so from any thread. */
#ifndef IO_LEAN_H
#define IO_LEAN_H

#include <stdbool.h>
#include <stdint.h>

#include "par/comm.h"

typedef enum LeanLayout { LEAN_JETS, LEAN_PIXELS } LeanLayout;

typedef struct LeanSpec {
  LeanLayout layout;
  long rows;    /* N */
  int slots;    /* jets: most constituents of one */
  int shape[3]; /* pixels: C, H, W */
  bool has_energy, has_label, has_weight, has_truth, has_mass;
} LeanSpec;

/* Rows as they are in memory, dense. Arrays that the file does not have are NULL. */
typedef struct LeanRows {
  long rows;
  float *p4; /* (rows, slots, 4) E, px, py, pz in GeV, zero padded */
  float *x;  /* (rows, C, H, W) */
  int8_t *label;
  float *weight;   /* (rows) */
  float *truth;    /* (rows, 4) */
  float *mass_gev; /* (rows) */
} LeanRows;

typedef struct LeanWriter LeanWriter;

/* Collective. Begin a file under a temporary name; `most` rows go to one append of a rank.
 * Errors: cannot be written. */
Err lean_create(LeanWriter **writer, const Comm *comm, const char *path, const LeanSpec *spec,
                long most);
/* Local; what rank 0 says counts. Note something about the file in an attribute, before the first
 * append. A later note of the same name (and length of text) replaces it. */
void lean_note_text(LeanWriter *writer, const char *name, const char *text);
void lean_note_number(LeanWriter *writer, const char *name, double number);
/* Collective. The next rows: those of rank 0, then those of rank 1, ... Errors: disk full. */
Err lean_append(LeanWriter *writer, const LeanRows *rows);
/* Collective. All spec.rows are there: sync, close, rename; on an error (given or new) the
 * temporary file is removed. Frees the writer. Errors: e; disk full. */
Err lean_finish(LeanWriter **writer, Err e);

typedef struct Lean Lean;

/* True for a lean file; no messages. */
bool lean_knows(const char *path);
/* Local. Owns: the caller, lean_close. Errors: another format or version, damaged, truncated;
 * there is nothing to close then. */
Err lean_open(Lean **lean, const char *path);
void lean_close(Lean **lean);
LeanSpec lean_spec(const Lean *lean);
/* A number noted in the file; `otherwise` when it is not there. */
double lean_number(const Lean *lean, const char *name, double otherwise);
/* Local. Rows from .. to - 1 into the arrays of `rows` that are not NULL. Thread-safe. Errors:
 * damaged. */
Err lean_read(const Lean *lean, LeanRows *rows, long from, long to);

#endif
