/* The word of a list that looks most like a misspelled one: for messages to people. */
#ifndef BASE_SPELLING_H
#define BASE_SPELLING_H

/* Edit distance: insertions, deletions, substitutions and swaps of neighbours, each 1. Words
 * longer than 127 characters are cut. */
int spelling_distance(const char *a, const char *b);
/* The nearest of candidate(of, 0), candidate(of, 1), ... up to NULL; the first of equals; "" when
 * there is none. */
const char *spelling_nearest(const char *word, const char *(*candidate)(const void *of, int i),
                         const void *of);

#endif
