/* What an HDF5 file holds, as text that two runs can be compared by: one line for each group,
 * dataset and attribute with its extent and a hash of its bytes, outside /provenance, in the
 * order of names.
 *
 *   contents FILE            the whole file
 *   contents FILE /energy    the values of one dataset, one per line, exact (hexadecimal floats)
 */
#include <hdf5.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char provenance[] = "provenance";

/* FNV-1a */
static uint64_t hash_of(const unsigned char *bytes, size_t n) {
  uint64_t h = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < n; i++) h = (h ^ bytes[i]) * UINT64_C(1099511628211);
  return h;
}

static void print_extent(hid_t space) {
  hsize_t dims[H5S_MAX_RANK];
  int rank = H5Sget_simple_extent_dims(space, dims, NULL);
  printf("(");
  for (int i = 0; i < rank; i++) printf(i ? ", %" PRIuHSIZE : "%" PRIuHSIZE, dims[i]);
  printf(")");
}

/* Variable-length text is pointers in memory: its letters count. */
static uint64_t hash_texts(char *const *text, size_t n) {
  uint64_t h = 0;
  for (size_t i = 0; i < n; i++)
    h = h * 31 + hash_of((const unsigned char *)text[i], strlen(text[i]));
  return h;
}

static void print_bytes(hid_t type, hid_t space, unsigned char *bytes) {
  size_t n = (size_t)H5Sget_simple_extent_npoints(space);
  print_extent(space);
  if (H5Tis_variable_str(type) > 0)
    printf(" %016" PRIx64 "\n", hash_texts((char *const *)(void *)bytes, n));
  else
    printf(" %016" PRIx64 "\n", hash_of(bytes, n * H5Tget_size(type)));
}

static unsigned char *room_for(hid_t type, hid_t space) {
  return calloc((size_t)H5Sget_simple_extent_npoints(space) + 1, H5Tget_size(type));
}

static herr_t print_attribute(hid_t object, const char *name, const H5A_info_t *info,
                              void *path) {
  (void)info;
  hid_t attr = H5Aopen(object, name, H5P_DEFAULT), type = H5Aget_type(attr);
  hid_t space = H5Aget_space(attr);
  unsigned char *bytes = room_for(type, space);
  printf("%s@%s ", (const char *)path, name);
  herr_t status = H5Aread(attr, type, bytes);
  print_bytes(type, space, bytes);
  free(bytes);
  H5Sclose(space);
  H5Tclose(type);
  H5Aclose(attr);
  return status < 0 ? -1 : 0;
}

static herr_t print_dataset(hid_t set) {
  hid_t type = H5Dget_type(set), space = H5Dget_space(set);
  unsigned char *bytes = room_for(type, space);
  herr_t status = H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
  print_bytes(type, space, bytes);
  free(bytes);
  H5Sclose(space);
  H5Tclose(type);
  return status < 0 ? -1 : 0;
}

static herr_t print_object(hid_t file, const char *name, const H5O_info_t *info, void *unused) {
  (void)unused;
  if (!strncmp(name, provenance, sizeof provenance - 1)) return 0;
  hid_t object = H5Oopen(file, name, H5P_DEFAULT);
  printf("%s ", name);
  herr_t status = 0;
  if (info->type == H5O_TYPE_DATASET)
    status = print_dataset(object);
  else
    printf("group\n");
  if (status >= 0)
    status = H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, print_attribute, (void *)name);
  H5Oclose(object);
  return status < 0 ? -1 : 0;
}

static int print_values(hid_t file, const char *path) {
  hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
  if (set < 0) return 1;
  hid_t space = H5Dget_space(set);
  hssize_t n = H5Sget_simple_extent_npoints(space);
  double *value = calloc((size_t)n + 1, sizeof *value);
  herr_t status = H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value);
  for (hssize_t i = 0; i < n; i++) printf("%a\n", value[i]);
  free(value);
  H5Sclose(space);
  H5Dclose(set);
  return status < 0;
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "usage: contents FILE [DATASET]\n"), 2;
  hid_t file = H5Fopen(argv[1], H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) return 1;
  int failed = argc > 2 ? print_values(file, argv[2])
                        : H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, print_object, NULL) < 0;
  H5Fclose(file);
  return failed;
}
