/* The option table: one row per option. It drives the YAML reader, key=value arguments, the
 * reference, the checks and the canonical text; adding an option is one row in app/options.c.
 *
 * A row says what kind of value it takes, where it goes in Config, what is allowed, whether it
 * makes the result, and under which names the published codes know it. Its default is what
 * config_defaults() holds in that place. */
#ifndef APP_OPTION_H
#define APP_OPTION_H

#include <stdio.h>

#include "app/config.h"

/* Whether an option makes the result (a resumed run must not change it), may be extended, or
 * concerns the run only. */
typedef enum OptionClass { MAKES_RESULT, MAY_EXTEND, RUN_ONLY } OptionClass;

typedef struct Option Option;

/* How a value reads. One each for integers, numbers, switches, choices, text, ... */
typedef enum Verdict { FITS, WRONG_TYPE, OUT_OF_RANGE } Verdict;
typedef struct OptionKind {
  const char *want; /* "an integer" */
  /* Take `text` into the configuration. NULL: not a scalar (lists of layers). */
  Verdict (*parse)(const Option *option, Config *config, const char *text);
  /* Write the value as a YAML scalar. */
  void (*print)(FILE *to, const Option *option, const Config *config);
} OptionKind;

struct Option {
  const char *key; /* "nae.x_step_size" */
  const OptionKind *kind;
  size_t offset; /* of the field in Config */
  size_t also;   /* of a second field: number of layers, mode of the temperature */
  OptionClass class;
  double low, high; /* allowed range, both ends included; low = high = 0: any */
  bool above;       /* low itself is not allowed */
  long multiple;    /* of what the value must be a multiple, 0: nothing */
  const char *word; /* a word that stands for a number: "all" */
  double word_value;
  const char *(*choice)(int i); /* names allowed; NULL past the end */
  const char *(*about)(int i);  /* what each of them is; NULL: the help says it */
  const char *unit;
  const char *aliases; /* other names, separated by blanks */
  const char *help;    /* one line */
};

extern const OptionKind kind_int, kind_long, kind_seed, kind_real, kind_bool, kind_text,
    kind_path, kind_choice, kind_name, kind_word, kind_temperature, kind_class, kind_layers;

/* The i-th row; NULL past the end. */
const Option *option_at(int i);
/* Row number of a key or of an alias, bare or behind the section of its option; -1: none. */
int option_find(const char *key);
/* True when some option lies in the section `key`. */
bool option_section(const char *key);
/* The valid key or section that looks most like it. Borrows: until the next call. */
const char *option_nearest(const char *key);
/* Errors: "key: found -0.1, want > 0". */
Err option_set(const Option *option, Config *config, const char *text);
/* "an integer >= 1", "one of langevin, mala". */
void option_want(FILE *to, const Option *option);

#endif
