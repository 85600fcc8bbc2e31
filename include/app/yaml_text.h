/* YAML text to options. */
#ifndef APP_YAML_TEXT_H
#define APP_YAML_TEXT_H

#include "app/config.h"

/* Take all options that `text` gives. Errors: "name:line: key: found, want", not YAML, unknown
 * key, key given twice. */
Err yaml_read(Config *config, const char *name, const char *text);
/* Take one `key=value` of the command line; lists and maps in YAML's flow syntax. */
Err yaml_assign(Config *config, const char *assignment);

/* Keep a copy of a string for as long as the program runs. */
const char *text_keep(const char *text);
/* A found value as a message shows it: printable and short. Borrows: until the next call. */
const char *text_show(const char *text);

#endif
