#include "data/survey.h"

#include "base/log.h"

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
  int64_t sum[VERDICTS];
  for (int v = 0; v < VERDICTS; v++) sum[v] = survey->refused[v];
  comm_sum_i64(comm, sum, VERDICTS);
  for (int v = 0; v < VERDICTS; v++) survey->refused[v] = sum[v];

  /* The first row: the largest of negative numbers that hold row and verdict, exact in a double.
   */
  double first = survey->first_bad < 0
                     ? -0x1p52
                     : -(double)(survey->first_bad * VERDICTS + (long)survey->first_verdict);
  comm_max_f64(comm, &first, 1);
  survey->first_bad = first == -0x1p52 ? -1 : (long)-first / VERDICTS;
  survey->first_verdict = first == -0x1p52 ? JET_OK : (JetVerdict)((long)-first % VERDICTS);
}

Survey survey_rows(const Comm *comm, const uint8_t *verdict, long rows) {
  Survey survey = {.first_bad = -1};
  Range mine = range_of(rows, comm_rank(comm), comm_size(comm));
  survey_count(&survey, verdict + mine.from, mine.from, mine.to);
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
