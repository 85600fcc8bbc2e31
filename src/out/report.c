#include "report_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/provenance.h"

static void put_cell(Page *page, const char *tag, const char *text) {
  page_html(page, "<%s>", tag);
  page_text(page, text);
  page_html(page, "</%s>", tag);
}

static const char *fact_of(const ReportRun *run, const char *name) {
  for (int i = 0; i < run->n; i++)
    if (!strcmp(run->fact[i].name, name)) return run->fact[i].value;
  return "";
}

/* Whether an earlier run or fact has the name. */
static bool named(const ReportRun *run, int r, int f) {
  for (int i = 0; i < r; i++)
    for (int k = 0; k < run[i].n; k++)
      if (!strcmp(run[i].fact[k].name, run[r].fact[f].name)) return true;
  return false;
}

/* One row per fact, one column per run. */
static void put_facts(Page *page, const ReportRun *run, int n) {
  page_html(page, "<table>\n<tr><th></th>");
  for (int r = 0; r < n; r++) put_cell(page, "th", run[r].name);
  page_html(page, "</tr>\n");
  for (int r = 0; r < n; r++)
    for (int f = 0; f < run[r].n; f++) {
      if (named(run, r, f)) continue;
      page_html(page, "<tr>");
      put_cell(page, "th", run[r].fact[f].name);
      for (int i = 0; i < n; i++) put_cell(page, "td", fact_of(&run[i], run[r].fact[f].name));
      page_html(page, "</tr>\n");
    }
  page_html(page, "</table>\n");
}

/* Scores of models that saw other samples say little about each other. */
static void warn_compared(Page *page, const ReportRun *run, int n) {
  for (int i = 1; i < n; i++) {
    if (!strcmp(run[i].data, run[0].data)) continue;
    page_html(page, "<div class=\"verdict g1\">");
    page_text(page, run[0].name);
    page_html(page, " and ");
    page_text(page, run[i].name);
    page_html(page, " were not trained on the same (");
    page_text(page, run[0].data);
    page_html(page, "; ");
    page_text(page, run[i].data);
    page_html(page, "): energies are not on one scale, compare AUC and rejections only.</div>\n");
  }
}

static void put_configs(Page *page, const ReportRun *run, int n) {
  for (int i = 0; i < n; i++) {
    if (!run[i].config) continue;
    page_html(page, "<details><summary>Configuration of ");
    page_text(page, run[i].name);
    page_html(page, "</summary><pre>");
    page_text(page, run[i].config);
    page_html(page, "</pre></details>\n");
  }
}

/* Parts of all runs together, and of each by itself. */
typedef struct Section {
  const char *title;
  bool (*all)(Page *page, const ReportRun *run, int n);
  bool (*each)(Page *page, const ReportRun *run);
} Section;

static const Section sections[] = {
    {"Training", report_training, report_energies},
    {"Normalisation", report_evidence, NULL},
    {"Scores", report_scores, report_mass},
    {"Reconstructions and samples", NULL, report_images},
    {"The plane", NULL, report_plane},
    {"Latent space", NULL, report_codes},
    {NULL, NULL, report_model}, /* goes on */
    {"Principal components", report_explained, NULL},
    {"Scan", NULL, report_scan},
};

static bool put_section(Page *page, const Section *section, const ReportRun *run, int n) {
  if (section->title) page_section(page, section->title);
  bool any = section->all && section->all(page, run, n);
  for (int i = 0; i < n && section->each; i++) {
    page_run(page, n > 1 ? i + 1 : 0, run[i].name);
    err_clear();
    any = section->each(page, &run[i]) || any;
    if (*err_message()) report_complain(page);
  }
  page_run(page, 0, NULL);
  return any;
}

static Err fill(Page *page, const ReportRun *run, int n) {
  bool any = false;
  page_section(page, "What was run");
  put_facts(page, run, n);
  warn_compared(page, run, n);
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
    any = put_section(page, &sections[i], run, n) || any;
  page_section(page, NULL);
  put_configs(page, run, n);
  page_html(page, "<p class=\"files\">jetnae %s</p>\n", provenance_version());
  if (any) return OK;
  return err_user("%s: found nothing to report, want a run directory with log.csv, scores.h5, "
                  "explained.csv or scan.csv",
                  run->folder);
}

Err report_write(const char *folder, const ReportRun *run, int n) {
  char html[REPORT_PATH], beside[REPORT_PATH], title[256] = "jetnae:";
  Page *page = NULL;
  snprintf(html, sizeof html, "%s/report.html", folder);
  snprintf(beside, sizeof beside, "%s/report", folder);
  for (int i = 0; i < n; i++) {
    size_t used = strlen(title);
    snprintf(title + used, sizeof title - used, "%s %.60s", i ? "," : "", run[i].name);
  }
  Err e = page_new(&page, html, beside, title);
  if (!e) e = fill(page, run, n);
  if (!e) e = page_write(page);
  page_free(&page);
  return e;
}
