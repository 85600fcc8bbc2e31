#include "io/table_write.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "io/hdf.h"

typedef struct Record {
  int64_t index;
  float p4[TABLE_SLOTS][4], truth[4]; /* values_block_0 */
  int64_t ttv, is_signal_new;         /* values_block_1 */
} Record;
_Static_assert(sizeof(Record) == 3240, "a row of the published table");

static void add_member(hid_t type, const char *name, size_t offset, hid_t base, hsize_t width) {
  hid_t array = H5Tarray_create2(base, 1, &width);
  H5Tinsert(type, name, offset, array);
  H5Tclose(array);
}

static hid_t record_type(void) {
  hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(Record));
  H5Tinsert(type, "index", offsetof(Record, index), H5T_STD_I64LE);
  add_member(type, "values_block_0", offsetof(Record, p4), H5T_IEEE_F32LE, 4 * TABLE_SLOTS + 4);
  add_member(type, "values_block_1", offsetof(Record, ttv), H5T_STD_I64LE, 2);
  return type;
}

/* Address of the rows; -1: no. */
static int64_t make_rows(hid_t file, long rows) {
  hsize_t dims = (hsize_t)rows;
  hid_t type = record_type(), space = H5Screate_simple(1, &dims, NULL);
  hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE), lcpl = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(lcpl, 1);
  H5Pset_obj_track_times(dcpl, 0);
  H5Pset_alloc_time(dcpl, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(dcpl, H5D_FILL_TIME_NEVER);
  hid_t data = H5Dcreate2(file, "table/table", type, space, lcpl, dcpl, H5P_DEFAULT);
  int64_t address = data < 0 ? -1 : (int64_t)H5Dget_offset(data);
  if (data >= 0) H5Dclose(data);
  H5Pclose(lcpl), H5Pclose(dcpl), H5Sclose(space), H5Tclose(type);
  return address;
}

static Err make_file(TableWriter *table, long rows) {
  enum { METADATA = 1 << 16 };
  TRY(outfile_reserve(&table->out, METADATA, METADATA + rows * (int64_t)sizeof(Record)));
  errno = 0;
  hid_t access = hdf_access();
  hid_t file = H5Fcreate(table->out.temporary, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Pclose(access);
  if (file < 0) return outfile_error(&table->out);
  table->address = make_rows(file, rows);
  bool closed = H5Fclose(file) >= 0;
  return closed && table->address >= 0 ? OK : outfile_error(&table->out);
}

Err table_create(TableWriter *table, const Comm *comm, const char *path, long rows) {
  outfile_init(&table->out, comm, path);
  Err e = comm_agree(comm, comm_rank(comm) == 0 ? make_file(table, rows) : OK);
  comm_broadcast(comm, &table->address, sizeof table->address, 0);
  if (!e) e = comm_agree(comm, outfile_open(&table->out));
  return e ? outfile_finish(&table->out, e) : OK;
}

Err table_put(const TableWriter *table, const float *p4, const int8_t *label, const float *truth,
              long from, long n) {
  for (long i = 0; i < n; i++) {
    Record record = {.index = from + i, .is_signal_new = label[i]};
    memcpy(record.p4, p4 + i * TABLE_SLOTS * 4, sizeof record.p4);
    memcpy(record.truth, truth + 4 * i, sizeof record.truth);
    int64_t at = table->address + (from + i) * (int64_t)sizeof record;
    TRY(outfile_put(&table->out, &record, sizeof record, at));
  }
  return OK;
}

Err table_finish(TableWriter *table, Err e) { return outfile_finish(&table->out, e); }
