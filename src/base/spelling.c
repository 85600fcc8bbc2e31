#include "base/spelling.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

enum { LONGEST = 127 };

static int min3(int a, int b, int c) { return a < b ? (a < c ? a : c) : (b < c ? b : c); }

int spelling_distance(const char *a, const char *b) {
  int n = (int)strnlen(a, LONGEST), m = (int)strnlen(b, LONGEST);
  int d[LONGEST + 1][LONGEST + 1]; /* (n + 1, m + 1) between beginnings of a and b */
  for (int i = 0; i <= n; i++) d[i][0] = i;
  for (int j = 0; j <= m; j++) d[0][j] = j;
  for (int i = 1; i <= n; i++)
    for (int j = 1; j <= m; j++) {
      d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped && d[i - 2][j - 2] + 1 < d[i][j]) d[i][j] = d[i - 2][j - 2] + 1;
    }
  return d[n][m];
}

const char *spelling_nearest(const char *word, const char *(*candidate)(const void *of, int i),
                         const void *of) {
  const char *best = "", *name;
  int least = INT_MAX;
  for (int i = 0; (name = candidate(of, i)); i++) {
    int distance = spelling_distance(word, name);
    if (distance < least) least = distance, best = name;
  }
  return best;
}
