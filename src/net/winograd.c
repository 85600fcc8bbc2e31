/* Winograd convolution, one or two 4x4 patches of pixels of all channels at a time:
 *
 *   V[p][c] = transform of the 6x6 inputs of channel c          (36 points p = 6 row + column)
 *   M[p][o] = sum over c of U[p][c][o] V[p][c]                  (eight outputs o at a time)
 *   y[o]    = transform of M[.][o] to 4x4 outputs, with bias and finish
 *
 * and its transpose, where the channels o are taken and the channels c made, and the patches of
 * 6x6 pixels overlap and are added.
 *
 * Eight to eight channels, the jet network's case, take one patch: V, M in its place, and U lie in
 * the nearest cache. Wider layers take two, so that a weight is fetched half as often, and their
 * channels in portions; the sums M of a group of outputs wait from one portion to the next. */
#include "net/winograd.h"

#include "net/finish.h"
#include "net/winograd_transforms.h"

enum { POINTS = 36, OUTS = 8, PATCHES = 2, CHANNELS = 32, GROUP = 8 };

/* --- weights, in double, rounded once: (o, c, 3, 3) to [p][block of o][c][OUTS] --- */

/* Values of the polynomial g0 + g1 x + g2 x^2 at the points, over the products of differences. */
static void transform_taps(double out[6], double g0, double g1, double g2) {
  const double a = WINOGRAD_A, b = WINOGRAD_B, a2 = a * a, b2 = b * b;
  out[0] = g0 / (a2 * b2);
  out[1] = (g0 + a * g1 + a2 * g2) / (2 * a2 * (a2 - b2));
  out[2] = (g0 - a * g1 + a2 * g2) / (2 * a2 * (a2 - b2));
  out[3] = (g0 + b * g1 + b2 * g2) / (2 * b2 * (b2 - a2));
  out[4] = (g0 - b * g1 + b2 * g2) / (2 * b2 * (b2 - a2));
  out[5] = g2;
}

static void transform_kernel(double u[POINTS], const float *w, long row, long col) {
  double t[3][6], column[6];
  for (int r = 0; r < 3; r++, w += row) transform_taps(t[r], w[0], w[col], w[2 * col]);
  for (int q = 0; q < 6; q++) {
    transform_taps(column, t[0][q], t[1][q], t[2][q]);
    for (int p = 0; p < 6; p++) u[6 * p + q] = column[p];
  }
}

static int blocks_of(int outs) { return (outs + OUTS - 1) / OUTS; }

size_t winograd_packed_size(int outs, int ins) {
  return (size_t)blocks_of(outs) * POINTS * (size_t)ins * OUTS;
}

void winograd_pack(float *packed, int outs, int ins, Taps t) {
  long n = ins, blocks = blocks_of(outs);
  memset(packed, 0, winograd_packed_size(outs, ins) * sizeof *packed);
  for (int o = 0; o < outs; o++)
    for (int c = 0; c < ins; c++) {
      double u[POINTS];
      transform_kernel(u, t.w + o * t.out + c * t.in, t.row, t.col);
      for (int p = 0; p < POINTS; p++)
        packed[((p * blocks + o / OUTS) * n + c) * OUTS + o % OUTS] = (float)u[p];
    }
}

/* What is done to the lanes l .. of a tile. */
typedef struct Job {
  const Correlation *g;
  int ins, outs; /* channels that are taken, and made */
  float *y;
  const float *x, *u, *bias;
  Finish finish;
  int l;
} Job;

/* Points of channels `from` to `to` of the patch at (i, j), to v[p * ld], v[p * ld + 1], ... */
typedef void Take(const Job *job, int i, int j, int from, int to, vec *v, long ld);
/* Channel o of the patch at (i, j) from its points m[p * ld]. */
typedef void Give(const Job *job, int i, int j, int o, const vec *m, long ld);

/* --- forward --- */

/* The 6x6 inputs at (top, left) of a plane, zeros outside. */
static void copy_patch(float *patch, const float *x, Shape in, int top, int left) {
  for (int r = 0; r < 6; r++)
    for (int s = 0; s < 6; s++, patch += L) {
      int i = top + r, j = left + s;
      bool outside = i < 0 || i >= in.h || j < 0 || j >= in.w;
      v_store(patch, 0, outside ? v_set(0) : v_load(x, (long)i * in.w + j));
    }
}

INLINE void take(const Job *job, int i, int j, int from, int to, vec *v, long ld) {
  Shape in = job->g->in;
  int top = i - job->g->top, left = j - job->g->left;
  long plane = (long)in.h * in.w;
  bool edge = top < 0 || left < 0 || top + 6 > in.h || left + 6 > in.w;
  for (int c = from; c < to; c++, v++) {
    const float *xc = job->x + job->l + L * c * plane;
    if (edge) {
      _Alignas(64) float patch[POINTS * L];
      copy_patch(patch, xc, in, top, left);
      winograd_transform_input(patch, L * 6, v, ld);
    } else {
      winograd_transform_input(xc + L * ((long)top * in.w + left), L * (long)in.w, v, ld);
    }
  }
}

/* What lies inside the image. */
INLINE void give(const Job *job, int i, int j, int o, const vec *m, long ld) {
  vec out[4][4];
  float *y = job->y;
  const float *bias = job->bias;
  const Finish finish = job->finish;
  const int l = job->l;
  Shape s = job->g->out;
  long site = ((long)o * s.h + i) * s.w + j;
  winograd_transform_output(m, ld, v_set(bias ? bias[o] : 0), out);
  if (i + 4 <= s.h && j + 4 <= s.w) {
    finish_store(finish, y, out[0], 4, 4, 4, site, s.w, 1, l);
    return;
  }
  for (int r = 0; r < 4 && i + r < s.h; r++)
    for (int b = 0; b < 4 && j + b < s.w; b++)
      finish_store(finish, y, &out[r][b], 1, 1, 1, site + (long)r * s.w + b, 0, 0, l);
}

/* --- the transpose --- */

INLINE void take_back(const Job *job, int i, int j, int from, int to, vec *v, long ld) {
  Shape s = job->g->out;
  for (int o = from; o < to; o++, v++) {
    const float *x = job->x + job->l + L * (((long)o * s.h + i) * s.w + j);
    vec dy[4][4];
    for (int r = 0; r < 4; r++)
      for (int b = 0; b < 4; b++)
        dy[r][b] = i + r < s.h && j + b < s.w ? v_load(x, (long)r * s.w + b) : v_set(0);
    winograd_transform_output_back(dy, v, ld);
  }
}

/* Adds to what other patches left there. */
INLINE void give_back(const Job *job, int i, int j, int c, const vec *m, long ld) {
  Shape s = job->g->in;
  int top = i - job->g->top, left = j - job->g->left;
  float *y = job->y + job->l + L * (long)c * s.h * s.w;
  vec d[6][6];
  winograd_transform_input_back(m, ld, d);
  for (int r = 0; r < 6; r++)
    for (int b = 0; b < 6; b++) {
      bool outside = top + r < 0 || top + r >= s.h || left + b < 0 || left + b >= s.w;
      long site = (long)(top + r) * s.w + left + b;
      if (!outside) v_store(y, site, v_load(y, site) + d[r][b]);
    }
}

/* --- eight to eight channels --- */

/* M[p][o] = sum over c of U[p][c][o] V[p][c], in the place of V (POINTS, OUTS). */
INLINE void products_8_8(vec *v, const float *u) {
  for (int p = 0; p < POINTS; p++, v += OUTS, u += OUTS * OUTS) {
    vec a[OUTS];
    UNROLL(8)
    for (int o = 0; o < OUTS; o++) a[o] = v_set(0);
    for (int c = 0; c < OUTS; c++) {
      UNROLL(8)
      for (int o = 0; o < OUTS; o++) a[o] = v_fma(v[c], v_set(u[c * OUTS + o]), a[o]);
    }
    UNROLL(8)
    for (int o = 0; o < OUTS; o++) v[o] = a[o];
  }
}

static void all_8_8(const Job *job) {
  vec v[POINTS * OUTS];
  Shape out = job->g->out;
  for (int i = 0; i < out.h; i += 4)
    for (int j = 0; j < out.w; j += 4) {
      take(job, i, j, 0, OUTS, v, OUTS);
      products_8_8(v, job->u);
      for (int o = 0; o < OUTS; o++) give(job, i, j, o, v + o, OUTS);
    }
}

/* --- any number of channels --- */

enum { LD = CHANNELS + 1 }; /* odd, so that the 36 points of a channel spread over the cache */

/* Patches on their way: inputs of a portion of the channels, sums of a group of outputs. */
typedef struct Room {
  vec v[PATCHES][POINTS * LD];
  vec m[PATCHES][GROUP][POINTS * OUTS];
} Room;

/* M[p][o] (+)= sum over n channels of U[p][c][o] V[p][c] for block b of the group. */
INLINE void products(Room *room, const float *u, int p, int b, int n, bool add, int patches) {
  vec a[PATCHES][OUTS];
  UNROLL(2)
  for (int t = 0; t < patches; t++) {
    UNROLL(8)
    for (int o = 0; o < OUTS; o++) a[t][o] = add ? room->m[t][b][p * OUTS + o] : v_set(0);
  }
  for (int c = 0; c < n; c++, u += OUTS) {
    UNROLL(8)
    for (int o = 0; o < OUTS; o++) {
      UNROLL(2)
      for (int t = 0; t < patches; t++)
        a[t][o] = v_fma(room->v[t][p * LD + c], v_set(u[o]), a[t][o]);
    }
  }
  UNROLL(2)
  for (int t = 0; t < patches; t++) {
    UNROLL(8)
    for (int o = 0; o < OUTS; o++) room->m[t][b][p * OUTS + o] = a[t][o];
  }
}

/* Output blocks from .. to - 1 of `patches` patches, the first of them number t. */
INLINE void group(Room *room, const Job *job, Take take_points, Give give_points, int t, int from,
                  int to, int patches) {
  int n = job->ins, blocks = blocks_of(job->outs), across = (job->g->out.w + 3) / 4;
  for (int c = 0; c < n; c += CHANNELS) {
    int end = c + CHANNELS < n ? c + CHANNELS : n;
    for (int k = 0; k < patches; k++)
      take_points(job, (t + k) / across * 4, (t + k) % across * 4, c, end, room->v[k], LD);
    for (int p = 0; p < POINTS; p++)
      for (int b = from; b < to; b++)
        products(room, job->u + (((long)p * blocks + b) * n + c) * OUTS, p, b - from, end - c,
                 c > 0, patches);
  }
  for (int k = 0; k < patches; k++)
    for (int o = from * OUTS; o < to * OUTS && o < job->outs; o++)
      give_points(job, (t + k) / across * 4, (t + k) % across * 4, o,
                  room->m[k][o / OUTS - from] + o % OUTS, OUTS);
}

INLINE void all_groups(const Job *job, Take take_points, Give give_points) {
  Room room;
  int blocks = blocks_of(job->outs), patches = winograd_patches(job->g->out);
  for (int t = 0; t < patches; t += PATCHES)
    for (int b = 0; b < blocks; b += GROUP) {
      int to = b + GROUP < blocks ? b + GROUP : blocks;
      if (t + 1 < patches)
        group(&room, job, take_points, give_points, t, b, to, PATCHES);
      else
        group(&room, job, take_points, give_points, t, b, to, 1);
    }
}

static void wide(const Job *job) { all_groups(job, take, give); }

void winograd(const Correlation *g, float *y, const float *x, const float *packed,
              const float *bias, Finish finish) {
  bool eight = g->in.c == OUTS && g->out.c == OUTS;
  LANES(l) {
    Job job = {g, g->in.c, g->out.c, y, x, packed, bias, finish, l};
    (eight ? all_8_8 : wide)(&job);
  }
}

void winograd_back(const Correlation *g, float *y, const float *x, const float *packed,
                   const float *bias, Finish finish) {
  const long plane = (long)g->in.h * g->in.w, n = g->in.c * plane;
  LANES(l) {
    Job job = {g, g->out.c, g->in.c, y, x, packed, bias, finish, l};
    for (long i = 0; i < n; i++) v_store(y + l, i, v_set(bias ? bias[i / plane] : 0));
    all_groups(&job, take_back, give_back);
    for (long i = 0; finish.kind && i < n; i++) {
      vec v = v_load(y + l, i);
      finish_store(finish, y, &v, 1, 1, 1, i, 0, 0, l);
    }
  }
}
