/* Files of a run directory. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "model/h5.h"
#include "report.h"

void report_path(char path[REPORT_PATH], const ReportRun *run, const char *file) {
  snprintf(path, REPORT_PATH, "%s/%s", run->folder, file);
}

bool report_has(const ReportRun *run, const char *file) {
  char path[REPORT_PATH];
  report_path(path, run, file);
  return access(path, R_OK) == 0;
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

bool data_read(Data *data, const char *path, const char *name) {
  hid_t file;
  *data = (Data){0};
  if (h5_open(&file, path, "a file of a run")) return false;
  hid_t set = h5_find(file, name);
  bool good = set >= 0 && H5Iget_type(set) == H5I_DATASET && read_shape(data, set);
  if (good) {
    data->value = MEM_NEW(double, "data of a report", data->rows * data->row);
    good = H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data->value) >= 0;
  }
  h5_close(set);
  h5_close(file);
  if (!good) data_free(data);
  return good;
}

void data_free(Data *data) {
  mem_free(&data->value);
  *data = (Data){0};
}
