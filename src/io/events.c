#include "io/events.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <png.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "event.pb-c.h"

enum { VALUES = 96, TAG = 64 };

struct Events {
  FILE *file;
  char path[PATH_MAX];
  size_t n;
  char tag[VALUES][TAG];
  Event__Summary__Value value[VALUES], *each[VALUES]; /* (n) */
  Event__Image image[VALUES];                         /* of the values that are images */
};

/* ---- records ---- */

uint32_t events_crc(const void *bytes, size_t n) {
  const uint8_t *byte = bytes;
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < n; i++) {
    crc ^= byte[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

/* A CRC of bytes that hold CRCs would be weak: they are stored turned and shifted. */
static uint32_t masked(const void *bytes, size_t n) {
  uint32_t crc = events_crc(bytes, n);
  return (crc >> 15 | crc << 17) + 0xa282ead8;
}

/* The format's byte order. */
static void little(uint8_t *to, uint64_t x, int n) {
  for (int i = 0; i < n; i++) to[i] = (uint8_t)(x >> 8 * i);
}

/* Bytes and their check sum. */
static bool put_checked(FILE *file, const void *bytes, size_t n) {
  uint8_t crc[4];
  little(crc, masked(bytes, n), 4);
  return fwrite(bytes, 1, n, file) == n && fwrite(crc, 1, sizeof crc, file) == sizeof crc;
}

static bool put_record(FILE *file, const void *bytes, size_t n) {
  uint8_t length[8];
  little(length, n, 8);
  return put_checked(file, length, sizeof length) && put_checked(file, bytes, n) && !fflush(file);
}

static Err put_event(Events *events, Event__Event *event) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  event->has_wall_time = true;
  event->wall_time = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
  size_t n = event__event__get_packed_size(event);
  uint8_t *packed = MEM_NEW(uint8_t, "event", n);
  event__event__pack(event, packed);
  bool written = put_record(events->file, packed, n);
  Err e = written ? OK : err_user("%s: cannot write: %s", events->path, strerror(errno));
  mem_free(&packed);
  return e;
}

/* ---- files ---- */

static Err put_version(Events *events) {
  Event__Event event = EVENT__EVENT__INIT;
  event.file_version = (char *)"brain.Event:2";
  return put_event(events, &event);
}

static Err put_session(Events *events, int64_t first) {
  Event__Event event = EVENT__EVENT__INIT;
  Event__Session session = EVENT__SESSION__INIT;
  session.has_status = true, session.status = EVENT__SESSION__STATUS__START;
  event.has_step = true, event.step = first;
  event.session = &session;
  return put_event(events, &event);
}

/* Readers look for "tfevents" and a time in the name. */
static void name_file(Events *events, const char *folder, int64_t start) {
  char host[64] = "host";
  gethostname(host, sizeof host - 1);
  snprintf(events->path, sizeof events->path, "%s/events.out.tfevents.%010lld.%06lld.%s", folder,
           (long long)time(NULL), (long long)start, host);
}

void events_close(Events **events) {
  if (!*events) return;
  if ((*events)->file) fclose((*events)->file);
  mem_free(events);
}

static Err open_file(Events *events, const char *folder) {
  if (mkdir(folder, 0777) && errno != EEXIST)
    return err_user("%s: cannot make this directory: %s", folder, strerror(errno));
  events->file = fopen(events->path, "wb");
  if (events->file) return OK;
  return err_user("%s: cannot write: %s", events->path, strerror(errno));
}

Err events_open(Events **events, const char *folder, int64_t start, int64_t first) {
  Events *opened = MEM_NEW(Events, "events", 1);
  name_file(opened, folder, start);
  Err e = open_file(opened, folder);
  if (!e) e = put_version(opened);
  if (!e) e = put_session(opened, first);
  if (e) events_close(&opened);
  *events = opened;
  return e;
}

/* ---- values ---- */

static Event__Summary__Value *new_value(Events *events, const char *group, const char *name) {
  CHECK(events->n < VALUES, "more than %d values of one event", VALUES);
  size_t i = events->n++;
  snprintf(events->tag[i], TAG, "%s/%s", group, name);
  event__summary__value__init(&events->value[i]);
  events->value[i].tag = events->tag[i];
  events->each[i] = &events->value[i];
  return &events->value[i];
}

void events_number(Events *events, const char *group, const char *name, double number) {
  if (!isfinite(number)) return;
  Event__Summary__Value *value = new_value(events, group, name);
  value->has_number = true;
  value->number = (float)number;
}

/* Owns: the caller, mem_free. */
static uint8_t *png_new(size_t *size, const uint8_t *grey, int rows, int columns) {
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)columns,
                     .height = (png_uint_32)rows,
                     .format = PNG_FORMAT_GRAY};
  png_alloc_size_t n = PNG_IMAGE_PNG_SIZE_MAX(image);
  uint8_t *bytes = MEM_NEW(uint8_t, "image", n);
  int done = png_image_write_to_memory(&image, bytes, &n, 0, grey, 0, NULL);
  CHECK(done, "libpng says: %s", image.message);
  *size = n;
  return bytes;
}

void events_image(Events *events, const char *group, const char *name, const uint8_t *grey,
                  int rows, int columns) {
  Event__Summary__Value *value = new_value(events, group, name);
  Event__Image *image = &events->image[value - events->value];
  event__image__init(image);
  image->has_height = image->has_width = image->has_channels = image->has_png = true;
  image->height = rows, image->width = columns, image->channels = 1;
  image->png.data = png_new(&image->png.len, grey, rows, columns);
  value->image = image;
}

Err events_step(Events *events, int64_t step) {
  Event__Event event = EVENT__EVENT__INIT;
  Event__Summary summary = EVENT__SUMMARY__INIT;
  summary.n_value = events->n, summary.value = events->each;
  event.has_step = true, event.step = step;
  event.summary = &summary;
  Err e = put_event(events, &event);
  for (size_t i = 0; i < events->n; i++)
    if (events->value[i].image) mem_free(&events->image[i].png.data);
  events->n = 0;
  return e;
}
