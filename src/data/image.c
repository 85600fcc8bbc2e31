/* The last steps of an image: Gaussian filter, power and sum. */
#include <math.h>

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

/* Filter n pixels that lie `stride` apart, in place. */
static void filter_line(float *x, int n, int stride, const Filter *filter) {
  double line[IMAGE_SIZE_MOST + 2 * RADIUS_MOST];
  int radius = filter->radius;
  for (int i = -radius; i < n + radius; i++) line[radius + i] = x[reflect(i, n) * stride];
  for (int i = 0; i < n; i++) {
    const double *at = line + radius + i;
    double sum = filter->weight[0] * at[0];
    for (int k = 1; k <= radius; k++) sum += filter->weight[k] * (at[-k] + at[k]);
    x[i * stride] = (float)sum;
  }
}

static void smooth(float *pixels, int size, double sigma) {
  Filter filter;
  filter_init(&filter, sigma);
  for (int i = 0; i < size; i++) filter_line(pixels + i, size, size, &filter);
  for (int i = 0; i < size; i++) filter_line(pixels + i * size, size, 1, &filter);
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
