/* The kinds of values that options take: how each reads and writes. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/layers_text.h"
#include "app/option.h"
#include "app/yaml_text.h"

static void *field(const Option *option, Config *config) {
  return (char *)config + option->offset;
}
static const void *field_of(const Option *option, const Config *config) {
  return (const char *)config + option->offset;
}

static bool is_word(const Option *option, const char *text) {
  return option->word && !strcmp(text, option->word);
}

static bool in_range(const Option *option, double x) {
  bool any = option->low == 0 && option->high == 0;
  return any || ((option->above ? x > option->low : x >= option->low) && x <= option->high);
}

static bool number(const char *text, double *x) {
  char *end;
  if (strspn(text, "+-.0123456789eE") != strlen(text)) return false; /* no inf, nan, hex */
  *x = strtod(text, &end);
  return end != text && !*end && isfinite(*x);
}

/* Integers may be written 100000 or 1e5. */
static Verdict integer(const Option *option, const char *text, double largest, long long *i) {
  double x;
  char *end;
  if (is_word(option, text)) return *i = (long long)option->word_value, FITS;
  if (!number(text, &x) || x != floor(x)) return WRONG_TYPE;
  if (fabs(x) > largest || !in_range(option, x)) return OUT_OF_RANGE;
  *i = strtoll(text, &end, 10);
  if (*end) *i = (long long)x;
  return option->multiple && *i % option->multiple ? OUT_OF_RANGE : FITS;
}

static bool print_word(FILE *to, const Option *option, double value) {
  bool word = option->word && value == option->word_value;
  if (word) fputs(option->word, to);
  return word;
}

static Verdict int_parse(const Option *option, Config *config, const char *text) {
  long long i = 0;
  Verdict verdict = integer(option, text, INT_MAX, &i);
  if (verdict == FITS) *(int *)field(option, config) = (int)i;
  return verdict;
}
static void int_print(FILE *to, const Option *option, const Config *config) {
  int i = *(const int *)field_of(option, config);
  if (!print_word(to, option, i)) fprintf(to, "%d", i);
}
const OptionKind kind_int = {"an integer", int_parse, int_print};

static Verdict long_parse(const Option *option, Config *config, const char *text) {
  long long i = 0;
  Verdict verdict = integer(option, text, 1e18, &i);
  if (verdict == FITS) *(long *)field(option, config) = (long)i;
  return verdict;
}
static void long_print(FILE *to, const Option *option, const Config *config) {
  long i = *(const long *)field_of(option, config);
  if (!print_word(to, option, (double)i)) fprintf(to, "%ld", i);
}
const OptionKind kind_long = {"an integer", long_parse, long_print};

static Verdict seed_parse(const Option *option, Config *config, const char *text) {
  if (!*text || strspn(text, "0123456789") != strlen(text)) return WRONG_TYPE;
  errno = 0;
  uint64_t seed = strtoull(text, NULL, 10);
  if (errno) return WRONG_TYPE;
  *(uint64_t *)field(option, config) = seed;
  return FITS;
}
static void seed_print(FILE *to, const Option *option, const Config *config) {
  fprintf(to, "%llu", (unsigned long long)*(const uint64_t *)field_of(option, config));
}
const OptionKind kind_seed = {"an integer from 0 to 18446744073709551615", seed_parse,
                              seed_print};

/* The shortest text that reads back as x. */
static void print_number(FILE *to, double x) {
  char text[40];
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, x);
    if (strtod(text, NULL) == x) break;
  }
  fputs(text, to);
}

static Verdict real_parse(const Option *option, Config *config, const char *text) {
  double x = option->word_value;
  if (!is_word(option, text)) {
    if (!number(text, &x)) return WRONG_TYPE;
    if (!in_range(option, x)) return OUT_OF_RANGE;
  }
  *(double *)field(option, config) = x;
  return FITS;
}
static void real_print(FILE *to, const Option *option, const Config *config) {
  double x = *(const double *)field_of(option, config);
  if (!print_word(to, option, x)) print_number(to, x);
}
const OptionKind kind_real = {"a number", real_parse, real_print};

static Verdict bool_parse(const Option *option, Config *config, const char *text) {
  bool yes = !strcmp(text, "true");
  if (!yes && strcmp(text, "false")) return WRONG_TYPE;
  *(bool *)field(option, config) = yes;
  return FITS;
}
static void bool_print(FILE *to, const Option *option, const Config *config) {
  fputs(*(const bool *)field_of(option, config) ? "true" : "false", to);
}
const OptionKind kind_bool = {"true or false", bool_parse, bool_print};

static void print_text(FILE *to, const char *text) {
  const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+";
  if (*text && strspn(text, plain) == strlen(text)) {
    fputs(text, to);
    return;
  }
  fputc('"', to);
  for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
    if (*c == '"' || *c == '\\')
      fprintf(to, "\\%c", *c);
    else if (*c < ' ' || *c == 127)
      fprintf(to, "\\x%02x", *c);
    else
      fputc(*c, to);
  }
  fputc('"', to);
}

static Verdict text_parse(const Option *option, Config *config, const char *text) {
  *(const char **)field(option, config) = text_keep(text);
  return FITS;
}
static void text_print(FILE *to, const Option *option, const Config *config) {
  const char *text = *(const char *const *)field_of(option, config);
  print_text(to, text ? text : "");
}
const OptionKind kind_text = {"text", text_parse, text_print};

/* A file or directory; empty: not given (NULL). */
static Verdict path_parse(const Option *option, Config *config, const char *text) {
  *(const char **)field(option, config) = *text ? text_keep(text) : NULL;
  return FITS;
}
const OptionKind kind_path = {"a path", path_parse, text_print};

static int choice_index(const Option *option, const char *text) {
  const char *name;
  for (int i = 0; (name = option->choice(i)); i++)
    if (!strcmp(name, text)) return i;
  return -1;
}

/* An enum whose values are the positions of the names. */
static Verdict choice_parse(const Option *option, Config *config, const char *text) {
  int i = choice_index(option, text);
  if (i < 0) return WRONG_TYPE;
  *(int *)field(option, config) = i;
  return FITS;
}
static void choice_print(FILE *to, const Option *option, const Config *config) {
  fputs(option->choice(*(const int *)field_of(option, config)), to);
}
const OptionKind kind_choice = {"one of", choice_parse, choice_print};

/* A choice that is kept as its name. */
static Verdict name_parse(const Option *option, Config *config, const char *text) {
  int i = choice_index(option, text);
  if (i < 0) return WRONG_TYPE;
  *(const char **)field(option, config) = option->choice(i);
  return FITS;
}
const OptionKind kind_name = {"one of", name_parse, text_print};

/* The same, as a word in place: train.objective. */
static Verdict word_parse(const Option *option, Config *config, const char *text) {
  if (choice_index(option, text) < 0) return WRONG_TYPE;
  snprintf(field(option, config), sizeof config->train.objective, "%s", text);
  return FITS;
}
static void word_print(FILE *to, const Option *option, const Config *config) {
  print_text(to, field_of(option, config));
}
const OptionKind kind_word = {"one of", word_parse, word_print};

/* auto, trained, or a number: a mode and a value. */
static Verdict temperature_parse(const Option *option, Config *config, const char *text) {
  TemperatureMode *mode = (TemperatureMode *)((char *)config + option->also);
  if (!strcmp(text, "auto")) return *mode = T_AUTO, FITS;
  if (!strcmp(text, "trained")) return *mode = T_TRAINED, FITS;
  Verdict verdict = real_parse(option, config, text);
  if (verdict == FITS) *mode = T_FIXED;
  return verdict;
}
static void temperature_print(FILE *to, const Option *option, const Config *config) {
  TemperatureMode mode = *(const TemperatureMode *)((const char *)config + option->also);
  if (mode == T_FIXED)
    real_print(to, option, config);
  else
    fputs(mode == T_AUTO ? "auto" : "trained", to);
}
const OptionKind kind_temperature = {"auto, trained or a number", temperature_parse,
                                     temperature_print};

/* A class, all, or all but one (data/classes.h). */
static Verdict class_parse(const Option *option, Config *config, const char *text) {
  int *classes = field(option, config);
  if (!strcmp(text, "all")) return *classes = CLASS_ALL, FITS;
  bool but = !strncmp(text, "not ", 4);
  const char *digits = text + (but ? 4 : 0);
  if (!*digits || strspn(digits, "0123456789") != strlen(digits)) return WRONG_TYPE;
  long class = strtol(digits, NULL, 10);
  if (class > CLASS_MOST) return WRONG_TYPE;
  *classes = but ? class_but((int)class) : (int)class;
  return FITS;
}
static void class_print(FILE *to, const Option *option, const Config *config) {
  int classes = *(const int *)field_of(option, config);
  if (classes == CLASS_ALL)
    fputs("all", to);
  else
    fprintf(to, classes < CLASS_ALL ? "not %d" : "%d",
            classes < CLASS_ALL ? class_left_out(classes) : classes);
}
const OptionKind kind_class = {"a class from 0 to 127, \"not\" and a class, or all", class_parse,
                               class_print};

static void layers_kind_print(FILE *to, const Option *option, const Config *config) {
  int n = *(const int *)((const char *)config + option->also);
  layers_print(to, field_of(option, config), n, config->spectral);
}
const OptionKind kind_layers = {"a list of layers", NULL, layers_kind_print};
