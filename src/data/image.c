/* The last steps of an image: Gaussian filter, power and sum. */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "data/jet.h"
#include "num/elem.h"

enum { RADIUS_MOST = 256 };

typedef struct Filter {
  int radius;
  double
      weight[RADIUS_MOST + 1]; /* (radius + 1), weight[k] at distance k; all of them sum to 1 */
} Filter;

static void filter_init(Filter *filter, double sigma) {
  double radius = floor(4 * sigma + 0.5), sum = 1;
  filter->radius = (int)fmin(radius, RADIUS_MOST);
  filter->weight[0] = 1;
  for (int k = 1; k <= filter->radius; k++) {
    filter->weight[k] = elem_exp(-0.5 * k * k / (sigma * sigma));
    sum += 2 * filter->weight[k];
  }
  for (int k = 0; k <= filter->radius; k++) filter->weight[k] /= sum;
}

/* Index outside 0..n-1 mirrored at the outer faces: d c b a | a b c d | d c b a. */
static int reflect(int i, int n) {
  i = i < 0 ? -1 - i : i;
  i %= 2 * n;
  return i < n ? i : 2 * n - 1 - i;
}

enum { LINES = 8 };

/* Filter, in place, `lines` lines that lie `across` apart, of n pixels that lie `along` apart. */
static void filter_lines(float *x, int lines, int n, int across, int along,
                         const Filter *filter) {
  double line[IMAGE_SIZE_MOST + 2 * RADIUS_MOST][LINES];
  int radius = filter->radius;
  memset(line, 0, (size_t)(n + 2 * radius) * sizeof *line);
  for (int i = -radius; i < n + radius; i++) {
    const float *from = x + reflect(i, n) * along;
    for (int l = 0; l < lines; l++) line[radius + i][l] = from[l * across];
  }
  for (int i = 0; i < n; i++) {
    double sum[LINES];
    for (int l = 0; l < LINES; l++) sum[l] = filter->weight[0] * line[radius + i][l];
    for (int k = 1; k <= radius; k++) {
      const double *below = line[radius + i - k], *above = line[radius + i + k];
      for (int l = 0; l < LINES; l++) sum[l] += filter->weight[k] * (below[l] + above[l]);
    }
    for (int l = 0; l < lines; l++) x[i * along + l * across] = (float)sum[l];
  }
}

/* All lines of an image, LINES at a time. */
static void filter_all(float *pixels, int size, int across, int along, const Filter *filter) {
  for (int i = 0; i < size; i += LINES)
    filter_lines(pixels + i * across, size - i < LINES ? size - i : LINES, size, across, along,
                 filter);
}

static void smooth(float *pixels, int size, double sigma) {
  Filter filter;
  filter_init(&filter, sigma);
  filter_all(pixels, size, 1, size, &filter);
  filter_all(pixels, size, size, 1, &filter);
}

static void remap(float *pixels, int count, double power) {
  double sum = 0;
  for (int i = 0; i < count; i++) {
    pixels[i] = pixels[i] > 0 ? (float)elem_pow(pixels[i], power) : 0;
    sum += pixels[i];
  }
  for (int i = 0; i < count && sum > 0; i++) pixels[i] = (float)(pixels[i] / sum);
}

static void scale(float *pixels, int count, double factor) {
  for (int i = 0; i < count; i++) pixels[i] = (float)(pixels[i] * factor);
}

void image_finish(float *pixels, const ImageOpts *opts) {
  CHECK(opts->size > 0 && opts->size <= IMAGE_SIZE_MOST, "image size %d", opts->size);
  if (opts->smooth > 0) smooth(pixels, opts->size, opts->smooth);
  if (opts->power != 1) remap(pixels, opts->size * opts->size, opts->power);
  if (opts->sum != 1) scale(pixels, opts->size * opts->size, opts->sum);
}
