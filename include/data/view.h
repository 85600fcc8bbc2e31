/* Views: what a jet becomes before a network sees it. An image, a sequence of its constituents, a
 * few observables; each is a small table of functions, found by name (`data.view`), so that a new
 * one is one file and one table line. Samples of a source without constituents stay what they
 * are.
 *
 *   image     (1, H, W)  the jet image of data/jet.h
 *   sequence  (3, 1, T)  the T hardest constituents in the jet's own frame, hardest first: share
 *                        of the jet's pT, eta', phi'; a point of zeros is absent
 *   features  (F, 1, 1)  observables of the whole jet, in this order:
 *
 *     mass, pt      GeV, of the sum of all constituents' four-momenta
 *     multiplicity  constituents (from here on: those that take part, data.constituents)
 *     width         sum_k pT_k dR(k, jet axis) / sum_k pT_k, the axis being the pT-weighted mean
 *     ptd           sqrt(sum_k pT_k^2) / sum_k pT_k
 *     tau1 .. tau3  N-subjettiness (data/substructure.h)
 *     tau21, tau32  tau2 / tau1, tau3 / tau2; 0 where the denominator is 0
 *     c2            energy correlator
 *
 * A view is a function of one jet and the options: the same bits whoever computes it. */
#ifndef DATA_VIEW_H
#define DATA_VIEW_H

#include "data/source.h"

enum { POINTS_MOST = 100 };

typedef struct ViewOpts {
  const char *name; /* "image", "sequence", "features" */
  ImageOpts image;  /* its `constituents` holds for every view */
  int points;       /* T of a sequence */
} ViewOpts;
ViewOpts view_defaults(void);

/* A jet as its source has it. */
typedef struct Jet {
  const float *p4; /* (slots, 4) E, px, py, pz in GeV */
  int slots;
  double mass_gev;
} Jet;

typedef struct View {
  const char *name;
  const char *const *names; /* of the channels; ended by NULL */
  bool standardise;         /* what data.standardise=auto means: units differ */
  bool absent;              /* zeros say that a point is absent, and must stay zero */
  /* Errors: options out of range. NULL: nothing to check. */
  Err (*check)(const ViewOpts *opts);
  Shape (*shape)(const ViewOpts *opts);
  /* x (dim) from a jet; undefined when the verdict is not JET_OK. */
  JetVerdict (*make)(float *x, const Jet *jet, const ViewOpts *opts);
} View;

/* The view of that name; NULL when there is none. */
const View *view_find(const char *name);
/* The i-th view; NULL past the end. */
const View *view_at(int i);

/* The names of its channels in one line: "mass, pt, ..."; of no view: "". */
void view_features_text(char *text, size_t size, const View *view);

/* Whether the rows of a source can be seen like this. Errors: no constituents; what is out of
 * range. */
Err view_check(const Source *source, const ViewOpts *opts);
/* Of one sample. */
Shape view_shape(const Source *source, const ViewOpts *opts);

/* What came of a row. */
typedef struct Sample {
  JetVerdict verdict;
  float weight, mass_gev; /* 0 when it was refused; mass 0 where there are no jets */
} Sample;
/* Make row i of the block into a sample, x (dim), zero when it is refused; x may be the row
 * itself. x NULL: only look whether the jet can be used. */
Sample view_sample(float *x, const Source *source, const Block *block, long i,
                   const ViewOpts *opts);

#endif
