#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/whole.h"

/* Before each array lies one line that says what it is. */
typedef struct Head {
  size_t bytes;
  const char *name;
  struct Head *next, *prev;
  char pad[32];
} Head;
_Static_assert(sizeof(Head) == 64, "an array starts at a multiple of 64 bytes");

static Head all = {.next = &all, .prev = &all};
static size_t total;

void *mem_new(const char *name, size_t count, size_t size) {
  size_t bytes;
  CHECK(!__builtin_mul_overflow(count, size, &bytes) && bytes < SIZE_MAX / 2,
        "no memory for %s: %zu x %zu bytes", name, count, size);
  size_t rounded = whole_lines(bytes) + sizeof(Head);
  Head *head = aligned_alloc(64, rounded);
  CHECK(head, "no memory for %s: %zu bytes", name, bytes);
  memset(head, 0, rounded);
  *head = (Head){.bytes = bytes, .name = name, .next = all.next, .prev = &all};
  all.next->prev = head;
  all.next = head;
  total += bytes;
  return head + 1;
}

void mem_free_(void **p) {
  if (!*p) return;
  Head *head = (Head *)*p - 1;
  head->next->prev = head->prev;
  head->prev->next = head->next;
  total -= head->bytes;
  free(head);
  *p = NULL;
}

size_t mem_total(void) { return total; }

void mem_describe(char *text, size_t size, int n) {
  enum { NAMES = 64 };
  struct {
    const char *name;
    size_t bytes;
  } sum[NAMES] = {0};
  int names = 0;
  for (Head *h = all.next; h != &all; h = h->next) {
    int i = 0;
    while (i < names && strcmp(sum[i].name, h->name)) i++;
    if (i == NAMES) continue;
    if (i == names) sum[names++].name = h->name;
    sum[i].bytes += h->bytes;
  }
  size_t used = (size_t)snprintf(text, size, "%.1f MB", (double)total * 1e-6);
  for (int k = 0; k < n && k < names; k++) {
    int best = k;
    for (int i = k + 1; i < names; i++)
      if (sum[i].bytes > sum[best].bytes) best = i;
    typeof(sum[0]) swap = sum[k];
    sum[k] = sum[best];
    sum[best] = swap;
    if (used < size)
      used += (size_t)snprintf(text + used, size - used, "%s%s %.1f MB", k ? ", " : " (",
                               sum[k].name, (double)sum[k].bytes * 1e-6);
  }
  if (n > 0 && names > 0 && used < size) snprintf(text + used, size - used, ")");
}
