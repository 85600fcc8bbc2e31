/* Loads a model file cut at many places, and with single bytes changed: either it is refused with
 * a message or it works; the program lives.
 *
 *   damage MODEL SCRATCH */
#include <jetnae.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUTS = 100, CHANGES = 400 };

static int attempt(const char *path, const unsigned char *bytes, size_t size) {
  JetnaeModel *model;
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) return 3;
  int code = jetnae_load(&model, path);
  if (code && (model || !strlen(jetnae_message()))) exit(printf("an error without words\n"));
  jetnae_unload(&model);
  return code;
}

int main(int argc, char **argv) {
  static unsigned char bytes[1 << 20];
  FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
  if (!file) return 2;
  size_t size = fread(bytes, 1, sizeof bytes, file);
  int refused = 0, changed = 0;
  fclose(file);
  for (size_t i = 0; i < CUTS; i++) refused += attempt(argv[2], bytes, size * i / CUTS) != 0;
  for (size_t i = 0; i < CHANGES; i++) {
    size_t at = i * size / CHANGES + i % 7;
    unsigned char was = bytes[at];
    bytes[at] ^= (unsigned char)(1u << i % 8);
    changed += attempt(argv[2], bytes, size) != 0;
    bytes[at] = was;
  }
  int whole = attempt(argv[2], bytes, size);
  printf("refused %d of %d cut files, %d of %d with one changed byte, the whole one: %d\n",
         refused, CUTS, changed, CHANGES, whole);
  return whole || refused < CUTS ? 1 : 0;
}
