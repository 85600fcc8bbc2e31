/* A jet as the sequence of its constituents, hardest first, in its own frame. */
#include <float.h>
#include <string.h>

#include "data/view.h"

extern const View view_sequence;

static const char *const names[] = {"pt_share", "eta", "phi", NULL};

static Err check(const ViewOpts *opts) {
  if (opts->points >= 1 && opts->points <= POINTS_MOST) return OK;
  return err_user("data.points: found %d, want 1 to %d", opts->points, POINTS_MOST);
}

static Shape shape(const ViewOpts *opts) { return (Shape){3, 1, opts->points}; }

/* By falling pT, equal ones in the order they came in. By insertion: files are nearly sorted. */
static void sort_by_pt(Constituent *c, int n) {
  for (int i = 1; i < n; i++) {
    Constituent moving = c[i];
    int k = i;
    for (; k > 0 && c[k - 1].pt_gev < moving.pt_gev; k--) c[k] = c[k - 1];
    c[k] = moving;
  }
}

/* A point that is there is never all zero, however small its share. */
static float share_of(double pt_gev, double sum_gev) {
  float share = (float)(pt_gev / sum_gev);
  return share > FLT_MIN ? share : FLT_MIN;
}

static JetVerdict make(float *x, const Jet *jet, const ViewOpts *opts) {
  Constituent c[JET_SLOTS_MOST];
  JetVerdict verdict;
  int n = jet_frame(c, jet->p4, jet->slots, &opts->image, &verdict), most = opts->points;
  if (verdict != JET_OK) return verdict;
  sort_by_pt(c, n);
  double sum_gev = constituents_pt_gev(c, n);
  float *share = x, *eta = x + most, *phi_rad = x + 2 * most; /* (T) each */
  memset(x, 0, 3 * (size_t)most * sizeof *x);
  for (int t = 0; t < n && t < most; t++) {
    share[t] = share_of(c[t].pt_gev, sum_gev);
    eta[t] = (float)c[t].eta;
    phi_rad[t] = (float)c[t].phi_rad;
  }
  return JET_OK;
}

const View view_sequence = {
    .name = "sequence",
    .names = names,
    .absent = true,
    .check = check,
    .shape = shape,
    .make = make,
};
