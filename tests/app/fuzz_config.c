/* Damaged configurations, as many as fit in a second: each is read or refused with a message,
 * none crashes (built with ASan and UBSan this finds more). The damage is a pure function of the
 * round. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "num/rng.h"

enum { LONGEST = 8192, ROUNDS = 3000 };

static const char *const pieces[] = {"{",  "}",   "[",    "]",     ": ",     "- ",     "\n",
                                     "&a", "*a",  "\"",   "'",     "\\x00",  "!!int ", "\xff",
                                     "? ", "|\n", "1e99", "-1",    "nae",    "net",    "encoder",
                                     "#",  "\t",  "<<",   "---\n", "nae: {", "dense",  "0x10"};
enum { PIECES = sizeof pieces / sizeof *pieces };

static uint32_t number(uint64_t round, uint32_t draw, uint32_t below) {
  uint32_t bits[4];
  rng_bits(bits, rng_key(1, RNG_TOY), round, 0, draw);
  return bits[0] % below;
}

/* Cut out, repeat or insert a few places of the text. */
static void damage(char *text, uint64_t round) {
  uint32_t times = 1 + number(round, 0, 4);
  for (uint32_t k = 0; k < times; k++) {
    size_t n = strlen(text), at = number(round, 4 * k + 1, (uint32_t)n + 1);
    uint32_t kind = number(round, 4 * k + 2, 3), much = number(round, 4 * k + 3, 20);
    const char *piece = pieces[number(round, 4 * k + 4, PIECES)];
    size_t length = strlen(piece), cut = at + much < n ? much : n - at;
    if (kind == 0)
      memmove(text + at, text + at + cut, n - at - cut + 1);
    else if (kind == 1 && at < n)
      text[at] = (char)(1 + number(round, 4 * k + 4, 255));
    else if (n + length + 1 < LONGEST) {
      memmove(text + at + length, text + at, n - at + 1);
      memcpy(text + at, piece, length);
    }
  }
}

/* Errors: the file itself is refused, or a refusal says nothing. */
static Err fuzz(const char *name, const char *whole, uint64_t file, int rounds, long count[2]) {
  static Config config;
  char text[LONGEST];
  TRY(config_read(&config, name, whole, 0, NULL));
  for (int round = 0; round < rounds; round++) {
    snprintf(text, sizeof text, "%s", whole);
    damage(text, file << 32 | (uint64_t)round);
    err_clear();
    bool read = !config_read(&config, name, text, 0, NULL);
    if (!read && !*err_message()) return err_user("%s: refused without a message", name);
    if (read) free(config_text(&config, false));
    count[read]++;
  }
  return OK;
}

int main(int argc, char **argv) {
  long count[2] = {0}; /* refused, read */
  for (int i = 1; i < argc; i++) {
    char *whole = NULL;
    Err e = config_file(&whole, argv[i]);
    if (!e) e = fuzz(argv[i], whole, (uint64_t)i, ROUNDS / (argc - 1), count);
    free(whole);
    if (e) return fprintf(stderr, "%s\n", err_message()), 1;
  }
  printf("%ld read, %ld refused\n", count[1], count[0]);
  return count[0] && count[1] ? 0 : 1;
}
