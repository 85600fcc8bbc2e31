#include "filters.h"

#include <blosc.h>
#include <string.h>
#include <zlib.h>

bool filter_known(int id) {
  return id == FILTER_DEFLATE || id == FILTER_SHUFFLE || id == FILTER_BLOSC;
}

static const char *undo_blosc(unsigned char *plain, size_t n, const unsigned char *stored,
                              size_t stored_n) {
  size_t framed;
  if (stored_n < BLOSC_MIN_HEADER_LENGTH || blosc_cbuffer_validate(stored, stored_n, &framed))
    return "found no Blosc frame";
  if (framed != n) return "found a Blosc frame of another length";
  const char *codec = blosc_cbuffer_complib(stored);
  if (!codec) return "found a Blosc frame with an unknown codec";
  if (blosc_decompress_ctx(stored, plain, n, 1) != (int)n)
    return "found a Blosc frame that does not decompress";
  return NULL;
}

static const char *undo_deflate(unsigned char *plain, size_t n, const unsigned char *stored,
                                size_t stored_n) {
  uLongf length = n;
  if (uncompress(plain, &length, stored, stored_n) != Z_OK || length != n)
    return "found a deflate stream that does not decompress";
  return NULL;
}

/* Byte b of element i lies at b * count + i; bytes that fill no element follow as they are. */
static const char *undo_shuffle(unsigned char *plain, size_t n, const unsigned char *stored,
                                size_t element) {
  size_t count = n / element;
  for (size_t b = 0; b < element; b++)
    for (size_t i = 0; i < count; i++) plain[i * element + b] = stored[b * count + i];
  memcpy(plain + count * element, stored + count * element, n - count * element);
  return NULL;
}

const char *filter_undo(int id, unsigned char *plain, size_t n, const unsigned char *stored,
                        size_t stored_n, size_t element) {
  if (id == FILTER_BLOSC) return undo_blosc(plain, n, stored, stored_n);
  if (id == FILTER_DEFLATE) return undo_deflate(plain, n, stored, stored_n);
  if (stored_n != n) return "found a shuffled chunk of another length";
  return undo_shuffle(plain, n, stored, element);
}
