/* What `jetnae evidence` left: log Omega and the likelihood of held-out rows. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "report_parts.h"

static double number(const json_t *json, const char *name) {
  const json_t *value = json_object_get(json, name);
  return json_is_number(value) ? json_number_value(value) : NAN;
}

static void put_cell(Page *page, double value, double error) {
  if (isnan(value))
    page_html(page, "<td class=\"n\">none</td>");
  else if (isnan(error))
    page_html(page, "<td class=\"n\">%.6g</td>", value);
  else
    page_html(page, "<td class=\"n\">%.6g &plusmn; %.2g</td>", value, error);
}

static void put_decimals(Page *page, double value, int decimals) {
  if (isnan(value))
    page_html(page, "<td class=\"n\">none</td>");
  else
    page_html(page, "<td class=\"n\">%.*f</td>", decimals, value);
}

static bool collapsed(const json_t *json) {
  return json_is_true(json_object_get(json, "collapsed"));
}

/* What the command says of the error; nothing where it said nothing. */
static bool trusted(const json_t *json, const char *how) {
  const char *said = json_string_value(json_object_get(json, "error_trust"));
  return said && !strcmp(said, how);
}

static const char *worth(const json_t *json) {
  if (trusted(json, "good")) return "can be trusted";
  if (trusted(json, "borderline")) return "may be too small";
  return trusted(json, "none") ? "not to be trusted" : "";
}

/* Collapsed weights know nothing of their error. */
static double error_of(const json_t *json, const char *name) {
  return collapsed(json) ? NAN : number(json, name);
}

static void put_head(Page *page) {
  page_html(page, "<table>\n<tr><th>run</th><th>T</th><th>log &Omega;</th>"
                  "<th>log-likelihood, nats per row</th><th>rows</th>"
                  "<th>effective chains</th><th>of</th><th>tail k</th><th>the error</th></tr>\n");
}

static void put_row(Page *page, const ReportRun *run, const json_t *json) {
  page_html(page, "<tr><td>");
  page_text(page, run->name);
  page_html(page, "</td>");
  put_cell(page, number(json, "temperature"), NAN);
  put_cell(page, number(json, "log_omega"), error_of(json, "log_omega_error"));
  put_cell(page, number(json, "log_likelihood"), error_of(json, "log_likelihood_error"));
  put_cell(page, number(json, "rows"), NAN);
  put_decimals(page, number(json, "effective"), 1);
  put_cell(page, number(json, "chains"), NAN);
  put_decimals(page, number(json, "tail_shape"), 2);
  page_html(page, "<td>%s</td></tr>\n", worth(json));
}

static void warn(Page *page, const ReportRun *run, const json_t *json) {
  if (!collapsed(json) && !trusted(json, "none")) return;
  page_html(page, "<div class=\"verdict g2\"><strong>");
  page_text(page, run->name);
  if (collapsed(json))
    page_html(
        page,
        ": the weights have collapsed on a few chains.</strong> Neither log &Omega; nor its "
        "error can be trusted; want more evidence.steps or evidence.transitions.</div>\n");
  else
    page_html(
        page,
        ": the error of log &Omega; is not to be trusted.</strong> The largest weights have "
        "a heavy tail, or are too few to tell, and log &Omega; is likely too small; want "
        "more evidence.steps, evidence.transitions or evidence.chains.</div>\n");
}

/* NULL: there is none that can be read; a part of a file is said to be one. */
static json_t *evidence_of(Page *page, const ReportRun *run) {
  char path[REPORT_PATH];
  json_error_t error;
  report_path(path, run, "evidence.json");
  if (!report_has(run, "evidence.json")) return NULL;
  json_t *json = json_load_file(path, 0, &error);
  if (json_is_object(json)) return json;
  err_user("%s: found no result of jetnae evidence: %s", path, error.text);
  report_complain(page);
  json_decref(json);
  return NULL;
}

bool report_evidence(Page *page, const ReportRun *run, int n) {
  json_t *json[REPORT_RUNS];
  int found = 0;
  for (int i = 0; i < n; i++) found += (json[i] = evidence_of(page, &run[i])) != NULL;
  if (found == 0) return false;
  put_head(page);
  for (int i = 0; i < n; i++)
    if (json[i]) put_row(page, &run[i], json[i]);
  page_html(
      page,
      "</table>\n<p>p(x) = exp(-E(x)/T)/&Omega; over all x, by annealed importance sampling, at "
      "that T; the rows are the normal ones. Densities are those of the "
      "network's input; compare likelihoods of runs on the same rows and the same "
      "preprocessing only. k is the Pareto shape of the largest weights: below 0.5 the error "
      "can be trusted.</p>\n");
  for (int i = 0; i < n; i++) {
    if (json[i]) warn(page, &run[i], json[i]);
    json_decref(json[i]);
  }
  return true;
}
