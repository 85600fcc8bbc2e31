#include "out/verdict.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "num/sorted.h"

enum { ROWS_LEAST = 4 };

/* ---- measures ---- */

/* Of the values that are there; NaN: none. */
static double median(const double *x, long from, long to) {
  double *sorted = MEM_NEW(double, "rows to sort", to - from + 1);
  memcpy(sorted, x + from, (size_t)(to - from) * sizeof *x);
  double middle = sorted_quantile(sorted, sorted_numbers(sorted, to - from), 0.5);
  mem_free(&sorted);
  return middle;
}

/* The last half of the rows of the last phase. */
static long tail(const RunLog *log) {
  long first = log->nae < log->rows ? log->nae : 0;
  return first + (log->rows - first) / 2;
}

static double typical(const RunLog *log, const char *name) {
  const double *x = runlog_column(log, name);
  return x ? median(x, tail(log), log->rows) : NAN;
}

/* Of a column that only the NAE phase fills: the plain autoencoder may have the name, too. */
static double typical_of_chains(const RunLog *log, const char *name) {
  return log->nae < log->rows ? typical(log, name) : NAN;
}

static double last(const RunLog *log, const char *name) {
  const double *x = runlog_column(log, name);
  for (long i = log->rows - 1; x && i >= 0; i--)
    if (!isnan(x[i])) return x[i];
  return NAN;
}

/* Rows from the last in which the number is there but is none; E+ is in every row. */
static double not_finite(const RunLog *log, const char *name) {
  const double *x = runlog_column(log, name);
  for (long i = 0; x && i < log->rows; i++)
    if (!isfinite(x[i])) return runlog_at(log, "step", i);
  return NAN;
}

/* E+ over what the plain autoencoder had reached. */
static double rise(const RunLog *log, const char *name) {
  const double *x = runlog_column(log, name);
  if (!x || log->nae == 0 || log->nae == log->rows) return NAN;
  long from = log->nae > ROWS_LEAST ? log->nae - ROWS_LEAST : 0;
  return typical(log, name) / median(x, from, log->nae);
}

/* What is left of the first E+ of a plain autoencoder. */
static double left_over(const RunLog *log, const char *name) {
  const double *x = runlog_column(log, name);
  if (!x || log->nae < 2 * ROWS_LEAST) return NAN;
  return median(x, log->nae - ROWS_LEAST, log->nae) / x[0];
}

/* A norm of weights over what it was at first. */
static double growth(const RunLog *log, const char *name) {
  return last(log, name) / runlog_at(log, name, 0);
}

/* The temperature that a chain's noise stands for, over the energy of the data: a chain in
 * equilibrium has an energy of half of that for each of its features. An energy of any sign has no
 * such unit. */
static double warmth(const RunLog *log, const char *name) {
  double plus = typical(log, "e_plus");
  return plus > 0 ? typical_of_chains(log, name) / plus : NAN;
}

/* Whether the negatives are what chains end with: each chain with steps writes their size. Logs
 * without that column are of such runs. */
static bool has_chains(const RunLog *log) {
  bool known = runlog_column(log, "z_step") || runlog_column(log, "x_step");
  return !known || !isnan(typical(log, "z_step")) || !isnan(typical(log, "x_step"));
}

/* Where chains sample the model, E-/E+ says how far it is from the data. */
static double ratio_of_chains(const RunLog *log, const char *name) {
  return has_chains(log) ? typical_of_chains(log, name) : NAN;
}

/* The same of chains that are to find all of the model, which are replayed: those that start at
 * data and stay near them need not have their energy. */
static double ratio_of_samples(const RunLog *log, const char *name) {
  bool replayed = !runlog_column(log, "replay_diversity") ||
                  !isnan(typical_of_chains(log, "replay_diversity"));
  return replayed ? ratio_of_chains(log, name) : NAN;
}

/* Where negatives are decoded codes as they were drawn, it says how far they have been pushed. */
static double ratio_of_codes(const RunLog *log, const char *name) {
  return has_chains(log) ? NAN : typical_of_chains(log, name);
}

/* ---- rules ---- */

typedef struct Rule {
  double (*measure)(const RunLog *log, const char *column);
  const char *column;
  double low, high; /* a finding outside; NaN is none */
  Grade grade;
  const char *word, *text; /* text: with the number that was found */
} Rule;

/* Of rules on the same measure and column the first that is broken speaks, and the first trouble
 * gives the word: causes stand before what follows from them. Bands of E-/E+, of
 * acceptance and of shares are those that training warns of (train/health.h). */
enum { LOST }; /* the rule that holds for the shortest log, too */
static const Rule rules[] = {
    [LOST] =
        {not_finite, "e_plus", INFINITY, INFINITY, TROUBLE, "diverged",
         "E+ is no number at step %.0f: the weights are lost. Lower the rate (train.ae_rate, "
         "train.nae_rate) or clip the gradients (train.ae_clip, train.nae_clip)."},
    {growth, "norm_encoder", -INFINITY, 100, TROUBLE, "diverged",
     "the norm of the encoder's weights is %.3g times what it was at first: they have run away. "
     "Lower the rate."},
    {growth, "norm_decoder", -INFINITY, 100, TROUBLE, "diverged",
     "the norm of the decoder's weights is %.3g times what it was at first: they have run away. "
     "Lower the rate."},
    {last, "rollbacks", -INFINITY, 2, TROUBLE, "diverged",
     "the guard has taken the run back to an earlier state %.0f times: it runs away again and "
     "again. Lower train.nae_rate."},
    {typical_of_chains, "z_accepted", 0.05, INFINITY, TROUBLE, "frozen",
     "the latent chain accepts a share of %.3g of its proposals: it stands still. Smaller "
     "nae.z_step_size or more nae.warmup_steps."},
    {typical_of_chains, "x_accepted", 0.05, INFINITY, TROUBLE, "frozen",
     "the visible chain accepts a share of %.3g of its proposals: it stands still. Smaller "
     "nae.x_step_size or more nae.warmup_steps."},
    {warmth, "z_temperature_last", 1e-6, INFINITY, TROUBLE, "frozen",
     "the latent chain's noise stands for a temperature of %.3g E+: cold, it rolls downhill and "
     "does not sample. More nae.z_noise, or nae.z_sampler: mala."},
    {warmth, "x_temperature_last", 1e-6, INFINITY, TROUBLE, "frozen",
     "the visible chain's noise stands for a temperature of %.3g E+: cold, it rolls downhill and "
     "does not sample. More nae.x_noise, or nae.x_sampler: mala."},
    {typical_of_chains, "replay_diversity", 0.05, INFINITY, TROUBLE, "collapsed",
     "the replayed chains have a diversity of %.3g (0: all in one place, 1: spread evenly): they "
     "all sit in the same place. More noise, or a smaller nae.replay_ratio."},
    {growth, "norm_encoder", 0.01, INFINITY, TROUBLE, "collapsed",
     "the norm of the encoder's weights is %.3g times what it was at first: that part of the "
     "network is dead."},
    {growth, "norm_decoder", 0.01, INFINITY, TROUBLE, "collapsed",
     "the norm of the decoder's weights is %.3g times what it was at first: that part of the "
     "network is dead."},
    {typical, "code_active", 0.01, INFINITY, TROUBLE, "collapsed",
     "a share of %.3g of the code's features is active: the code carries nothing. Lower the "
     "weight of the sparsity term."},
    {left_over, "e_plus", -INFINITY, 0.95, TROUBLE, "collapsed",
     "E+ at the end of the plain phase is %.3g of what it was at first: the network has learned "
     "nothing. Look at the rate, and whether the input is what it should be."},
    {ratio_of_chains, "e_ratio", -INFINITY, 5, TROUBLE, "diverged",
     "E-/E+ has a median of %.3g: the chains' energy has run away from that of the data, and the "
     "score is no likelihood. Lower train.nae_rate or raise nae.gamma."},
    {ratio_of_chains, "e_ratio", 0.2, INFINITY, TROUBLE, "frozen",
     "E-/E+ has a median of %.3g: the chains are so cold that they roll into holes of the "
     "energy, which the model takes for better than any data. A higher nae.temperature (auto, "
     "with mala), or more noise."},
    {ratio_of_samples, "e_ratio", -INFINITY, 1.15, DOUBT, "doubtful",
     "E-/E+ has a median of %.3g, above the healthy 0.85 to 1.15: the model at its temperature "
     "is wider than the data. More epochs, a lower nae.temperature or a trained one."},
    {ratio_of_samples, "e_ratio", 0.85, INFINITY, DOUBT, "doubtful",
     "E-/E+ has a median of %.3g, below the healthy 0.85 to 1.15: chains find states that the "
     "model takes for better than data. More epochs, more chain steps (nae.x_steps, nae.z_steps) "
     "or a higher nae.temperature."},
    {ratio_of_codes, "e_ratio", -INFINITY, 20, TROUBLE, "diverged",
     "E-/E+ has a median of %.3g, without chains that would find the lowest of the negatives: "
     "training only drives up what is far from any data. Raise nae.gamma."},
    {ratio_of_codes, "e_ratio", 1, INFINITY, DOUBT, "doubtful",
     "E-/E+ has a median of %.3g: the negatives, decoded codes that no chain has moved, still "
     "have less energy than data. More of train.nae_epochs, or a higher train.nae_rate."},
    {rise, "e_plus", -INFINITY, 10, TROUBLE, "diverged",
     "E+ is %.3g times what the plain autoencoder had reached: reconstruction is lost. Lower "
     "train.nae_rate or raise nae.gamma."},
    {typical, "valid_explained", 0, INFINITY, TROUBLE, "collapsed",
     "reconstructions explain a share of %.3g of the variance of held-out samples, less than "
     "their plain mean would: the network has learned hardly anything. More of train.ae_epochs, "
     "another rate, or larger pixels (data.pixel_sum), against which the encoder's biases do not "
     "win."},
    {typical, "valid_explained", 0.1, INFINITY, DOUBT, "doubtful",
     "reconstructions explain a share of %.3g of the variance of held-out samples, little more "
     "than their plain mean does: the score is hardly more than the distance to the mean."},
    {rise, "e_plus", -INFINITY, 2, DOUBT, "doubtful",
     "E+ is %.3g times what the plain autoencoder had reached: the NAE phase costs "
     "reconstruction."},
    {typical_of_chains, "z_accepted", 0.2, 0.95, DOUBT, "doubtful",
     "the latent chain accepts a share of %.3g, far from the best 0.57: near 1 its steps are too "
     "short to explore, near 0 too long."},
    {typical_of_chains, "x_accepted", 0.2, 0.95, DOUBT, "doubtful",
     "the visible chain accepts a share of %.3g, far from the best 0.57: near 1 its steps are "
     "too short to explore, near 0 too long."},
    {typical_of_chains, "replay_diversity", 0.2, INFINITY, DOUBT, "doubtful",
     "the replayed chains have a diversity of %.3g (0: all in one place, 1: spread evenly): they "
     "crowd in a part of the latent space."},
    {typical_of_chains, "x_clipped", -INFINITY, 0.95, DOUBT, "doubtful",
     "a share of %.3g of the visible chain's gradients is clipped: its steps have one length, "
     "whatever the energy says. Raise nae.x_clip_norm."},
    {typical_of_chains, "z_clipped", -INFINITY, 0.95, DOUBT, "doubtful",
     "a share of %.3g of the latent chain's gradients is clipped: its steps have one length, "
     "whatever the energy says. Raise nae.z_clip_norm."},
    {typical_of_chains, "at_bound", -INFINITY, 0.95, DOUBT, "doubtful",
     "a share of %.3g of the values of the chains' ends sits on a bound (nae.x_low, "
     "nae.x_high)."},
    {last, "rollbacks", -INFINITY, 0, DOUBT, "doubtful",
     "the guard has taken the run back to an earlier state %.0f times."},
    {last, "valid_auc", 0.5, INFINITY, DOUBT, "doubtful",
     "held-out anomalies have an AUC of %.3g, below 1/2: the model reconstructs them better than "
     "what it was trained on."},
    {typical, "below_epsilon", -INFINITY, 0.5, REMARK, "",
     "a share of %.3g of the second moments is below train.epsilon, so that Adam takes plain "
     "small steps there."},
};
enum { RULES = sizeof rules / sizeof *rules };
_Static_assert(RULES + 1 <= FINDINGS, "room for all rules and a remark");

/* E-/E+ is one subject, whichever chains it is of. */
static bool same_subject(const Rule *a, const Rule *b) {
  bool same_column = !strcmp(a->column, b->column);
  return same_column && (a->measure == b->measure || !strcmp(a->column, "e_ratio"));
}

static bool spoken(const bool *broken, int r) {
  for (int i = 0; i < r; i++)
    if (broken[i] && same_subject(&rules[i], &rules[r])) return true;
  return false;
}

static bool outside(double x, const Rule *rule) { return x < rule->low || x > rule->high; }

static void add(Verdict *verdict, Grade grade, const char *word, const char *format,
                double found) {
  Finding *finding = &verdict->finding[verdict->n++];
  *finding = (Finding){.grade = grade, .word = word};
  snprintf(finding->text, sizeof finding->text, format, found);
}

static void apply_rules(Verdict *verdict, const RunLog *log) {
  bool broken[RULES] = {false};
  for (int r = 0; r < RULES; r++) {
    double found = rules[r].measure(log, rules[r].column);
    broken[r] = outside(found, &rules[r]) && !spoken(broken, r);
    if (broken[r]) add(verdict, rules[r].grade, rules[r].word, rules[r].text, found);
  }
}

static void add_remarks(Verdict *verdict, const RunLog *log) {
  if (log->damaged)
    add(verdict, REMARK, "",
        log->cut ? "%.0f lines of the log are cut or damaged, the last among them; they are left "
                   "out."
                 : "%.0f lines of the log are cut or damaged; they are left out.",
        (double)log->damaged);
}

Verdict verdict_of(const RunLog *log) {
  long rows = log->rows - (log->nae < log->rows ? log->nae : 0);
  Verdict verdict = {.word = rows < ROWS_LEAST ? "too early" : "healthy", .grade = REMARK};
  if (rows < ROWS_LEAST) {
    add(&verdict, REMARK, "", "%.0f rows of this phase are too few to tell.", (double)rows);
    double step = not_finite(log, "e_plus");
    if (!isnan(step)) add(&verdict, TROUBLE, rules[LOST].word, rules[LOST].text, step);
  } else {
    apply_rules(&verdict, log);
  }
  add_remarks(&verdict, log);
  for (int i = 0; i < verdict.n; i++) {
    const Finding *finding = &verdict.finding[i];
    if (finding->grade <= verdict.grade) continue; /* the first of its grade */
    verdict.grade = finding->grade;
    verdict.word = finding->word;
  }
  return verdict;
}
