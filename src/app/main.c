/* jetnae <command> [config.yaml] [key=value ...]: start MPI, read the configuration, run the
 * command on all ranks, say what went wrong once. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/command.h"
#include "app/origin.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/provenance.h"
#include "num/isa.h"

static void print_commands(FILE *to) {
  const Command *command;
  fprintf(to, "jetnae %s\n\n%s\n\n%s\n", command_usage, command_program, command_overview);
  for (int i = 0; (command = command_at(i)); i++)
    fprintf(to, "  %-12s %s\n", command->name, command->summary);
  fputs("\n  jetnae <command> --help   what a command does, with an example\n"
        "  jetnae config             all options\n"
        "  jetnae --version\n",
        to);
}

static void print_help(const Command *command) {
  printf("jetnae %s %s\n\n%s\n\n%s", command->name, command->usage, command->summary,
         command->help);
}

static bool has_argument(int argc, char **argv, const char *text) {
  for (int i = 1; i < argc; i++)
    if (!strcmp(argv[i], text)) return true;
  return false;
}

/* --help and --version need no MPI. */
static bool answer(int argc, char **argv) {
  const Command *command = argc > 1 ? command_find(argv[1]) : NULL;
  bool help = has_argument(argc, argv, "--help");
  if (help && command)
    print_help(command);
  else if (help)
    print_commands(stdout);
  else if (has_argument(argc, argv, "--version"))
    printf("jetnae %s\n", provenance_version());
  else
    return false;
  return true;
}

/* The words behind the command, sorted by kind. */
typedef struct Words {
  const char *run, *file, *from; /* from: of an assignment, in place of a file */
  const char **runs;             /* (n_runs) the first is `run` */
  int n_runs, n;
  char **assignment; /* (n) */
} Words;

static bool is_assignment(const char *word) {
  const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  return word[strspn(word, letters)] == '=';
}

/* The value of the last key=value with this key; NULL: none. */
static const char *assigned(const Words *words, const char *key) {
  size_t n = strlen(key);
  for (int i = words->n - 1; i >= 0; i--)
    if (!strncmp(words->assignment[i], key, n) && words->assignment[i][n] == '=')
      return words->assignment[i] + n + 1;
  return NULL;
}

static Err sort_words(Words *words, const Command *command, int n, char **word) {
  words->assignment = calloc((size_t)n + 1, sizeof *words->assignment);
  words->runs = calloc((size_t)n + 1, sizeof *words->runs);
  CHECK(words->assignment && words->runs, "no memory");
  for (int i = 0; i < n; i++) {
    if (is_assignment(word[i]))
      words->assignment[words->n++] = word[i];
    else if (word[i][0] == '-')
      return err_user("command line: found %s, want key=value; the only dashed options are "
                      "--help and --version",
                      word[i]);
    else if (command->takes_runs || (command->takes_run && !words->n_runs))
      words->runs[words->n_runs++] = word[i];
    else if (!words->file)
      words->file = word[i];
    else
      return err_user("command line: found %s, want key=value: the configuration is %s already",
                      word[i], words->file);
  }
  words->run = words->runs[0];
  if ((command->takes_run || command->takes_runs) && !words->run)
    return err_user("%s: which run? want: jetnae %s %s", command->name, command->name,
                    command->usage);
  words->from = assigned(words, "from");
  if (words->from && words->file)
    return err_user("command line: found %s and from=%s, want one configuration", words->file,
                    words->from);
  if (command->needs_config && !words->file && !words->from)
    return err_user("%s: no configuration; want: jetnae %s %s", command->name, command->name,
                    command->usage);
  return OK;
}

/* What was said about that run and is not meant for another one. */
static void forget_run(Config *config, const Words *words) {
  TrainOpts none = train_defaults();
  if (!assigned(words, "out")) config->out = NULL;
  if (!assigned(words, "fresh")) config->train.fresh = none.fresh;
  if (!assigned(words, "stop.wall_minutes")) config->train.wall_minutes = none.wall_minutes;
}

/* Rank 0 reads the file, so that a thousand ranks do not; all parse the same bytes. */
static Err read_text(char **text, const Comm *comm, const Words *words) {
  Err e = OK;
  if (comm_rank(comm) == 0)
    e = words->from ? origin_config(text, words->from) : config_file(text, words->file);
  TRY(comm_agree(comm, e));
  size_t size = *text ? strlen(*text) + 1 : 0;
  comm_broadcast(comm, &size, sizeof size, 0);
  if (!*text) *text = malloc(size);
  CHECK(*text, "no memory");
  comm_broadcast(comm, *text, size, 0);
  return OK;
}

static Err read_config(Config *config, const Comm *comm, const Words *words) {
  char *text = NULL;
  const char *name = words->from ? words->from : words->file;
  if (name) TRY(read_text(&text, comm, words));
  Err e = config_read(config, name, text, words->n, words->assignment);
  free(text);
  if (!e && words->from) forget_run(config, words);
  config->run = words->run;
  config->runs = words->runs;
  config->n_runs = words->n_runs;
  config->file = name;
  return e;
}

static bool same_file(const char *a, const struct stat *b) {
  struct stat info;
  return a && *a && !stat(a, &info) && S_ISREG(info.st_mode) && info.st_dev == b->st_dev &&
         info.st_ino == b->st_ino;
}

/* A command must not write over what it reads. */
static Err check_out(const Config *config) {
  struct stat out;
  if (!config->out || !*config->out || stat(config->out, &out) || !S_ISREG(out.st_mode))
    return OK;
  static const char *const of_run[] = {"", "/model.h5", "/config.yaml", "/log.csv"};
  bool same = same_file(config->data.source.path, &out) || same_file(config->valid, &out);
  for (int i = 0; i < 4 && config->run; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s%s", config->run, of_run[i]);
    same = same || same_file(path, &out);
  }
  if (!same) return OK;
  return err_user("out: found %s, which this command reads or a run needs; want another name",
                  config->out);
}

static Err prepare_run(const Comm *comm, Config *config) {
  log_init(comm_rank(comm), config->quiet);
  TRY(check_out(config));
  TRY(isa_use(config->isa));
  isa_fp_control();
  if (!config->train.threads) config->train.threads = comm_threads(comm);
  omp_set_num_threads(config->train.threads);
  stop_catch_signals();
  return OK;
}

static Err run(const Comm *comm, int argc, char **argv) {
  if (argc < 2) return err_user("no command; `jetnae --help` lists them");
  const Command *command = command_find(argv[1]);
  if (!command)
    return err_user("no command is called %s; did you mean %s? `jetnae --help` lists them",
                    argv[1], command_nearest(argv[1]));
  Words words = {0};
  Config config;
  Err e = sort_words(&words, command, argc - 2, argv + 2);
  if (!e) e = read_config(&config, comm, &words);
  e = comm_agree(comm, e ? e : prepare_run(comm, &config));
  if (!e) origin_note_run(comm, command->name, &config);
  if (!e) e = comm_agree(comm, command->run(comm, &config));
  free(words.assignment);
  free(words.runs);
  return e;
}

int main(int argc, char **argv) {
  Comm *world = NULL;
  provenance_init(argc, argv);
  if (answer(argc, argv)) return OK;
  Err e = comm_start(&argc, &argv, &world);
  int rank = world ? comm_rank(world) : 0;
  log_init(rank, false);
  if (!e) e = run(world, argc, argv);
  if (e && rank == 0 && *err_message()) fprintf(stderr, "jetnae: %s\n", err_message());
  if (world) comm_end(&world);
  return e;
}
