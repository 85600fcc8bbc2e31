/* The parts of a report: each adds what it finds, and nothing when there is nothing. They return
 * whether they did. */
#ifndef OUT_REPORT_PARTS_H
#define OUT_REPORT_PARTS_H

#include "out/page.h"
#include "out/report.h"
#include "out/runlog.h"

/* Of all runs together. */
bool report_training(Page *page, const ReportRun *run, int n);
bool report_evidence(Page *page, const ReportRun *run, int n);
bool report_scores(Page *page, const ReportRun *run, int n);
bool report_explained(Page *page, const ReportRun *run, int n);
/* Of each run by itself. */
bool report_energies(Page *page, const ReportRun *run);
bool report_mass(Page *page, const ReportRun *run);
bool report_images(Page *page, const ReportRun *run);
bool report_plane(Page *page, const ReportRun *run);
bool report_codes(Page *page, const ReportRun *run);
bool report_model(Page *page, const ReportRun *run);
bool report_scan(Page *page, const ReportRun *run);

/* "folder/file" of a run. */
enum { REPORT_PATH = 4200 };
void report_path(char path[REPORT_PATH], const ReportRun *run, const char *file);
/* Whether the run has the file. */
bool report_has(const ReportRun *run, const char *file);
/* A colour of its own for run i. */
Colour report_colour(int i);
/* The label of an axis of energies: of any of n runs. */
const char *report_energy_label(const ReportRun *run, int n);
/* "name, what", or "what" alone for a single run. */
void report_legend(char name[96], const ReportRun *run, int n, const char *what);
/* A file that is there but cannot be read: the message of the error goes into the page. */
void report_complain(Page *page);

/* A numeric data set of a file, whole or in part. */
typedef struct Data {
  long rows, row; /* row: numbers of one */
  int rank;
  long dims[8];  /* rows first */
  double *value; /* (rows, row); NULL: only the shape is known */
} Data;
/* Owns: the caller, data_free. False: it is not there, is empty or is not of numbers. */
bool data_read(Data *data, const char *path, const char *name);
/* The shape alone. */
bool data_shape(Data *data, const char *path, const char *name);
/* At most n rows, from `from` on; false also when there are none. */
bool data_rows(Data *data, const char *path, const char *name, long from, long n);
void data_free(Data *data);

/* gnuplot's command for an axis with the names of the n features of a sample, from model.h5. Owns:
 * the caller, free(). NULL: it has not so many names. */
char *report_feature_axis(const ReportRun *run, long n);

#endif
