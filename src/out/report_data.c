/* Files of a run directory. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "model/h5.h"
#include "model/model.h"
#include "report_parts.h"

void report_path(char path[REPORT_PATH], const ReportRun *run, const char *file) {
  snprintf(path, REPORT_PATH, "%s/%s", run->folder, file);
}

bool report_has(const ReportRun *run, const char *file) {
  char path[REPORT_PATH];
  report_path(path, run, file);
  return access(path, R_OK) == 0;
}

static bool is_scalar(const ReportRun *run) {
  char path[REPORT_PATH], energy[24] = "";
  hid_t file;
  report_path(path, run, "model.h5");
  if (!report_has(run, "model.h5") || h5_open(&file, path, "a model")) return false;
  h5_get_text(file, "energy", energy, sizeof energy);
  h5_close(file);
  return !strcmp(energy, "scalar");
}

const char *report_energy_label(const ReportRun *run, int n) {
  for (int i = 0; i < n; i++)
    if (is_scalar(&run[i])) return "energy";
  return "energy (error per feature)";
}

Colour report_colour(int i) { return (Colour)(i % GREY); }

void report_legend(char name[96], const ReportRun *run, int n, const char *what) {
  if (n == 1)
    snprintf(name, 96, "%s", what);
  else
    snprintf(name, 96, "%.60s%s%s", run->name, *what ? ", " : "", what);
}

void report_complain(Page *page) {
  page_html(page, "<p>Left out: ");
  page_text(page, err_message());
  page_html(page, "</p>\n");
  err_clear();
}

static bool read_shape(Data *data, hid_t set) {
  hsize_t dims[8];
  hid_t space = H5Dget_space(set), type = H5Dget_type(set);
  H5T_class_t class = H5Tget_class(type);
  int rank = H5Sget_simple_extent_ndims(space);
  bool good = rank >= 1 && rank <= 8 && (class == H5T_FLOAT || class == H5T_INTEGER);
  if (good) H5Sget_simple_extent_dims(space, dims, NULL);
  H5Tclose(type);
  H5Sclose(space);
  *data = (Data){.row = 1, .rank = rank};
  for (int i = 0; i < rank && good; i++) data->dims[i] = (long)dims[i];
  for (int i = 1; i < rank && good; i++) data->row *= data->dims[i];
  data->rows = good ? data->dims[0] : 0;
  return good && data->rows * data->row > 0;
}

/* Open the data set and take its shape. -1: there is none that will do. */
static hid_t open_set(Data *data, hid_t *file, const char *path, const char *name) {
  *data = (Data){0};
  *file = -1;
  if (h5_open(file, path, "a file of a run")) return -1;
  hid_t set = h5_find(*file, name);
  if (set >= 0 && H5Iget_type(set) == H5I_DATASET && read_shape(data, set)) return set;
  h5_close(set);
  return -1;
}

bool data_shape(Data *data, const char *path, const char *name) {
  hid_t file, set = open_set(data, &file, path, name);
  h5_close(set), h5_close(file);
  return set >= 0;
}

/* Rows from .. from + rows - 1 of the set. */
static bool read_part(Data *data, hid_t set, long from) {
  hsize_t start[8] = {(hsize_t)from}, count[8];
  for (int i = 0; i < data->rank; i++) count[i] = (hsize_t)data->dims[i];
  hid_t there = H5Dget_space(set), here = H5Screate_simple(data->rank, count, NULL);
  H5Sselect_hyperslab(there, H5S_SELECT_SET, start, NULL, count, NULL);
  data->value = MEM_NEW(double, "data of a report", data->rows * data->row);
  bool good = H5Dread(set, H5T_NATIVE_DOUBLE, here, there, H5P_DEFAULT, data->value) >= 0;
  H5Sclose(here), H5Sclose(there);
  return good;
}

bool data_rows(Data *data, const char *path, const char *name, long from, long n) {
  hid_t file, set = open_set(data, &file, path, name);
  bool good = set >= 0 && from < data->rows;
  if (good) {
    data->rows = data->dims[0] = data->rows - from < n ? data->rows - from : n;
    good = read_part(data, set, from);
  }
  h5_close(set), h5_close(file);
  if (!good) data_free(data);
  return good;
}

bool data_read(Data *data, const char *path, const char *name) {
  return data_rows(data, path, name, 0, LONG_MAX);
}

char *report_feature_axis(const ReportRun *run, long n) {
  char path[REPORT_PATH], names[FEATURES_TEXT] = "", *text = NULL;
  hid_t file, input = -1;
  size_t size;
  report_path(path, run, "model.h5");
  if (!report_has(run, "model.h5") || h5_open(&file, path, "a model")) return NULL;
  input = h5_find(file, "input");
  if (input >= 0) h5_get_text(input, "features", names, sizeof names);
  h5_close(input), h5_close(file);
  FILE *to = open_memstream(&text, &size);
  CHECK(to, "no memory for names of features");
  long found = 0;
  for (char *rest = names, *name; (name = strtok_r(rest, ", ", &rest));)
    fprintf(to, "%s\"%s\" %ld", found ? ", " : "set xtics noenhanced rotate by -35 (", name,
            found + 1),
        found++;
  fputs(")", to);
  fclose(to);
  if (found == n) return text;
  free(text);
  return NULL;
}

void data_free(Data *data) {
  mem_free(&data->value);
  *data = (Data){0};
}
