#include "data/source.h"

extern const Reader reader_lean;

static bool knows_lean(const char *path) { return false; }
static Err open_lean(Source *source, const SourceOpts *opts) {
  return err_user("%s: lean files cannot be read yet", opts->path);
}
const Reader reader_lean = {.name = "lean", .help = "", .knows = knows_lean, .open = open_lean};
