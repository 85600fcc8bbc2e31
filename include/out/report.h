/* The report of one run, or of several side by side: what was run, how training went and whether
 * to believe it, what the scores say, and what the model makes of samples. Each part looks at the
 * files of a run directory that are there and says what is missing:
 *
 *   log.csv             training and the chains' health, with a verdict (out/verdict.h)
 *   energies.h5         energies of training, validation, anomalies and negatives at its end
 *   evidence.json       log Omega and the likelihood of rows       (jetnae evidence)
 *   scores.h5           histograms, ROC, confusion, score against mass  (jetnae score)
 *   reconstructions.h5  the best and the worst, mean images        (jetnae reconstruct)
 *   samples.h5          what the model draws                       (jetnae sample)
 *                       of samples of two features, both: the density of the model in their plane
 *   codes.h5            the latent space                           (jetnae encode)
 *   model.h5            the energy over the codes, latent walks
 *   explained.csv       variance that principal components explain (objective pca)
 *   scan.csv            the curve of a scan                        (jetnae scan)
 *
 * Some 100,000 scores take a second; curves are thinned to what the eye can tell apart. */
#ifndef OUT_REPORT_H
#define OUT_REPORT_H

#include <stdbool.h>

#include "base/err.h"

enum { REPORT_CLASSES = 128, REPORT_FACTS = 16, REPORT_RUNS = 8 };

typedef struct ReportFact {
  const char *name;
  char value[256];
} ReportFact;

/* A run as its configuration describes it. */
typedef struct ReportRun {
  const char *folder;
  int members;                    /* of an ensemble, in folder/member-0, ...; 0: it is none */
  char name[96];                  /* in legends */
  bool is_normal[REPORT_CLASSES]; /* of each label */
  char data[512]; /* what was trained on, in words: runs with other data are not compared */
  int n;
  ReportFact fact[REPORT_FACTS]; /* (n) what a reader asks first */
  const char *config;            /* text; NULL: there is none */
} ReportRun;

/* Local. Write folder/report.html and folder/report/. Errors: none of the runs has anything to
 * show; no gnuplot; cannot be written. */
Err report_write(const char *folder, const ReportRun *run, int n);

#endif
