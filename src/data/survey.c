#include "data/survey.h"

#include <string.h>

#include "base/log.h"

static uint64_t mix(uint64_t hash, uint32_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 32;
}

static uint64_t mix_sample(uint64_t hash, const float *x, long dim) {
  for (long i = 0; i < dim; i++) {
    uint32_t word;
    memcpy(&word, x + i, sizeof word);
    hash = mix(hash, word);
  }
  return hash;
}

/* Hash of row number and all that the row holds. */
static uint64_t hash_row(const Dataset *data, long row) {
  long dim = shape_size(data->shape);
  uint32_t word;
  uint64_t hash = mix(mix(0, (uint32_t)row), (uint32_t)((uint64_t)row >> 32));
  hash = mix_sample(hash, data->x + row * dim, dim);
  if (data->target) hash = mix_sample(hash, data->target + row * dim, dim);
  memcpy(&word, data->weight + row, sizeof word);
  return mix(mix(hash, word), (uint32_t)data->label[row]);
}

void survey_count(Survey *survey, const uint8_t *verdict, long from, long to) {
  for (long row = from; row < to; row++) {
    uint8_t v = verdict[row - from];
    survey->refused[v]++;
    if (survey->first_bad >= 0 || (v != JET_NAN && v != JET_NEGATIVE_ENERGY)) continue;
    survey->first_bad = row;
    survey->first_verdict = v;
  }
}

void survey_reduce(const Comm *comm, Survey *survey) {
  int64_t sum[VERDICTS + 1] = {[VERDICTS] = (int64_t)survey->checksum};
  for (int v = 0; v < VERDICTS; v++) sum[v] = survey->refused[v];
  comm_sum_i64(comm, sum, VERDICTS + 1);
  for (int v = 0; v < VERDICTS; v++) survey->refused[v] = sum[v];
  survey->checksum = (uint64_t)sum[VERDICTS];

  /* The first row: the largest of negative numbers that hold row and verdict, exact in a double.
   */
  double first = survey->first_bad < 0
                     ? -0x1p52
                     : -(double)(survey->first_bad * VERDICTS + (long)survey->first_verdict);
  comm_max_f64(comm, &first, 1);
  survey->first_bad = first == -0x1p52 ? -1 : (long)-first / VERDICTS;
  survey->first_verdict = first == -0x1p52 ? JET_OK : (JetVerdict)((long)-first % VERDICTS);
}

Survey survey_rows(const Comm *comm, const Dataset *data, const uint8_t *verdict) {
  Survey survey = {.first_bad = -1};
  Range mine = range_of(data->rows, comm_rank(comm), comm_size(comm));
  survey_count(&survey, verdict + mine.from, mine.from, mine.to);
  for (long row = mine.from; row < mine.to; row++) survey.checksum += hash_row(data, row);
  survey_reduce(comm, &survey);
  return survey;
}

Err survey_judge(const Survey *survey, const char *path, long rows, BadRows bad_rows) {
  long nan = survey->refused[JET_NAN], negative = survey->refused[JET_NEGATIVE_ENERGY];
  long empty = survey->refused[JET_EMPTY];
  if (nan + negative > 0 && bad_rows == BAD_ERROR)
    return err_user("%s: row %ld: found %s, want finite numbers and energies >= 0; in all %ld "
                    "rows have a number that is not finite, %ld a negative energy (of %ld); "
                    "data.bad_rows=skip leaves them out",
                    path, survey->first_bad,
                    survey->first_verdict == JET_NAN ? "a number that is not finite"
                                                     : "a negative energy",
                    nan, negative, rows);
  if (nan + negative + empty == rows)
    return err_user("%s: found %ld empty and %ld bad rows, want some that can be used", path,
                    empty, nan + negative);
  if (nan + negative + empty > 0)
    log_warn("%s: refused %ld empty, %ld not finite, %ld negative energy of %ld rows", path,
             empty, nan, negative, rows);
  return OK;
}
