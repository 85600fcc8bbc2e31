/* Lean files as a source: jets, images before filter and power, or other images. */
#include "data/source.h"
#include "io/lean.h"

extern const Reader reader_lean;

static Err open_lean(Source *source, const SourceOpts *opts) {
  Lean *lean = NULL;
  TRY(lean_open(&lean, opts->path));
  LeanSpec spec = lean_spec(lean);
  source->file = lean;
  source->rows = spec.rows;
  source->kind = spec.layout == LEAN_JETS ? SOURCE_JETS : SOURCE_DENSE;
  source->slots = spec.slots;
  source->shape = (Shape){spec.shape[0], spec.shape[1], spec.shape[2]};
  source->has_label = spec.has_label;
  source->has_weight = spec.has_weight;
  source->has_truth = spec.has_truth;
  source->has_mass = spec.has_mass;
  source->raw_image = spec.layout == LEAN_PIXELS && lean_number(lean, "image.size", 0) > 0;
  return OK;
}

static Err read_lean(const Source *source, Block *block, long from, long to) {
  LeanRows rows = {.p4 = block->p4,
                   .x = block->x,
                   .label = block->label,
                   .weight = block->weight,
                   .truth = block->truth,
                   .mass_gev = block->mass_gev};
  return lean_read(source->file, &rows, from, to);
}

static void close_lean(Source *source) { lean_close((Lean **)&source->file); }

static Err check_lean(const Source *source, const ImageOpts *opts) {
  if (!source->raw_image) return OK;
  const struct {
    const char *name, *option;
    double want;
  } made_with[] = {{"image.size", "data.image_size", opts->size},
                   {"image.width_eta", "data.width_eta", opts->width_eta},
                   {"image.width_phi", "data.width_phi", opts->width_phi},
                   {"image.merge_last", "data.pixel_merge last", opts->merge == PIXEL_LAST},
                   {"image.constituents", "data.constituents", opts->constituents}};
  for (size_t i = 0; i < sizeof made_with / sizeof *made_with; i++) {
    double found = lean_number(source->file, made_with[i].name, -1);
    if (found != made_with[i].want)
      return err_user("%s: the images were made with %s = %g, want %g as configured; change that "
                      "or prepare them again",
                      source->path, made_with[i].option, found, made_with[i].want);
  }
  return OK;
}

const Reader reader_lean = {.name = "lean",
                            .help = "files made by prepare and generate",
                            .knows = lean_knows,
                            .anywhere = true,
                            .open = open_lean,
                            .read = read_lean,
                            .close = close_lean,
                            .check = check_lean};
