#include "lib/view_text.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_SIZE = 64 };

typedef enum Kind { INTEGER, REAL, MERGE } Kind;

typedef struct Field {
  const char *key; /* in the section `data` */
  Kind kind;
  size_t offset; /* into ViewOpts */
} Field;

#define AT(field) offsetof(ViewOpts, field)
static const Field fields[] = {
    {"points", INTEGER, AT(points)},
    {"image_size", INTEGER, AT(image.size)},
    {"width_eta", REAL, AT(image.width_eta)},
    {"width_phi", REAL, AT(image.width_phi)},
    {"pixel_merge", MERGE, AT(image.merge)},
    {"smooth", REAL, AT(image.smooth)},
    {"power", REAL, AT(image.power)},
    {"pixel_sum", REAL, AT(image.sum)},
    {"constituents", INTEGER, AT(image.constituents)},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const char *next_line(const char *line) {
  const char *end = strchr(line, '\n');
  return end ? end + 1 : NULL;
}

/* The first line of the section `data`; NULL: there is none. */
static const char *section(const char *config) {
  static const char head[] = "data:\n";
  const char *line = config;
  while (line && strncmp(line, head, sizeof head - 1)) line = next_line(line);
  return line ? line + sizeof head - 1 : NULL;
}

static bool find(char value[VALUE_SIZE], const char *config, const char *key) {
  size_t n = strlen(key);
  const char *line = section(config);
  for (; line && !strncmp(line, "  ", 2); line = next_line(line)) {
    if (strncmp(line + 2, key, n) || strncmp(line + 2 + n, ": ", 2)) continue;
    const char *from = line + n + 4;
    snprintf(value, VALUE_SIZE, "%.*s", (int)strcspn(from, "\n"), from);
    return true;
  }
  return false;
}

/* The number that the text is, whatever the program's locale. */
static bool number(double *value, const char *text) {
  char *end;
  locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
  CHECK(c, "no memory");
  *value = strtod_l(text, &end, c);
  freelocale(c);
  return end != text && !*end;
}

static bool put(void *to, Kind kind, const char *text) {
  double value = 0;
  bool last = kind == MERGE && !strcmp(text, "last");
  bool known =
      kind == MERGE ? last || !strcmp(text, "sum") : !strcmp(text, "all") || number(&value, text);
  if (kind == REAL)
    *(double *)to = value;
  else if (kind == INTEGER)
    *(int *)to = (int)value;
  else
    *(PixelMerge *)to = last ? PIXEL_LAST : PIXEL_SUM;
  return known;
}

static Err unknown(const char *key, const char *value) {
  return err_user("/config: data.%s: found %s, which this version does not know; use a newer "
                  "libjetnae",
                  key, value);
}

Err view_text_read(ViewOpts *opts, const char *config) {
  char value[VALUE_SIZE];
  *opts = view_defaults();
  if (find(value, config, "view")) {
    const View *view = view_find(value);
    if (!view) return unknown("view", value);
    opts->name = view->name;
  }
  for (const Field *f = fields; f < fields + FIELDS; f++)
    if (find(value, config, f->key) && !put((char *)opts + f->offset, f->kind, value))
      return unknown(f->key, value);
  return OK;
}
