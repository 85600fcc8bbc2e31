#include "data/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const View view_image, view_sequence, view_features;

static const View *const all[] = {&view_image, &view_sequence, &view_features, NULL};
enum { VIEWS = sizeof all / sizeof *all - 1 };

ViewOpts view_defaults(void) {
  return (ViewOpts){.name = "image", .image = image_defaults(), .points = 40};
}

const View *view_at(int i) { return i >= 0 && i < VIEWS ? all[i] : NULL; }

const View *view_find(const char *name) {
  for (int i = 0; i < VIEWS; i++)
    if (!strcmp(all[i]->name, name)) return all[i];
  return NULL;
}

void view_features_text(char *text, size_t size, const View *view) {
  text[0] = 0;
  for (int i = 0; view && view->names[i]; i++) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, i ? ", %s" : "%s", view->names[i]);
  }
}

Err view_check(const Source *source, const ViewOpts *opts) {
  const View *view = view_find(opts->name);
  CHECK(view, "no view %s", opts->name);
  if (source->kind != SOURCE_JETS && view != &view_image)
    return err_user("data.view: found %s, want %s: the samples of %s are no jets with "
                    "constituents",
                    opts->name, view_image.name, source->path);
  if (source->reader->check) TRY(source->reader->check(source, &opts->image));
  if (source->kind != SOURCE_JETS) return OK;
  if (source->slots > JET_SLOTS_MOST)
    return err_user("%s: found %d constituents per jet, want at most %d", source->path,
                    source->slots, JET_SLOTS_MOST);
  return view->check ? view->check(opts) : OK;
}

Shape view_shape(const Source *source, const ViewOpts *opts) {
  return source->kind == SOURCE_JETS ? view_find(opts->name)->shape(opts) : source->shape;
}

/* ---- from a row to a sample ---- */

static bool sums_to_something(const float *x, long dim) {
  for (long i = 0; i < dim; i++)
    if (x[i] != 0) return true;
  return false;
}

/* A row that is a sample already, or an image whose last steps are missing. */
static JetVerdict dense_sample(float *x, const float *row, const float *target,
                               const Source *source, const ImageOpts *image) {
  long dim = shape_size(source->shape);
  for (long i = 0; i < dim; i++)
    if (!isfinite(row[i]) || (target && !isfinite(target[i]))) return JET_NAN;
  if (source->raw_image && !sums_to_something(row, dim)) return JET_EMPTY;
  memmove(x, row, (size_t)dim * sizeof *x);
  if (source->raw_image) image_finish(x, image);
  return JET_OK;
}

static JetVerdict make(float *x, float *mass_gev, const Source *source, const Block *block,
                       long i, const ViewOpts *opts) {
  *mass_gev = block->mass_gev ? block->mass_gev[i] : 0;
  if (source->kind == SOURCE_DENSE) {
    long at = i * shape_size(source->shape);
    const float *target = block->target ? block->target + at : NULL;
    return dense_sample(x, block->x + at, target, source, &opts->image);
  }
  Jet jet = {.p4 = block->p4 + i * source->slots * 4, .slots = source->slots};
  if (!block->mass_gev) *mass_gev = (float)jet_mass_gev(jet.p4, jet.slots);
  jet.mass_gev = *mass_gev;
  return x ? view_find(opts->name)->make(x, &jet, opts) : jet_verdict(jet.p4, jet.slots);
}

Sample view_sample(float *x, const Source *source, const Block *block, long i,
                   const ViewOpts *opts) {
  Sample sample = {.weight = block->weight[i]};
  sample.verdict = make(x, &sample.mass_gev, source, block, i, opts);
  bool good = isfinite(sample.weight) && sample.weight >= 0;
  if (sample.verdict == JET_OK && !good) sample.verdict = JET_NAN;
  if (sample.verdict == JET_OK) return sample;
  if (x) memset(x, 0, (size_t)shape_size(view_shape(source, opts)) * sizeof *x);
  return (Sample){.verdict = sample.verdict};
}

/* ---- the image ---- */

static const char *const image_names[] = {"pt_share", NULL};

static Err image_check(const ViewOpts *opts) {
  if (opts->image.size >= 1 && opts->image.size <= IMAGE_SIZE_MOST) return OK;
  return err_user("data.image_size: found %d, want 1 to %d", opts->image.size, IMAGE_SIZE_MOST);
}

static Shape image_shape(const ViewOpts *opts) {
  return (Shape){1, opts->image.size, opts->image.size};
}

static JetVerdict image_make(float *x, const Jet *jet, const ViewOpts *opts) {
  return jet_image(x, jet->p4, jet->slots, &opts->image);
}

const View view_image = {.name = "image",
                         .names = image_names,
                         .check = image_check,
                         .shape = image_shape,
                         .make = image_make};
