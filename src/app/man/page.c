/* page DATE [PAGE]: a page of the manual on stdout, in the macros of man(7), while building.
 *
 * There is one text: what `jetnae --help`, `jetnae COMMAND --help` and `jetnae config` print, set
 * by its layout. PAGE is a command, or `options`; none is the page of the program. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"

typedef struct Line {
  const char *text;
  size_t n, indent; /* letters in all, blanks in front */
} Line;

/* The line that begins at *at, which moves behind it. */
static bool next_line(Line *line, const char **at) {
  if (!**at) return false;
  *line = (Line){*at, strcspn(*at, "\n"), strspn(*at, " ")};
  *at += line->n + ((*at)[line->n] == '\n');
  return true;
}

/* Letters as they stand: what roff or a terminal's fonts would change is named. */
static void put(const char *text, size_t n) {
  static const char plain[] = "\\-'`^~";
  static const char *const named[] = {"\\e", "\\-", "\\(aq", "\\(ga", "\\(ha", "\\(ti"};
  if (n && *text == '.') fputs("\\&", stdout);
  for (size_t i = 0; i < n; i++) {
    const char *at = memchr(plain, text[i], sizeof plain - 1);
    if (at)
      fputs(named[at - plain], stdout);
    else
      putchar(text[i]);
  }
}

static void put_line(Line line, size_t indent) {
  put(line.text + indent, line.n - indent);
  putchar('\n');
}

/* Paragraphs are filled, indented lines are shown as they are. */
static void set_text(const char *text) {
  Line line, before = {0};
  bool shown = false;
  while (next_line(&line, &text)) {
    bool show = line.indent > 0;
    if (shown && !show) puts(".fi\n.RE");
    if (line.n && !before.n && before.text) puts(".PP");
    if (show && !shown) puts(".RS 4\n.nf");
    if (line.n) put_line(line, show ? 2 : 0);
    shown = show;
    before = line;
  }
  if (shown) puts(".fi\n.RE");
}

static void set_heading(const char *name, size_t n) {
  fputs(".SH ", stdout);
  for (size_t i = 0; i < n; i++) putchar(toupper((unsigned char)name[i]));
  putchar('\n');
}

/* The reference: an introduction, then `--- section ---`, names, and indented what they mean. */
static void set_reference(const char *text) {
  Line line;
  size_t before = 0;
  while (next_line(&line, &text) && line.n) put_line(line, 0);
  set_heading("General", 7);
  while (next_line(&line, &text)) {
    if (!line.n) continue;
    if (!strncmp(line.text, "--- ", 4)) {
      set_heading(line.text + 4, line.n - 8);
    } else if (!line.indent) {
      fputs(".TP\n.B ", stdout);
      put_line(line, 0);
    } else {
      if (before) puts(".br");
      put_line(line, line.indent);
    }
    before = line.indent;
  }
}

static void set_title(const char *page, int section, const char *date, const char *summary) {
  char name[64];
  snprintf(name, sizeof name, *page ? "jetnae-%s" : "jetnae%s", page);
  fputs(".TH ", stdout);
  for (const char *c = name; *c; c++) putchar(toupper((unsigned char)*c));
  printf(" %d \"%s\" jetnae\n.nh\n.ad l\n.SH NAME\n", section, date);
  put(name, strlen(name));
  fputs(" \\- ", stdout);
  put(summary, strlen(summary));
  putchar('\n');
}

static void set_synopsis(const char *page, const char *usage) {
  printf(".SH SYNOPSIS\n.B jetnae%s%s\n", *page ? " " : "", page);
  put(usage, strlen(usage));
  puts("\n.SH DESCRIPTION");
}

static void program_page(const char *date) {
  const Command *command;
  set_title("", 1, date, command_program);
  set_synopsis("", command_usage);
  set_text(command_overview);
  puts(".SH COMMANDS");
  for (int i = 0; (command = command_at(i)); i++) {
    printf(".TP\n.BR jetnae\\-%s (1)\n", command->name);
    put(command->summary, strlen(command->summary));
    putchar('\n');
  }
}

static void options_page(const char *date) {
  char *reference = config_reference();
  set_title("options", 7, date, "the options and layers of jetnae");
  puts(".SH DESCRIPTION");
  set_reference(reference);
  free(reference);
}

static void command_page(const Command *command, const char *date) {
  set_title(command->name, 1, date, command->summary);
  set_synopsis(command->name, command->usage);
  set_text(command->help);
}

int main(int argc, char **argv) {
  const char *date = argc > 1 ? argv[1] : "", *page = argc > 2 ? argv[2] : "";
  const Command *command = command_find(page);
  if (command)
    command_page(command, date);
  else if (!*page)
    program_page(date);
  else if (!strcmp(page, "options"))
    options_page(date);
  else
    return fprintf(stderr, "page: no page %s\n", page), 2;
  puts(".SH SEE ALSO\n.BR jetnae (1),\n.BR jetnae\\-options (7)");
  return fflush(stdout) ? 1 : 0;
}
