#include "data/prepare.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/provenance.h"
#include "data/survey.h"
#include "data/toy.h"
#include "io/filesum.h"
#include "io/lean.h"
#include "io/table_write.h"

enum { BLOCK_ROWS = 1024 };

/* What a rank has at hand. */
typedef struct Work {
  const Comm *comm;
  const Source *source;
  const PrepareOpts *opts;
  ViewOpts raw;     /* images before filter and power */
  long from, to;    /* rows of the source */
  long step;        /* rows of a block */
  Block block;      /* as read */
  float *image;     /* (step, dim) jets made into images */
  float *mass_gev;  /* (step) */
  uint8_t *verdict; /* (step) */
  Survey survey;
} Work;

static bool to_images(const Work *w) {
  return w->source->kind == SOURCE_JETS && w->opts->layout == PREPARE_PIXELS;
}

static bool has_mass(const Source *source) {
  return source->kind == SOURCE_JETS || source->has_mass;
}

static LeanSpec spec_of(const Work *w) {
  const Source *source = w->source;
  LeanSpec spec = {.rows = w->to - w->from,
                   .has_label = source->has_label,
                   .has_weight = source->has_weight,
                   .has_truth = source->has_truth,
                   .has_mass = has_mass(source)};
  if (source->kind == SOURCE_JETS && w->opts->layout != PREPARE_PIXELS) {
    spec.layout = LEAN_JETS;
    spec.slots = source->slots;
    spec.has_energy = w->opts->layout == PREPARE_EXACT;
    return spec;
  }
  Shape shape = view_shape(source, &w->raw);
  spec.layout = LEAN_PIXELS;
  spec.shape[0] = shape.c, spec.shape[1] = shape.h, spec.shape[2] = shape.w;
  return spec;
}

static Err check_range(const Work *w) {
  if (w->from >= 0 && w->from < w->to && w->to <= w->source->rows) return OK;
  return err_user("rows.from, rows.to: found %ld to %ld, want rows among the %ld of %s", w->from,
                  w->to, w->source->rows, w->source->path);
}

static Err check_size(const Work *w) {
  LeanSpec spec = spec_of(w);
  long dim = (long)spec.shape[0] * spec.shape[1] * spec.shape[2];
  if (spec.layout == LEAN_JETS || dim <= 1 << 16) return OK;
  return err_user("%s: found samples of %ld numbers, want at most %d in a lean file",
                  w->source->path, dim, 1 << 16);
}

/* Every view can be made from the constituents, an image from its pixels. */
static Err check_view(const Work *w, const Source *source) {
  const ViewOpts *view = &w->opts->data.view;
  TRY(view_check(source, view));
  if (!to_images(w) || !strcmp(view->name, "image")) return OK;
  return err_user("prepare.layout: found pixels for data.view %s, want jets or exact",
                  view->name);
}

static Err begin(Work *w, Source *source) {
  const PrepareOpts *opts = w->opts;
  TRY(source_open(source, &opts->data.source));
  TRY(check_view(w, source));
  if (source->has_target)
    return err_user("%s: found pairs of noisy and clean samples, want samples alone: lean files "
                    "keep no targets; train on this input as it is",
                    source->path);
  w->raw = opts->data.view;
  w->raw.image.smooth = 0, w->raw.image.power = w->raw.image.sum = 1;
  w->from = opts->from;
  w->to = opts->to ? opts->to : dataset_rows(source, &opts->data);
  TRY(check_range(w));
  return check_size(w);
}

static void make_room(Work *w) {
  long grain = w->source->reader->grain ? w->source->reader->grain(w->source) : 1;
  w->step = (BLOCK_ROWS + grain - 1) / grain * grain;
  w->block = block_new(w->source, w->step);
  if (to_images(w))
    w->image = MEM_NEW(float, "images", w->step *shape_size(view_shape(w->source, &w->raw)));
  if (has_mass(w->source)) w->mass_gev = MEM_NEW(float, "masses", w->step);
  w->verdict = MEM_NEW(uint8_t, "verdicts", w->step);
}

static void free_room(Work *w) {
  block_free(&w->block);
  mem_free(&w->image);
  mem_free(&w->mass_gev);
  mem_free(&w->verdict);
}

/* Where the sample of row i is made: in its image or in place; NULL: its constituents are kept. */
static float *sample_at(const Work *w, long i) {
  float *samples = w->image ? w->image : w->block.x;
  return samples ? samples + i * shape_size(view_shape(w->source, &w->raw)) : NULL;
}

/* Row i of the block; a refused one is emptied. */
static JetVerdict make_row(const Work *w, long i) {
  Sample sample = view_sample(sample_at(w, i), w->source, &w->block, i, &w->raw);
  long row = 4l * w->source->slots;
  if (w->block.p4 && sample.verdict != JET_OK)
    memset(w->block.p4 + i * row, 0, (size_t)row * sizeof *w->block.p4);
  w->block.weight[i] = sample.weight;
  if (w->mass_gev) w->mass_gev[i] = sample.mass_gev;
  return sample.verdict;
}

/* This rank's rows of a wave, from .. to - 1. */
static Err read_rows(Work *w, long from, long to) {
  TRY(source_read(w->source, &w->block, from, to));
#pragma omp parallel for
  for (long i = 0; i < to - from; i++) w->verdict[i] = (uint8_t)make_row(w, i);
  survey_count(&w->survey, w->verdict, from, to);
  return OK;
}

static LeanRows rows_at_hand(const Work *w, long rows) {
  return (LeanRows){.rows = rows,
                    .p4 = w->block.p4,
                    .x = w->image ? w->image : w->block.x,
                    .label = w->block.label,
                    .weight = w->block.weight,
                    .truth = w->block.truth,
                    .mass_gev = w->mass_gev};
}

static long inside(long row, const Work *w) { return row < w->to ? row : w->to; }

/* Waves of one block per rank, in the order of ranks. */
static Err copy_rows(Work *w, LeanWriter *writer) {
  long wave = w->step * comm_size(w->comm);
  for (long start = w->from; start < w->to; start += wave) {
    long from = inside(start + w->step * comm_rank(w->comm), w), to = inside(from + w->step, w);
    TRY(comm_agree(w->comm, read_rows(w, from, to)));
    LeanRows rows = rows_at_hand(w, to - from);
    TRY(lean_append(writer, &rows));
    progress_at((double)(inside(start + wave, w) - w->from), "%ld rows", w->to - w->from);
  }
  survey_reduce(w->comm, &w->survey);
  return survey_judge(&w->survey, w->source->path, w->to - w->from, w->opts->data.bad_rows);
}

static void note_image(LeanWriter *writer, const ImageOpts *image) {
  lean_note_number(writer, "image.size", image->size);
  lean_note_number(writer, "image.width_eta", image->width_eta);
  lean_note_number(writer, "image.width_phi", image->width_phi);
  lean_note_number(writer, "image.merge_last", image->merge == PIXEL_LAST);
  lean_note_number(writer, "image.constituents", image->constituents);
}

static void note_file(LeanWriter *writer, int64_t bytes, uint32_t crc) {
  char text[16];
  snprintf(text, sizeof text, "%08x", crc);
  lean_note_number(writer, "source.bytes", (double)bytes);
  lean_note_text(writer, "source.crc32", text);
}

static void note_toy(const Work *w, LeanWriter *writer) {
  lean_note_number(writer, "source.jets", (double)w->source->rows);
  lean_note_number(writer, "source.seed", (double)w->opts->data.source.seed);
}

static void note_refused(const Work *w, LeanWriter *writer) {
  lean_note_number(writer, "refused.empty", (double)w->survey.refused[JET_EMPTY]);
  lean_note_number(writer, "refused.nan", (double)w->survey.refused[JET_NAN]);
  lean_note_number(writer, "refused.negative", (double)w->survey.refused[JET_NEGATIVE_ENERGY]);
}

static bool is_toy(const Work *w) { return w->source->reader->makes_rows; }

/* Before the rows; what is known only after them is noted again. */
static void note_before(const Work *w, LeanWriter *writer) {
  lean_note_text(writer, "program", provenance_version());
  lean_note_text(writer, "source", w->source->path);
  lean_note_text(writer, "source.reader", w->source->reader->name);
  lean_note_number(writer, "rows.from", (double)w->from);
  lean_note_number(writer, "rows.to", (double)w->to);
  note_refused(w, writer);
  if (w->image || w->source->raw_image) note_image(writer, &w->raw.image);
  if (is_toy(w))
    note_toy(w, writer);
  else
    note_file(writer, 0, 0);
}

static Err note_after(const Work *w, LeanWriter *writer) {
  int64_t bytes;
  uint32_t crc;
  note_refused(w, writer);
  if (is_toy(w)) return OK;
  TRY(filesum(w->comm, w->source->path, &bytes, &crc));
  note_file(writer, bytes, crc);
  return OK;
}

static Err write_file(Work *w, const char *out, const char *what) {
  LeanSpec spec = spec_of(w);
  LeanWriter *writer;
  TRY(lean_create(&writer, w->comm, out, &spec, w->step));
  progress_begin(what, (double)spec.rows, 10);
  note_before(w, writer);
  Err e = copy_rows(w, writer);
  if (!e) e = note_after(w, writer);
  TRY(lean_finish(&writer, e));
  progress_end("%ld rows of %s in %s", spec.rows, w->source->path, out);
  return OK;
}

Err prepare_file(const Comm *comm, const char *out, const PrepareOpts *opts, const char *what) {
  Source source = {0};
  Work w = {.comm = comm, .source = &source, .opts = opts, .survey = {.first_bad = -1}};
  Err e = comm_agree(comm, begin(&w, &source));
  if (!e) {
    make_room(&w);
    e = write_file(&w, out, what);
    free_room(&w);
  }
  source_close(&source);
  return e;
}

/* Toy jets as a table: every rank its own range, block by block. */
static Err put_toys(const TableWriter *table, Range mine, uint64_t seed, float *p4) {
  int8_t label[BLOCK_ROWS];
  float truth[BLOCK_ROWS][4];
  for (long from = mine.from; from < mine.to; from += BLOCK_ROWS) {
    long n = mine.to - from < BLOCK_ROWS ? mine.to - from : BLOCK_ROWS;
#pragma omp parallel for
    for (long i = 0; i < n; i++)
      toy_jet(p4 + i * TOY_SLOTS * 4, &label[i], truth[i], seed, (uint64_t)(from + i));
    TRY(table_put(table, p4, label, truth[0], from, n));
    progress_at((double)(from + n - mine.from), "jets");
  }
  return OK;
}

Err prepare_table(const Comm *comm, const char *out, long jets, uint64_t seed) {
  _Static_assert((int)TABLE_SLOTS == (int)TOY_SLOTS, "a toy jet fills a row of the table");
  Range mine = range_of(jets, comm_rank(comm), comm_size(comm));
  TableWriter table;
  TRY(table_create(&table, comm, out, jets));
  progress_begin("generate", (double)(mine.to - mine.from), 10);
  float *p4 = MEM_NEW(float, "block of jets", BLOCK_ROWS *TOY_SLOTS * 4);
  Err e = put_toys(&table, mine, seed, p4);
  mem_free(&p4);
  TRY(table_finish(&table, e));
  progress_end("%ld jets in %s", jets, out);
  return OK;
}
