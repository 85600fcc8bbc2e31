/* Finding options, setting them, and the words for it when that fails. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/option.h"
#include "app/yaml_text.h"
#include "base/spelling.h"

static size_t section_length(const char *key) {
  const char *dot = strrchr(key, '.');
  return dot ? (size_t)(dot - key) + 1 : 0;
}

static bool has_alias(const Option *option, const char *name) {
  size_t n = strlen(name);
  if (!option->aliases || !n) return false;
  for (const char *at = option->aliases; (at = strstr(at, name)); at += n)
    if ((at == option->aliases || at[-1] == ' ') && (!at[n] || at[n] == ' ')) return true;
  return false;
}

static bool answers_to(const Option *option, const char *key) {
  size_t n = section_length(option->key);
  bool inside = n && !strncmp(key, option->key, n);
  return !strcmp(key, option->key) || has_alias(option, key) ||
         (inside && has_alias(option, key + n));
}

int option_find(const char *key) {
  const Option *option;
  for (int i = 0; (option = option_at(i)); i++)
    if (answers_to(option, key)) return i;
  return -1;
}

bool option_section(const char *key) {
  const Option *option;
  size_t n = strlen(key);
  for (int i = 0; (option = option_at(i)); i++)
    if (!strncmp(option->key, key, n) && option->key[n] == '.') return true;
  return false;
}

/* A right name in the wrong section is nearer than a similar word. */
static int distance_to(const Option *option, const char *key) {
  const char *name = key + section_length(key);
  int whole = spelling_distance(key, option->key);
  int last = 1 + spelling_distance(name, option->key + section_length(option->key));
  if (has_alias(option, name)) return 1;
  return whole < last ? whole : last;
}

const char *option_nearest(const char *key) {
  static char best[64];
  const Option *option;
  int least = INT_MAX;
  for (int i = 0; (option = option_at(i)); i++) {
    char section[64] = "";
    if (section_length(option->key))
      snprintf(section, section_length(option->key), "%s", option->key);
    int distance = distance_to(option, key), to_section = spelling_distance(key, section);
    if (distance < least) least = distance, snprintf(best, sizeof best, "%s", option->key);
    if (to_section < least) least = to_section, memcpy(best, section, sizeof best);
  }
  return best;
}

static void want_range(FILE *to, const Option *option) {
  bool any = option->low == 0 && option->high == 0;
  if (!any && isinf(option->high))
    fprintf(to, "%s %g", option->above ? ">" : ">=", option->low);
  else if (!any)
    fprintf(to, "from %g%s to %g", option->low, option->above ? " (excluded)" : "", option->high);
  if (option->multiple) fprintf(to, "%sa multiple of %ld", any ? "" : ", ", option->multiple);
  if (option->word) fprintf(to, ", or %s", option->word);
}

void option_want(FILE *to, const Option *option) {
  const char *name;
  fputs(option->kind->want, to);
  for (int i = 0; option->choice && (name = option->choice(i)); i++)
    fprintf(to, "%s%s", i ? ", " : " ", name);
  bool any = option->low == 0 && option->high == 0 && !option->multiple;
  if (!any || option->word) {
    if (!any) fputc(' ', to);
    want_range(to, option);
  }
}

Err option_set(const Option *option, Config *config, const char *text) {
  Verdict verdict = option->kind->parse(option, config, text);
  if (verdict == FITS) return OK;
  char *want;
  size_t size;
  FILE *to = open_memstream(&want, &size);
  CHECK(to, "no memory");
  if (verdict == OUT_OF_RANGE)
    want_range(to, option);
  else
    option_want(to, option);
  fclose(to);
  err_user("%s: found %s, want %s", option->key, text_show(text), want);
  free(want);
  return ERR_USER;
}
