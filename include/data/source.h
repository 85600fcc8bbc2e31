/* A source of samples, whatever its format: an open file (or the toy generator) that hands out
 * any range of rows. Two kinds: jets, as four-momenta of constituents, still to be made into an
 * image, a sequence, ...; and dense rows that are samples already.
 *
 * Readers are small tables of functions, found by name (`data.source`) or recognised from the
 * file. Any rank may read any range without the others (no MPI-IO, no file locking): open takes
 * the chunk addresses, read uses plain pread and decompression only and may run in a thread. */
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "data/chirp.h"
#include "data/jet.h"
#include "num/shape.h"

typedef enum SourceKind { SOURCE_JETS, SOURCE_DENSE } SourceKind;

/* Room for a block of rows, filled by read. Arrays that a source does not have stay NULL/unset.
 */
typedef struct Block {
  long rows;
  float *p4;       /* (rows, slots, 4) E, px, py, pz in GeV, zero padded, for SOURCE_JETS */
  float *x;        /* (rows, dim) for SOURCE_DENSE */
  float *target;   /* (rows, dim) what x should become (has_target) */
  int8_t *label;   /* (rows) 0 or 1 (or a digit); -1 unknown */
  float *weight;   /* (rows) 1 when the source has none */
  float *truth;    /* (rows, 4) truth E, px, py, pz, GeV */
  float *mass_gev; /* (rows) for a source that knows it better than its p4 (has_mass) */
} Block;

typedef struct SourceOpts {
  const char *reader; /* "auto", or one of the table's: "toptag" */
  const char *path;   /* file; NULL for rows made inside */
  /* hdf5: dataset paths inside the file; "" where there is none */
  const char *x_path, *target_path, *label_path, *weight_path;
  const char *layout; /* hdf5: "dense" [N,...] or "p4" [N,T,4] (E,px,py,pz) */
  /* idx */
  const char *labels; /* label file; "": images' name with "labels-idx1" for "images-idx3" */
  double scale;       /* idx: bytes are multiplied by it (1/255) */
  /* rows made inside */
  long toy_jets; /* half QCD-like, half top-like */
  uint64_t seed;
  ChirpOpts chirp;
} SourceOpts;

typedef struct Reader Reader;
typedef struct Source {
  const Reader *reader;
  SourceKind kind;
  long rows;
  int slots;   /* constituents per jet */
  Shape shape; /* SOURCE_DENSE */
  bool has_label, has_weight, has_truth, has_mass;
  bool has_target; /* SOURCE_DENSE: samples come in pairs, noisy and clean */
  bool raw_image;  /* SOURCE_DENSE: jet images that still want image_finish */
  char path[1024];
  void *file; /* the reader's own */
} Source;

struct Reader {
  const char *name, *help;
  /* True when the file looks like this reader's. NULL: never guessed. */
  bool (*knows)(const char *path);
  bool makes_rows; /* wants no file */
  Err (*open)(Source *source, const SourceOpts *opts);
  /* Rows from .. to - 1 into block (arrays big enough; block->rows is set). Thread-safe. */
  Err (*read)(const Source *source, Block *block, long from, long to);
  void (*close)(Source *source);
  /* A rank should read multiples of this many rows (a chunk); 1 when it does not matter. */
  long (*grain)(const Source *source);
  bool anywhere; /* rows from any place cost what rows in order cost: they may be streamed */
  /* Whether images already made agree with the options asked for. NULL: nothing to check. */
  Err (*check)(const Source *source, const ImageOpts *opts);
};

/* Local: each rank opens and reads for itself. Owns: the caller, source_close. Errors: no such
 * file, not HDF5, truncated, foreign, wrong members, missing filter, ...; there is nothing to
 * close then. */
Err source_open(Source *source, const SourceOpts *opts);
/* Local. Rows from .. to - 1 into block. Thread-safe. Errors: the reader's. */
Err source_read(const Source *source, Block *block, long from, long to);
void source_close(Source *source);
const Reader *reader_at(int i);

/* Owns: the caller, block_free. */
Block block_new(const Source *source, long rows);
void block_free(Block *block);

#endif
