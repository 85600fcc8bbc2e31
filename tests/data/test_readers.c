/* The readers against the programs whose files they read: every table and array that pandas,
 * PyTables and h5py wrote is compared with what the HDF5 library itself reads from the plain
 * twin, bit for bit, over odd ranges of rows. Then everything that may be wrong with a file, by
 * its message. */
#include <fcntl.h>
#include <hdf5.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "data/source.h"
#include "io/hdf.h"
#include "io/table.h"

enum { ROWS = 100, SLOTS = 200, FEW = 12 };

static char scratch[] = "/tmp/jetnae-readers-XXXXXX";

static const char *fixture(const char *name) {
  static char path[2][512];
  static int turn;
  turn = !turn;
  snprintf(path[turn], sizeof path[turn], "%s/%s", getenv("FIXTURES"), name);
  return path[turn];
}

/* A path in the scratch directory. */
static const char *temporary(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", scratch, name);
  return path;
}

/* The whole file. Owns: the caller, free. */
static char *slurp(const char *path, size_t *n) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  *n = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*n + 1);
  assert_int_equal(fread(bytes, 1, *n, file), *n);
  fclose(file);
  return bytes;
}

static void spill(const char *path, const void *bytes, size_t n) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, n, file), n);
  fclose(file);
}

/* What the HDF5 library reads. Owns: the caller, free. */
static float *from_library(const char *path, const char *name) {
  hid_t file, dataset;
  assert_int_equal(hdf_open(&file, path), OK);
  dataset = H5Dopen2(file, name, H5P_DEFAULT);
  hid_t space = H5Dget_space(dataset);
  float *x = malloc((size_t)H5Sget_simple_extent_npoints(space) * sizeof *x);
  assert_true(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
  H5Sclose(space);
  H5Dclose(dataset);
  H5Fclose(file);
  return x;
}

static const long ranges[][2] = {{0, 100}, {0, 1},   {99, 100}, {39, 41}, {40, 80},
                                 {7, 93},  {80, 99}, {15, 17},  {50, 50}, {31, 32}};
enum { RANGES = sizeof ranges / sizeof *ranges };

static SourceOpts options(const char *reader, const char *path) {
  return (SourceOpts){.reader = reader,
                      .path = path,
                      .x_path = "",
                      .label_path = "",
                      .weight_path = "",
                      .layout = "dense",
                      .labels = "",
                      .scale = 1};
}

static void same_floats(const float *found, const float *want, long n) {
  assert_memory_equal(found, want, (size_t)n * sizeof *want);
}

/* The first `slots` constituents, truth and labels of a table are those of the twin. */
static void check_table(const char *name, int slots, bool truth, long grain) {
  float *p4 = from_library(fixture("twin.h5"), "p4"),
        *record = from_library(fixture("twin.h5"), "truth");
  float *label = from_library(fixture("twin.h5"), "labels/top");
  SourceOpts opts = options("auto", fixture(name));
  Source source;
  assert_int_equal(source_open(&source, &opts), OK);
  assert_string_equal(source.reader->name, "toptag");
  assert_int_equal(source.kind, SOURCE_JETS);
  assert_int_equal(source.rows, ROWS);
  assert_int_equal(source.slots, slots);
  assert_int_equal(source.has_truth, truth);
  assert_true(source.has_label && !source.has_weight);
  assert_int_equal(source.reader->grain(&source), grain);
  Block block = block_new(&source, ROWS);
  for (int k = 0; k < RANGES; k++) {
    long from = ranges[k][0], to = ranges[k][1];
    assert_int_equal(source_read(&source, &block, from, to), OK);
    assert_int_equal(block.rows, to - from);
    for (long i = from; i < to; i++) {
      same_floats(block.p4 + (i - from) * slots * 4, p4 + i * SLOTS * 4, slots * 4);
      if (truth) same_floats(block.truth + (i - from) * 4, record + i * 4, 4);
      assert_int_equal(block.label[i - from], (int)label[i]);
      assert_true(block.weight[i - from] == 1);
    }
  }
  block_free(&block);
  source_close(&source);
  free(p4), free(record), free(label);
}

static void tables_equal_their_twin(void **state) {
  check_table("jets.h5", SLOTS, true, 40);
  check_table("jets_zlib.h5", FEW, true, 16);
  check_table("jets_plain.h5", FEW, true, 16);
  check_table("jets_double.h5", FEW, false, 16);
}

static void check_array(const char *name, Shape shape) {
  float *want = from_library(fixture("twin.h5"), name);
  SourceOpts opts = options("auto", fixture("twin.h5"));
  opts.x_path = name;
  opts.label_path = "labels/top";
  opts.weight_path = "/weight";
  float *label = from_library(opts.path, opts.label_path);
  float *weight = from_library(opts.path, opts.weight_path);
  Source source;
  assert_int_equal(source_open(&source, &opts), OK);
  assert_int_equal(source.kind, SOURCE_DENSE);
  assert_true(shape_equal(source.shape, shape));
  Block block = block_new(&source, ROWS);
  long dim = shape_size(shape);
  for (int k = 0; k < RANGES; k++) {
    long from = ranges[k][0], to = ranges[k][1];
    assert_int_equal(source_read(&source, &block, from, to), OK);
    same_floats(block.x, want + from * dim, (to - from) * dim);
    same_floats(block.weight, weight + from, to - from);
    for (long i = from; i < to; i++) assert_int_equal(block.label[i - from], (int)label[i]);
  }
  block_free(&block);
  source_close(&source);
  free(want), free(label), free(weight);
}

static void arrays_equal_the_library(void **state) {
  check_array("images/u8", (Shape){1, 6, 5});
  check_array("images/i16", (Shape){1, 6, 5});
  check_array("/images/f64", (Shape){1, 6, 5});
  check_array("truth", (Shape){4, 1, 1});
  check_array("weight", (Shape){1, 1, 1});
}

static void arrays_of_momenta(void **state) {
  SourceOpts opts = options("hdf5", fixture("twin.h5"));
  float *want = from_library(opts.path, "p4");
  opts.x_path = "p4";
  opts.layout = "p4";
  Source source;
  assert_int_equal(source_open(&source, &opts), OK);
  assert_int_equal(source.kind, SOURCE_JETS);
  assert_int_equal(source.slots, SLOTS);
  assert_false(source.has_label);
  Block block = block_new(&source, ROWS);
  assert_int_equal(source_read(&source, &block, 5, 73), OK);
  same_floats(block.p4, want + 5 * SLOTS * 4, 68 * SLOTS * 4);
  assert_int_equal(block.label[67], -1);
  block_free(&block);
  source_close(&source);
  free(want);
}

/* Unpack a gzip'd fixture into the scratch directory. */
static size_t unpack(const char *to, const char *name, unsigned char *bytes, unsigned most) {
  gzFile file = gzopen(fixture(name), "rb");
  int n = gzread(file, bytes, most);
  gzclose(file);
  spill(to, bytes, (size_t)n);
  return (size_t)n;
}

static void check_idx(const char *path, const unsigned char *pixels) {
  SourceOpts opts = options("auto", path);
  opts.scale = 1 / 255.0;
  Source source;
  assert_int_equal(source_open(&source, &opts), OK);
  assert_string_equal(source.reader->name, "idx");
  assert_int_equal(source.rows, 5);
  assert_true(source.has_label && shape_equal(source.shape, (Shape){1, 4, 3}));
  Block block = block_new(&source, 5);
  assert_int_equal(source_read(&source, &block, 1, 4), OK);
  assert_memory_equal(block.label, "\1\4\1", 3);
  for (int i = 0; i < 3 * 12; i++)
    assert_true(block.x[i] == (float)(pixels[12 + i] * (1 / 255.0)));
  block_free(&block);
  source_close(&source);
}

static void idx_plain_and_gzip(void **state) {
  unsigned char label[64], image[256];
  unpack(temporary("five-labels-idx1-ubyte"), "five-labels-idx1-ubyte.gz", label, sizeof label);
  unpack(temporary("five-images-idx3-ubyte"), "five-images-idx3-ubyte.gz", image, sizeof image);
  check_idx(temporary("five-images-idx3-ubyte"), image + 16);
  check_idx(fixture("five-images-idx3-ubyte.gz"), image + 16);
}

/* One source, read by several threads at once. */
typedef struct Shift {
  const Source *source;
  Block block;
  const float *want;
  long first;
  int wrong;
} Shift;

static void *work(void *data) {
  Shift *shift = data;
  for (long i = shift->first; i + 23 <= ROWS; i += 3) {
    shift->wrong += source_read(shift->source, &shift->block, i, i + 23) != OK;
    shift->wrong +=
        memcmp(shift->block.p4, shift->want + i * SLOTS * 4, 23 * SLOTS * 4 * sizeof(float)) != 0;
  }
  return NULL;
}

static void threads_read_at_once(void **state) {
  enum { THREADS = 4 };
  SourceOpts opts = options("toptag", fixture("jets.h5"));
  float *want = from_library(fixture("twin.h5"), "p4");
  Source source;
  Shift shift[THREADS];
  pthread_t thread[THREADS];
  assert_int_equal(source_open(&source, &opts), OK);
  for (int t = 0; t < THREADS; t++) {
    shift[t] = (Shift){&source, block_new(&source, 23), want, t, 0};
    pthread_create(&thread[t], NULL, work, &shift[t]);
  }
  for (int t = 0; t < THREADS; t++) {
    pthread_join(thread[t], NULL);
    assert_int_equal(shift[t].wrong, 0);
    block_free(&shift[t].block);
  }
  source_close(&source);
  free(want);
}

/* Open, and read all when it opens: what went wrong, "" when nothing did. */
static const char *complaint(const SourceOpts *opts) {
  Source source;
  err_clear();
  if (source_open(&source, opts)) return err_message();
  Block block = block_new(&source, source.rows);
  Err e = source_read(&source, &block, 0, source.rows);
  block_free(&block);
  source_close(&source);
  return e ? err_message() : "";
}

/* `want` follows the path, which the message begins with. */
static void complains(const SourceOpts *opts, const char *want) {
  char text[2048];
  snprintf(text, sizeof text, "%s%s", opts->path, want);
  assert_string_equal(complaint(opts), text);
}

static void file_complains(const char *path, const char *want) {
  SourceOpts opts = options("auto", path);
  complains(&opts, want);
}

static void no_such_file(void **state) {
  file_complains("/nowhere/jets.h5",
                 ": No such file or directory; want a file to read (data.input)");
  file_complains("/tmp", ": found a directory or device, want a file (data.input)");
  SourceOpts opts = options("auto", "");
  assert_string_equal(complaint(&opts), "data.input: found nothing, want a file to read (or "
                                        "data.source=toy)");
  opts.reader = "root";
  assert_string_equal(complaint(&opts),
                      "data.source: found root, want auto, toptag, lean, hdf5, idx, toy, line, "
                      "gaussians, s_curve or chirp");
}

static void not_hdf5(void **state) {
  const char *path = temporary("hello.h5");
  spill(path, "hello, world", 12);
  file_complains(path,
                 ": found a file that begins with 68 65 6c 6c (4 bytes read), want HDF5 (89 "
                 "48 44 46) or IDX (00 00 08, or that gzip'd)");
  SourceOpts opts = options("toptag", path);
  complains(&opts,
            ": found a file that begins with 68 65 6c 6c 6f 2c 20 77, want an HDF5 file (89 "
            "48 44 46 ...)");
  spill(path, "", 0);
  complains(&opts,
            ": found a file that begins with nothing, want an HDF5 file (89 48 44 46 ...)");
}

static void truncated_table(void **state) {
  size_t n;
  char *bytes = slurp(fixture("jets.h5"), &n), want[128];
  const char *path = temporary("cut.h5");
  spill(path, bytes, n / 2);
  snprintf(want, sizeof want, ": truncated: found %zu bytes, want %zu; copy it again", n / 2, n);
  file_complains(path, want);
  free(bytes);
}

static void foreign_hdf5(void **state) {
  file_complains(
      fixture("twin.h5"),
      ": found /images/deep uint8 [100, 1, 2, 3, 5], /images/f64 float64 (swapped) [100, 1, 6, "
      "5], /images/i16 int16 (swapped) [100, 6, 5], /images/u8 uint8 [100, 6, 5], /labels/half "
      "float64 [100], /labels/short int64 [99], /labels/top int8 [100], /notes other [3], ..., "
      "want one table that pandas wrote (compound records, such as /table/table); for plain "
      "arrays say data.source=hdf5 data.x=/PATH");
  file_complains(
      fixture("bad_two.h5"),
      ": found /a compound [1], /b compound [1], want one table that pandas wrote "
      "(compound records, such as /table/table); for plain arrays say data.source=hdf5 "
      "data.x=/PATH");
}

static void wrong_members(void **state) {
  static const char want[] =
      ", want values_block_0 float32[804] (E, PX, PY, PZ of 200 constituents "
      "and of the truth) and values_block_1 int64[2] (ttv, is_signal_new)";
  char text[512];
  snprintf(text, sizeof text,
           ": /table/table: found members index int64, values_block_0 float32[803], "
           "values_block_1 int64[2]%s",
           want);
  file_complains(fixture("bad_width.h5"), text);
  snprintf(text, sizeof text,
           ": /table/table: found members index int64, values_block_0 float32[804], "
           "values_block_1 int64[3]%s",
           want);
  file_complains(fixture("bad_integers.h5"), text);
  file_complains(fixture("bad_members.h5"),
                 ": /table/table: found members pt float32, eta float32, want values_block_0 "
                 "float32[...] with the four-momenta");
}

static void unknown_filter_and_hole(void **state) {
  file_complains(fixture("bad_filter.h5"),
                 ": /table/table: found filter 3 (fletcher32), want Blosc, deflate, shuffle or "
                 "none; rewrite the file with one of them (h5repack -f GZIP=4)");
  file_complains(fixture("bad_hole.h5"),
                 ": /table/table: found no chunk for rows 2 and on, want all written");
}

/* The bytes of a table file, and where its chunk i lies in them. */
static char *table_bytes(const char *name, size_t *n, long i, ChunkPlace *place) {
  hid_t file;
  Table table;
  assert_int_equal(hdf_open(&file, fixture(name)), OK);
  assert_int_equal(table_open(&table, file, fixture(name)), OK);
  *place = table.chunks.place[i % table.chunks.n];
  table_close(&table);
  H5Fclose(file);
  return slurp(fixture(name), n);
}

/* A copy of a table with one byte of its second chunk changed. */
static const char *with_bad_byte(const char *name, long byte, unsigned char value) {
  size_t n;
  ChunkPlace place;
  const char *path = temporary("bad.h5");
  char *bytes = table_bytes(name, &n, 1, &place);
  bytes[(long)place.address + byte] = (char)value;
  spill(path, bytes, n);
  free(bytes);
  return path;
}

static void damaged_chunks(void **state) {
  file_complains(
      with_bad_byte("jets.h5", 0, 0xff),
      ": /table/table: rows 40 to 79: found no Blosc frame, want a sound chunk; copy the "
      "file again");
  file_complains(with_bad_byte("jets.h5", 4, 7),
                 ": /table/table: rows 40 to 79: found a Blosc frame of another length, want a "
                 "sound chunk; copy the file again");
  file_complains(
      with_bad_byte("jets.h5", 16, 0xff),
      ": /table/table: rows 40 to 79: found a Blosc frame that does not decompress, want "
      "a sound chunk; copy the file again");
  file_complains(
      with_bad_byte("jets_zlib.h5", 30, 0xff),
      ": /table/table: rows 16 to 31: found a deflate stream that does not decompress, "
      "want a sound chunk; copy the file again");
}

/* HDF5 notices a file that is shorter than it was; one that shrank after opening only we can see.
 */
static void file_shrinks_while_open(void **state) {
  size_t n;
  char *bytes = slurp(fixture("jets_plain.h5"), &n);
  const char *path = temporary("shrinking.h5");
  spill(path, bytes, n);
  SourceOpts opts = options("auto", path);
  Source source;
  assert_int_equal(source_open(&source, &opts), OK);
  assert_int_equal(truncate(path, 4000), 0);
  Block block = block_new(&source, 1);
  assert_int_equal(source_read(&source, &block, 99, 100), ERR_USER);
  assert_non_null(
      strstr(err_message(), ": /table/table: rows 96 to 99: found the end of the file"));
  block_free(&block);
  source_close(&source);
  free(bytes);
}

static void wrong_arrays(void **state) {
  SourceOpts opts = options("hdf5", fixture("twin.h5"));
  complains(&opts, ": found no path of the samples inside the file, want data.x=/PATH (and "
                   "data.label=/PATH where there are labels)");
  opts.x_path = "/image/u8";
  complains(&opts,
            ": found no data set /image/u8; the nearest: /images/u8 uint8 [100, 6, 5], "
            "/images/f64 float64 (swapped) [100, 1, 6, 5], /images/i16 int16 (swapped) [100, "
            "6, 5], /images/deep uint8 [100, 1, 2, 3, 5], ...");
  opts.x_path = "images/deep";
  complains(&opts,
            ": images/deep: found shape [100, 1, 2, 3, 5], want [N, D], [N, H, W] or [N, C, "
            "H, W] (data.layout=dense)");
  opts.x_path = "notes";
  complains(&opts, ": notes: found elements that are no plain numbers, want integers or floats");
  opts.x_path = "images/u8";
  opts.label_path = "labels/short";
  complains(&opts, ": labels/short: found shape [99], want [100], one number for each row of the "
                   "samples");
  opts.label_path = "labels/half";
  complains(&opts, strstr(complaint(&opts), ": row 0: found label "));
  assert_non_null(
      strstr(complaint(&opts), ".5, want a whole number from 0 to 127 (-1: unknown)"));
  opts.label_path = "";
  opts.layout = "p4";
  complains(&opts, ": images/u8: found shape [100, 6, 5], want [N, T, 4]: E, px, py, pz of T "
                   "constituents (data.layout=p4)");
}

static void wrong_idx(void **state) {
  unsigned char bytes[256];
  size_t n;
  const char *path = temporary("six-images-idx3-ubyte");
  size_t whole = unpack(path, "five-images-idx3-ubyte.gz", bytes, sizeof bytes);
  SourceOpts opts = options("idx", path);
  truncate(path, 70);
  complains(&opts, ": truncated: found 70 bytes, want 76 for 5 items of 12 bytes; copy it again");
  bytes[2] = 0x0d;
  spill(path, bytes, whole);
  complains(&opts,
            ": found magic number 00 00 0d 03, want 00 00 08 01 to 00 00 08 04 (an IDX file "
            "of bytes)");
  char *packed = slurp(fixture("five-images-idx3-ubyte.gz"), &n);
  packed[n - 6] ^= 1;
  spill(path, packed, n);
  complains(&opts, ": damaged gzip data (incorrect data check); copy it again");
  spill(path, packed, n / 2);
  complains(&opts,
            ": truncated: found the end before all items, want 5 of 12 bytes; copy it again");
  free(packed);
  opts = options("idx", fixture("five-labels-idx1-ubyte.gz"));
  complains(&opts, ": found 1 axis, want images along 2 to 4 (is this the label file?)");
}

static void labels_of_another_count(void **state) {
  unsigned char bytes[64];
  char text[1024];
  const char *path = temporary("four-labels-idx1-ubyte");
  unpack(path, "five-labels-idx1-ubyte.gz", bytes, sizeof bytes);
  bytes[7] = 4;
  spill(path, bytes, 12);
  SourceOpts opts = options("auto", fixture("five-images-idx3-ubyte.gz"));
  opts.labels = path;
  snprintf(text, sizeof text,
           "%s: found 4 labels of 1 bytes, want 5 of one byte, as many as there "
           "are images in %s",
           path, opts.path);
  assert_string_equal(complaint(&opts), text);
}

static uint64_t random_number(void) {
  static uint64_t state = 1;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return state >> 33;
}

static void flip(char *bytes, size_t n) {
  for (int k = 0; k < 4; k++) bytes[random_number() % n] ^= (char)(1 << random_number() % 8);
}

/* Any answer is right but a crash, and a complaint begins with the path. */
static void survives(const char *reader, const char *bytes, size_t n) {
  const char *path = temporary("damaged");
  SourceOpts opts = options(reader, path);
  spill(path, bytes, random_number() % 8 ? n : random_number() % n);
  const char *said = complaint(&opts);
  assert_true(!*said || !strncmp(said, path, strlen(path)));
}

/* Damage in chunks, which this program decompresses itself; HDF5's own metadata are HDF5's. */
static void random_damage(void **state) {
  static const char *const names[] = {"jets.h5", "jets_double.h5", "jets_zlib.h5"};
  unsigned char plain[256];
  size_t n, size = unpack(temporary("plain"), "five-images-idx3-ubyte.gz", plain, sizeof plain);
  for (int k = 0; k < 150; k++) {
    ChunkPlace place;
    char *bytes = table_bytes(names[k % 3], &n, k, &place);
    flip(bytes + place.address, k % 2 ? 16 : place.stored);
    survives("toptag", bytes, n);
    free(bytes);
    bytes = slurp(fixture("five-images-idx3-ubyte.gz"), &n);
    flip(bytes, n);
    survives("idx", bytes, n);
    free(bytes);
    char copy[sizeof plain];
    memcpy(copy, plain, size);
    flip(copy, k % 2 ? 16 : size);
    survives("idx", copy, size);
  }
}

static int make_scratch(void **state) { return mkdtemp(scratch) ? 0 : -1; }

static int remove_scratch(void **state) {
  char command[128];
  snprintf(command, sizeof command, "rm -r '%s'", scratch);
  return system(command);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tables_equal_their_twin),
                                     cmocka_unit_test(arrays_equal_the_library),
                                     cmocka_unit_test(arrays_of_momenta),
                                     cmocka_unit_test(idx_plain_and_gzip),
                                     cmocka_unit_test(threads_read_at_once),
                                     cmocka_unit_test(no_such_file),
                                     cmocka_unit_test(not_hdf5),
                                     cmocka_unit_test(truncated_table),
                                     cmocka_unit_test(foreign_hdf5),
                                     cmocka_unit_test(wrong_members),
                                     cmocka_unit_test(unknown_filter_and_hole),
                                     cmocka_unit_test(damaged_chunks),
                                     cmocka_unit_test(file_shrinks_while_open),
                                     cmocka_unit_test(wrong_arrays),
                                     cmocka_unit_test(wrong_idx),
                                     cmocka_unit_test(labels_of_another_count),
                                     cmocka_unit_test(random_damage)};
  return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
