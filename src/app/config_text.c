/* The configuration as text: canonical YAML, and the reference of all options. */
#include <stdlib.h>
#include <string.h>

#include "app/option.h"
#include "base/err.h"

static int section_of(const Option *option) {
  const char *dot = strchr(option->key, '.');
  return dot ? (int)(dot - option->key) : 0;
}

static bool same_section(const Option *a, const Option *b) {
  int n = section_of(a);
  return n == section_of(b) && !strncmp(a->key, b->key, (size_t)n);
}

static void print_line(FILE *to, const Option *option, const Config *config) {
  int n = section_of(option);
  fprintf(to, "%s%s:", n ? "  " : "", option->key + (n ? n + 1 : 0));
  if (option->kind != &kind_layers) fputc(' ', to);
  option->kind->print(to, option, config);
  fputc('\n', to);
}

char *config_text(const Config *config, bool result_only) {
  char *text;
  size_t size;
  FILE *to = open_memstream(&text, &size);
  const Option *option, *before = NULL;
  CHECK(to, "no memory");
  for (int i = 0; (option = option_at(i)); i++) {
    if (result_only && option->class != MAKES_RESULT) continue;
    int n = section_of(option);
    if (n && (!before || !same_section(option, before))) fprintf(to, "%.*s:\n", n, option->key);
    print_line(to, option, config);
    before = option;
  }
  fclose(to);
  return text;
}

static const char *class_text(OptionClass class) {
  switch (class) {
  case MAY_EXTEND:
    return "may grow in a resumed run";
  case RUN_ONLY:
    return "of the run only";
  default:
    return "makes the result";
  }
}

static void explain(FILE *to, const Option *option, const Config *defaults) {
  fprintf(to, "%s\n      %s\n      ", option->key, option->help);
  option_want(to, option);
  if (option->unit) fprintf(to, " [%s]", option->unit);
  fputs("; default", to);
  if (option->kind == &kind_layers)
    fputs(" none", to);
  else
    fputc(' ', to), option->kind->print(to, option, defaults);
  fprintf(to, "; %s", class_text(option->class));
  if (option->aliases) fprintf(to, "; also called %s", option->aliases);
  fputs("\n", to);
  for (int i = 0; option->about && option->choice(i); i++)
    fprintf(to, "      %s: %s\n", option->choice(i), option->about(i));
}

static const char *const intro =
    "Options of jetnae. In a YAML file a name with a dot is a section and a line in it; on the\n"
    "command line it is `key=value`. A resumed run keeps the options that make the result; others\n"
    "may change. Names of the published codes are understood too.\n";

static void explain_layer(FILE *to, const Layer *op) {
  fprintf(to, "%s\n      %s\n", op->name, op->help);
  for (const Attr *attr = op->attrs; attr && attr->name; attr++) {
    fprintf(to, "      %s: %s", attr->name, attr->help);
    if (attr->required)
      fputs("; required", to);
    else if (attr->kind == ATTR_CHOICE)
      fprintf(to, "; default %s", attr->choices[(int)attr->fallback]);
    else if (attr->kind == ATTR_BOOL)
      fprintf(to, "; default %s", attr->fallback != 0 ? "true" : "false");
    else
      fprintf(to, "; default %g", attr->fallback);
    for (int i = 0; attr->kind == ATTR_CHOICE && attr->choices[i]; i++)
      fprintf(to, "%s%s", i ? ", " : "; one of ", attr->choices[i]);
    fputc('\n', to);
  }
}

char *config_reference(void) {
  char *text;
  size_t size;
  FILE *to = open_memstream(&text, &size);
  Config defaults = config_defaults();
  const Option *option, *before = NULL;
  const Layer *op;
  CHECK(to, "no memory");
  fputs(intro, to);
  for (int i = 0; (option = option_at(i)); before = option, i++) {
    int n = section_of(option);
    if (n && !same_section(option, before))
      fprintf(to, "\n--- %.*s ---\n", n, option->key);
    else if (!i)
      fputc('\n', to);
    explain(to, option, &defaults);
  }
  fputs("\n--- layers, for net.encoder and net.decoder ---\n", to);
  for (int i = 0; (op = layer_at(i)); i++) explain_layer(to, op);
  fclose(to);
  return text;
}
