/* Strings of the configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/yaml_text.h"

typedef struct Kept {
  struct Kept *next;
  char text[];
} Kept;
static Kept *all;

const char *text_keep(const char *text) {
  for (Kept *k = all; k; k = k->next)
    if (!strcmp(k->text, text)) return k->text;
  Kept *k = malloc(sizeof *k + strlen(text) + 1);
  CHECK(k, "no memory");
  strcpy(k->text, text);
  k->next = all;
  all = k;
  return k->text;
}

const char *text_show(const char *text) {
  static char shown[64];
  size_t n = 0;
  if (!*text) return "nothing";
  for (; text[n] && n < sizeof shown - 4; n++)
    shown[n] = (unsigned char)text[n] < ' ' || text[n] == 127 ? '?' : text[n];
  strcpy(shown + n, text[n] ? "..." : "");
  return shown;
}
